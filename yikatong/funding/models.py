"""拨款申请: one per bank share; what the treasury confirmed is appended."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from yikatong.organisation.models import CountyRecord
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


class FundingRequest(CountyRecord):
    """拨款申请 of one batch × bank × indicator; the payee is the bank's 内部代发账户."""

    class State(models.TextChoices):
        DRAFT = "DRAFT", "待发送"
        SUBMITTED = "SUBMITTED", "已送预算系统"
        APPROVED = "APPROVED", "已审核"
        VOUCHERED = "VOUCHERED", "已生成支付凭证"
        PAID = "PAID", "已支付"
        RETURNED = "RETURNED", "已退回"
        WITHDRAWN = "WITHDRAWN", "已撤回"
        REFUNDED = "REFUNDED", "已退款"

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="funding_requests", db_comment="批次"
    )
    bank_no = models.IntegerField(db_comment="代发银行编号")
    number = models.CharField(max_length=60, unique=True, db_comment="申请号，首次发送前固定")
    indicator = models.CharField(max_length=60, db_comment="指标编号")
    lines = models.IntegerField(db_comment="笔数")
    amount_fen = models.BigIntegerField(db_comment="申请金额（分）")
    payee_account = models.CharField(max_length=40, db_comment="收款账户（内部代发账户）")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT, db_comment="状态")
    budget_number = models.CharField(max_length=100, blank=True, db_comment="预算系统支付申请编号")
    voucher_number = models.CharField(max_length=100, blank=True, db_comment="支付凭证号")
    return_reason = models.CharField(max_length=300, blank=True, db_comment="退回原因")
    requested_by = models.CharField(max_length=60, db_comment="申请人账号")
    requested_at = models.DateTimeField(db_comment="申请时间")

    class Meta:
        db_table_comment = "拨款申请"
        constraints = (
            models.UniqueConstraint(
                fields=["batch", "bank_no"],
                condition=~Q(state__in=["RETURNED", "WITHDRAWN", "REFUNDED"]),
                name="one_live_request_per_share",
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="request_asks_for_money"),
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
