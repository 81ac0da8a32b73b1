"""拨款申请: one per bank share; what the treasury confirmed is appended."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from yikatong.funding.rules import LAST_SEQ
from yikatong.organisation.models import CountyRecord, Record
from yikatong.submission.models import Batch


class ShareDue(models.Model):
    """The SQL view `share_due` of payout's making: what each bank is still to pay, per batch."""

    id = models.BigIntegerField(primary_key=True, db_comment="分行份额编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    unit_no = models.IntegerField(db_comment="机构编号")
    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    batch = models.ForeignKey(
        Batch, on_delete=models.DO_NOTHING, related_name="+", db_comment="批次"
    )
    batch_no = models.CharField(max_length=40, db_comment="报文批次号")
    state = models.CharField(max_length=12, db_comment="份额状态")
    live_lines = models.IntegerField(db_comment="待发笔数")
    live_fen = models.BigIntegerField(db_comment="待发金额（分）")

    class Meta:
        managed = False
        db_table = "share_due"


class LivePayment(models.Model):
    """The SQL view `live_payment`: what an application is cut from, whole lines in their order."""

    id = models.BigIntegerField(primary_key=True, db_comment="代发明细编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    batch_id = models.BigIntegerField(db_comment="批次编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    seq = models.IntegerField(db_comment="份额内序号")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")

    class Meta:
        managed = False
        db_table = "live_payment"


class RequestRefund(models.Model):
    """The SQL view `request_refund`: what went back to the treasury of one application."""

    id = models.BigIntegerField(primary_key=True, db_comment="拨款申请编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    refunded_fen = models.BigIntegerField(db_comment="已退库金额（分）")

    class Meta:
        managed = False
        db_table = "request_refund"


class Indicator(Record):
    """指标 of the budget system (BA_BGT_INFO), read only: what does not change of one.

    Names of the county's own year and project are ours, codes are the budget system's.
    """

    county = models.CharField(max_length=6, db_comment="区县代码")
    bgt_id = models.CharField(max_length=60, db_comment="指标编号 BGT_ID")
    fiscal_year = models.CharField(max_length=4, db_comment="预算年度")
    agency_code = models.CharField(max_length=21, db_comment="单位编码")
    programme_code = models.CharField(max_length=21, db_comment="项目编码 PRO_CODE")
    programme_name = models.CharField(max_length=200, blank=True, db_comment="项目名称")
    document_no = models.CharField(max_length=100, blank=True, db_comment="本级指标文号")
    upper_document_no = models.CharField(max_length=100, blank=True, db_comment="上级指标文号")
    fund_type_code = models.CharField(max_length=20, blank=True, db_comment="资金性质")
    exp_func_code = models.CharField(max_length=13, blank=True, db_comment="支出功能分类")
    gov_eco_code = models.CharField(max_length=11, blank=True, db_comment="政府支出经济分类")
    dep_eco_code = models.CharField(max_length=20, blank=True, db_comment="部门支出经济分类")
    manager_code = models.CharField(max_length=40, blank=True, db_comment="业务主管处室")
    is_track = models.BooleanField(default=False, db_comment="是否追踪")
    track_code = models.CharField(max_length=60, blank=True, db_comment="追踪项目编码")
    first_read_at = models.DateTimeField(db_comment="首次读取时间")

    class Meta:
        db_table_comment = "预算指标"
        constraints = (
            models.UniqueConstraint(fields=["county", "bgt_id"], name="one_indicator_per_number"),
        )


class IndicatorReading(Record):
    """What the budget system said an indicator holds, and as of when. Appended, never edited."""

    county = models.CharField(max_length=6, db_comment="区县代码")
    indicator = models.ForeignKey(
        Indicator, on_delete=models.PROTECT, related_name="readings", db_comment="指标"
    )
    amount_fen = models.BigIntegerField(db_comment="指标金额（分）")
    balance_fen = models.BigIntegerField(db_comment="余额 CUR_AMT（分）")
    applied_fen = models.BigIntegerField(db_comment="已申请 PAY_APP_AMT（分）")
    is_open = models.BooleanField(db_comment="是否可执行")
    as_of = models.DateTimeField(db_comment="预算系统的数据时点")
    # our clock before asking: an application filed by then is in their figures already
    read_at = models.DateTimeField(db_comment="读取时间")

    class Meta:
        db_table_comment = "预算指标余额"
        indexes = (models.Index(fields=["indicator", "-read_at"], name="reading_by_indicator"),)


class FundingRequest(CountyRecord):
    """拨款申请 of one batch × bank × indicator; the payee is the bank's 内部代发账户."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", "待发送"
        SUBMITTED = "SUBMITTED", "已送预算系统"
        APPROVED = "APPROVED", "已审核"
        VOUCHERED = "VOUCHERED", "已生成支付凭证"
        PAID = "PAID", "已支付"
        KEPT = "KEPT", "用留存款，不向国库申请"
        RETURNED = "RETURNED", "已退回"
        WITHDRAWN = "WITHDRAWN", "已撤回"
        REFUNDED = "REFUNDED", "已退款"

    class Source(models.TextChoices):
        TREASURY = "TREASURY", "国库"
        RESIDUE = "RESIDUE", "留存款"

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="funding_requests", db_comment="批次"
    )
    bank_no = models.IntegerField(db_comment="代发银行编号")
    number = models.CharField(max_length=60, unique=True, db_comment="申请号，首次发送前固定")
    source = models.CharField(
        max_length=8,
        choices=Source,
        default=Source.TREASURY,
        db_default=Source.TREASURY,
        db_comment="资金来源：国库，或留在代发专户的失败款",
    )
    indicator = models.CharField(max_length=60, db_comment="指标编号；留存款出自几个指标的为空")
    # the places in the bank's share that this application pays: one may need two indicators
    seq_from = models.IntegerField(default=0, db_default=0, db_comment="所付明细的份额内序号起")
    seq_to = models.IntegerField(
        default=LAST_SEQ, db_default=LAST_SEQ, db_comment="所付明细的份额内序号止"
    )
    lines = models.IntegerField(db_comment="笔数")
    amount_fen = models.BigIntegerField(db_comment="申请金额（分）")
    payee_account = models.CharField(max_length=40, db_comment="收款账户（内部代发账户）")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, db_comment="状态")
    budget_number = models.CharField(max_length=100, blank=True, db_comment="预算系统支付申请编号")
    voucher_number = models.CharField(max_length=100, blank=True, db_comment="支付凭证号")
    return_reason = models.CharField(max_length=300, blank=True, db_comment="退回原因")
    requested_by = models.CharField(max_length=60, db_comment="申请人账号")
    requested_at = models.DateTimeField(db_comment="申请时间")
    # from here on a reading of the indicator counts this application by itself
    filed_at = models.DateTimeField(null=True, db_comment="预算系统受理时间")

    class Meta:
        db_table_comment = "拨款申请"
        constraints = (
            models.UniqueConstraint(
                fields=["batch", "bank_no", "indicator", "source"],
                condition=~Q(state__in=["RETURNED", "WITHDRAWN", "REFUNDED"]),
                name="one_live_request_per_indicator",
            ),
            models.CheckConstraint(
                condition=Q(source="TREASURY", amount_fen__gt=0)
                | Q(source="RESIDUE", amount_fen=0),
                name="request_asks_for_money",
            ),
            models.CheckConstraint(
                condition=Q(source="TREASURY") & ~Q(state="KEPT")
                | Q(source="RESIDUE", state__in=["KEPT", "WITHDRAWN"]),
                name="what_stayed_is_not_applied_for",
            ),
        )


class TreasuryConfirmation(CountyRecord):
    """到账: money that a bank reports in its 内部代发账户, each serial once."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    request = models.ForeignKey(
        FundingRequest,
        on_delete=models.PROTECT,
        related_name="confirmations",
        db_comment="拨款申请",
    )
    bank_no = models.IntegerField(db_comment="代发银行编号")
    amount_fen = models.BigIntegerField(db_comment="到账金额（分）")
    bank_serial = models.CharField(max_length=60, db_comment="银行流水号")
    voucher_number = models.CharField(max_length=100, db_comment="支付凭证号")
    payee_account = models.CharField(max_length=40, blank=True, db_comment="银行报告的入账账户")
    # money on another account is written down and is nobody's funding
    is_ours = models.BooleanField(default=True, db_comment="是否进了本行的代发专户")
    at = models.DateTimeField(db_comment="到账时间")

    class Meta:
        db_table_comment = "到账确认"
        constraints = (
            models.UniqueConstraint(
                fields=["county", "bank_no", "bank_serial"], name="one_funding_per_bank_serial"
            ),
        )


class IndicatorHold(CountyRecord):
    """额度冻结 of one application, made and moved by the database with the application itself."""

    class State(models.TextChoices):
        FROZEN = "FROZEN", "已冻结"
        RELEASED = "RELEASED", "已释放"
        SPENT = "SPENT", "已支出"

    department_no = models.IntegerField(db_comment="主管部门编号")
    indicator = models.ForeignKey(
        Indicator, on_delete=models.PROTECT, related_name="holds", db_comment="指标"
    )
    request = models.OneToOneField(
        FundingRequest, on_delete=models.PROTECT, related_name="hold", db_comment="拨款申请"
    )
    amount_fen = models.BigIntegerField(db_comment="冻结金额（分）")
    state = models.CharField(max_length=10, choices=State, default=State.FROZEN, db_comment="状态")
    frozen_at = models.DateTimeField(db_comment="冻结时间")
    ended_at = models.DateTimeField(null=True, db_comment="释放或支出时间")

    class Meta:
        db_table_comment = "指标额度冻结"
        constraints = (
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="a_hold_holds_something"),
        )


class KeptResidue(CountyRecord):
    """留存款的使用: what a failed payment left with its bank pays one line of a re-issue.

    Made by the request's own trigger, as the hold of an indicator is. `unit_no` and
    `department_no` are the failed payment's: who sees that one sees where its money went.
    """

    class State(models.TextChoices):
        TAKEN = "TAKEN", "已用于补发"
        RELEASED = "RELEASED", "已放回"

    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    request = models.ForeignKey(
        FundingRequest, on_delete=models.PROTECT, related_name="kept", db_comment="拨款申请"
    )
    payment_id = models.BigIntegerField(db_comment="补发的代发明细编号")
    source_id = models.BigIntegerField(db_comment="款项所出的失败、退汇明细编号")
    indicator = models.CharField(max_length=60, blank=True, db_comment="款项所出的指标编号")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")
    state = models.CharField(max_length=8, choices=State, db_comment="状态")
    taken_at = models.DateTimeField(db_comment="使用时间")
    ended_at = models.DateTimeField(null=True, db_comment="放回时间")

    class Meta:
        db_table_comment = "留存款的使用"
        constraints = (
            models.UniqueConstraint(
                fields=["source_id"], condition=Q(state="TAKEN"), name="residue_is_used_once"
            ),
            models.UniqueConstraint(
                fields=["payment_id"], condition=Q(state="TAKEN"), name="one_residue_per_payment"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="residue_is_of_money"),
        )


class Reissue(models.Model):
    """The SQL view `reissue`: a live payment, the failed one that it makes good, and how much of
    that one's money is still free with its bank.
    """

    id = models.BigIntegerField(primary_key=True, db_comment="补发的代发明细编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    batch_id = models.BigIntegerField(db_comment="批次编号")
    share_id = models.BigIntegerField(db_comment="分行份额编号")
    seq = models.IntegerField(db_comment="份额内序号")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")
    attempt = models.IntegerField(db_comment="第几次发放")
    source_id = models.BigIntegerField(db_comment="失败、退汇的明细编号")
    source_detail_id = models.CharField(max_length=32, db_comment="失败、退汇的报文明细号")
    source_bank_no = models.IntegerField(db_comment="失败、退汇的代发银行编号")
    free_fen = models.BigIntegerField(db_comment="还留在代发专户、可用于补发的金额（分）")
    indicator = models.CharField(max_length=60, db_comment="款项所出的指标编号")

    class Meta:
        managed = False
        db_table = "reissue"


class FundingMatch(CountyRecord):
    """两线匹配: a share's money and what it is to pay are equal to the fen. Release asks for it."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="matches", db_comment="批次"
    )
    batch_no = models.CharField(max_length=40, db_comment="报文批次号")
    applications = models.CharField(max_length=400, db_comment="拨款申请号")
    amount_fen = models.BigIntegerField(db_comment="到账与申请相等的金额（分）")
    at = models.DateTimeField(db_comment="匹配时间")

    class Meta:
        db_table_comment = "资金与指令匹配"
        constraints = (
            models.UniqueConstraint(fields=["batch", "bank_no"], name="one_match_per_share"),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="a_match_is_of_money"),
        )


class TreasuryEntry(Record):
    """B15 逐笔: an application as the treasury told it on one day; what R4 compares with ours."""

    county = models.CharField(max_length=6, db_comment="区县代码")
    check_no = models.CharField(max_length=60, db_comment="财政对账单号")
    tracking_id = models.CharField(max_length=60, db_comment="我方申请号")
    pay_app_no = models.CharField(max_length=100, blank=True, db_comment="预算系统支付申请编号")
    pay_cert_no = models.CharField(max_length=100, blank=True, db_comment="支付凭证号")
    asked_fen = models.BigIntegerField(db_comment="申请金额（分）")
    paid_fen = models.BigIntegerField(db_comment="国库已支付（分）")
    refunded_fen = models.BigIntegerField(db_comment="国库已收退款（分）")
    at = models.DateTimeField(db_comment="读取时间")

    class Meta:
        db_table_comment = "财政对账逐笔"
        indexes = (
            models.Index(fields=["county", "tracking_id", "-id"], name="treasury_entry_newest"),
        )
