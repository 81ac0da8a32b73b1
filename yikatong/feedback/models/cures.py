"""Views: how failures are made good, and money that is nobody's."""

from __future__ import annotations

from django.db import models

from yikatong.feedback.rules import CureState, cure_of
from yikatong.submission.models import Line


class Cure(models.Model):
    """The SQL view `cure`: a failed or returned payment, and what has become of its cause."""

    id = models.BigIntegerField(primary_key=True, db_comment="代发明细编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    unit_no = models.IntegerField(db_comment="编制单位编号")
    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    batch_id = models.BigIntegerField(db_comment="批次编号")
    programme_code = models.CharField(max_length=20, db_comment="项目编码")
    period = models.CharField(max_length=7, db_comment="期次 YYYY-MM")
    line = models.ForeignKey(
        Line, on_delete=models.DO_NOTHING, related_name="+", db_comment="发放明细"
    )
    attempt = models.IntegerField(db_comment="第几次发放")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")
    state = models.CharField(max_length=10, db_comment="失败或退汇")
    code = models.CharField(max_length=6, db_comment="原因类别 F01…F99")
    bank_text = models.CharField(max_length=300, db_comment="银行原因原文")
    failed_at = models.DateTimeField(null=True, db_comment="失败时间")
    is_changed = models.BooleanField(db_comment="账户此后是否变更")
    is_verified = models.BooleanField(db_comment="现账户此后是否核验一致")
    again_state = models.CharField(max_length=10, db_comment="其后各次发放的最近状态")
    cured_at = models.DateTimeField(null=True, db_comment="补发成功时间")
    draft_number = models.CharField(max_length=40, null=True, db_comment="更正批次号")  # noqa: DJ001 - a view's
    draft_status = models.CharField(max_length=12, null=True, db_comment="更正批次状态")  # noqa: DJ001 - a view's
    is_gathered = models.BooleanField(db_comment="是否已在补发批次里")

    class Meta:
        managed = False
        db_table = "cure"

    @property
    def standing(self) -> CureState:
        return cure_of(
            self.code,
            is_changed=self.is_changed,
            is_verified=self.is_verified,
            again_state=self.again_state,
        )


class CureMedian(models.Model):
    """The SQL view `cure_median`: days from a failure to the payment that made it good."""

    id = models.BigIntegerField(primary_key=True, db_comment="序号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    kind = models.CharField(max_length=4, db_comment="按银行或按镇街")
    key = models.IntegerField(db_comment="银行编号或镇街编号")
    failed = models.IntegerField(db_comment="失败笔数")
    cured = models.IntegerField(db_comment="已补发笔数")
    median_days = models.IntegerField(null=True, db_comment="治愈天数中位数")

    class Meta:
        managed = False
        db_table = "cure_median"


class Residue(models.Model):
    """The SQL view `residue`: money that is nobody's, not refunded and not paid again."""

    id = models.BigIntegerField(primary_key=True, db_comment="代发明细编号，误入款为负")
    county = models.CharField(max_length=6, db_comment="区县代码")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    kind = models.CharField(max_length=10, db_comment="失败、退汇、停发、误入他户")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")
    since = models.DateField(null=True, db_comment="起算日")

    class Meta:
        managed = False
        db_table = "residue"


class KeptInVain(models.Model):
    """The SQL view `kept_in_vain`: what stayed with a bank and pays no re-issue there any more."""

    id = models.BigIntegerField(primary_key=True, db_comment="代发明细编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    unit_no = models.IntegerField(db_comment="机构编号")
    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    share_id = models.BigIntegerField(db_comment="分行份额编号")
    detail_id = models.CharField(max_length=32, db_comment="报文明细号")
    amount_fen = models.BigIntegerField(db_comment="留在代发专户的金额（分）")
    reason = models.CharField(max_length=60, db_comment="为何退库")

    class Meta:
        managed = False
        db_table = "kept_in_vain"
