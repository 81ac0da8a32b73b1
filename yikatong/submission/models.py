"""提交. Lines are written only in DRAFT; from submission on the database refuses every change."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from yikatong.catalogue.models import Programme
from yikatong.kernel.steps import STATUS_WORD, Status
from yikatong.organisation.models import CountyRecord


class SourceFile(CountyRecord):
    """上传的名单, whole and encrypted: what the user typed stays here, with its row numbers."""

    department_no = models.IntegerField(null=True, db_comment="主管部门编号")
    name = models.CharField(max_length=200, db_comment="文件名")
    sm3 = models.BinaryField(db_comment="文件SM3")
    sealed = models.BinaryField(db_comment="文件密文")
    is_packed = models.BooleanField(default=False, db_default=False, db_comment="加密前是否压缩")
    uploaded_by = models.CharField(max_length=60, db_comment="上传人账号")
    uploaded_at = models.DateTimeField(db_comment="上传时间")

    class Meta:
        db_table_comment = "上传的名单文件"


class ColumnMapping(CountyRecord):
    """列对应: what a column of this unit's own sheet means, said once by a person where it was not
    sure. The newest saying counts.
    """

    department_no = models.IntegerField(null=True, db_comment="主管部门编号")
    programme_code = models.CharField(max_length=20, db_comment="项目编码")
    header = models.CharField(max_length=60, db_comment="表头原文")
    field = models.CharField(max_length=30, db_comment="对应的字段")
    remembered_by = models.CharField(max_length=60, db_comment="指定人账号")
    remembered_at = models.DateTimeField(db_comment="指定时间")

    class Meta:
        db_table_comment = "列对应"
        constraints = (
            models.UniqueConstraint(
                fields=["county", "unit_no", "programme_code", "header"],
                name="one_meaning_per_header",
            ),
        )


class Batch(CountyRecord):
    """批次 of one programme, one period and one 编制单位 (`unit_no`). Guard it: keep it small."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    number = models.CharField(max_length=30, unique=True, db_comment="批次号")
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_comment="补贴项目")
    period = models.CharField(max_length=7, db_comment="期次 YYYY-MM")
    title = models.CharField(max_length=200, db_comment="批次名称")
    status = models.CharField(
        max_length=12,
        choices=[(status.value, word) for status, word in STATUS_WORD.items()],
        default=Status.DRAFT,
        db_comment="状态，只由办理流程改写",
    )
    due_on = models.DateField(null=True, db_comment="本环节应办结日期")
    origin = models.ForeignKey(
        "Batch", null=True, on_delete=models.PROTECT, related_name="redrafts", db_comment="来源批次"
    )
    # the failed lines of several batches, gathered once their causes were mended; `origin` is the
    # first of these batches
    is_gathered = models.BooleanField(
        default=False, db_default=False, db_comment="是否由已更正的失败明细集成"
    )
    redraft_reason = models.CharField(max_length=300, blank=True, db_comment="另起一批的原因")
    source_file = models.ForeignKey(
        SourceFile, null=True, on_delete=models.PROTECT, db_comment="来源文件"
    )
    made_by = models.CharField(max_length=60, db_comment="编制人账号")
    made_at = models.DateTimeField(db_comment="编制时间")

    class Meta:
        db_table_comment = "发放批次"
        ordering = ("-id",)
        indexes = (
            models.Index(fields=["county", "status", "unit_no"], name="batch_by_status"),
            models.Index(fields=["county", "-id"], name="batch_newest_first"),
        )


class BatchMove(CountyRecord):
    """状态变化, written by the trigger itself: what the audit chain is held against (I12)."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="moves", db_comment="批次"
    )
    from_status = models.CharField(max_length=12, db_comment="原状态")
    to_status = models.CharField(max_length=12, db_comment="新状态")
    at = models.DateTimeField(db_comment="时间")

    class Meta:
        db_table_comment = "批次状态变化"


class Approval(CountyRecord):
    """数据摘要: the digest of the lines that a step approved, and of those that passed (I6)."""

    class Kind(models.TextChoices):
        APPROVED = "APPROVED", "审批时"
        PASSING = "PASSING", "验证通过时"

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="approvals", db_comment="批次"
    )
    kind = models.CharField(max_length=10, choices=Kind, db_comment="时点")
    digest = models.BinaryField(db_comment="明细摘要集的SM3")
    lines = models.IntegerField(db_comment="行数")
    amount_fen = models.BigIntegerField(db_comment="金额合计（分），留证")
    by = models.CharField(max_length=60, db_comment="办理人账号")
    at = models.DateTimeField(db_comment="时间")

    class Meta:
        db_table_comment = "批次数据摘要"


class Line(CountyRecord):
    """发放明细(应发), as typed. Three parties a line: 户主, 收款人, 享受人; whom they are is judged
    at the verdict (`validation.LineVerdict`). A copy points at its origin.
    """

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(
        Batch,
        on_delete=models.PROTECT,
        related_name="lines",
        db_constraint=False,  # one check a statement, and a stricter one: law/triggers.sql
        db_comment="批次",
    )
    row_no = models.IntegerField(db_comment="表格行号")
    programme_code = models.CharField(max_length=20, db_comment="项目编码")
    period = models.CharField(max_length=7, db_comment="期次 YYYY-MM")
    head_name = models.CharField(max_length=60, blank=True, db_comment="户主姓名")
    head_index = models.BinaryField(null=True, db_comment="户主身份证号盲索引")
    payee_name = models.CharField(max_length=60, db_comment="收款人姓名")
    payee_index = models.BinaryField(null=True, db_comment="收款人身份证号盲索引")
    beneficiary_name = models.CharField(max_length=60, db_comment="享受人姓名")
    beneficiary_index = models.BinaryField(null=True, db_comment="享受人身份证号盲索引")
    id_masked = models.CharField(max_length=18, blank=True, db_comment="享受人身份证号掩码")
    account_index = models.BinaryField(null=True, db_comment="表内账号盲索引")
    account_last4 = models.CharField(max_length=4, blank=True, db_comment="表内账号末四位")
    object_key = models.CharField(max_length=60, blank=True, db_comment="标的编号")
    grade = models.CharField(max_length=40, blank=True, db_comment="等级")
    standard = models.DecimalField(
        max_digits=18, decimal_places=7, null=True, db_comment="表内标准（元）"
    )
    quantity = models.DecimalField(max_digits=14, decimal_places=3, null=True, db_comment="数量")
    months = models.IntegerField(null=True, db_comment="月数")
    amount_fen = models.BigIntegerField(null=True, db_comment="补贴金额（分），读不出为空")
    supplement_fen = models.BigIntegerField(
        null=True, db_comment="增发金额（分），如低保分类增发；已含在补贴金额里"
    )
    village = models.CharField(max_length=80, blank=True, db_comment="村（社区）")
    village_group = models.CharField(max_length=40, blank=True, db_comment="组")
    remark = models.CharField(max_length=300, blank=True, db_comment="备注")
    faults = models.JSONField(default=list, db_comment="本行自身的问题（录入时即查出）")
    origin = models.ForeignKey(
        "Line",
        null=True,
        on_delete=models.PROTECT,
        related_name="copies",
        db_index=False,
        db_comment="来源明细",
    )
    entered_by = models.CharField(max_length=60, db_comment="录入人账号")
    digest = models.BinaryField(db_comment="本行SM3")

    class Meta:
        db_table_comment = "发放明细（应发）"
        constraints = (
            models.UniqueConstraint(
                fields=["origin"],
                condition=Q(origin__isnull=False),
                name="one_successor_per_line",
            ),
            models.CheckConstraint(
                condition=Q(amount_fen__isnull=True) | Q(amount_fen__gte=0),
                name="amount_never_negative",
            ),
        )


class Confirmation(CountyRecord):
    """人工确认: a reason for what the rules could not decide; a second person's step covers it."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="confirmations", db_comment="批次"
    )
    obligation = models.CharField(max_length=160, db_comment="享受权标识，空为整批")
    rule = models.CharField(max_length=10, db_comment="规则代码")
    evidence = models.BinaryField(db_comment="证据摘要，证据变了须重新确认")
    reason = models.CharField(max_length=300, db_comment="确认理由")
    answered_by = models.CharField(max_length=60, db_comment="确认人账号")
    answered_at = models.DateTimeField(db_comment="确认时间")

    class Meta:
        db_table_comment = "人工确认"
        constraints = (
            models.UniqueConstraint(
                fields=["batch", "obligation", "rule", "evidence"], name="one_answer_per_finding"
            ),
        )
