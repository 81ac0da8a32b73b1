"""发放. A payment is born when the data goes to the bank, on an immutable account version."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yikatong.organisation.models import CountyRecord
from yikatong.payout.rules import PaymentState, ShareState
from yikatong.registry.models import CardAccountVersion
from yikatong.submission.models import Batch, Line


class BankShare(CountyRecord):
    """分行份额: one bank's part of one batch, named to the bank by its own immutable number."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="shares", db_comment="批次"
    )
    batch_no = models.CharField(max_length=40, unique=True, db_comment="报文批次号")
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in ShareState],
        default=ShareState.SENT,
        db_comment="状态",
    )
    reason = models.CharField(max_length=300, blank=True, db_comment="银行拒收或撤回原因")
    held_until = models.DateTimeField(null=True, db_comment="银行已过截止时间，何时送出")
    held_why = models.CharField(
        max_length=80, blank=True, db_default="", db_comment="暂缓送出的原因"
    )
    fence = models.IntegerField(default=0, db_comment="栅栏号：旧进程的写入由此拒绝")

    class Meta:
        db_table_comment = "分行份额"
        constraints = (
            models.UniqueConstraint(fields=["batch", "bank_no"], name="one_share_per_bank"),
        )

    @property
    def waits(self) -> bool:
        """Whether its data waits for the bank's next window."""
        return self.held_until is not None and self.held_until > timezone.now()


class Payment(CountyRecord):
    """代发明细(实发): at most one live or paid per obligation, held by the unique attempt."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    # these three are checked together once per statement, and more strictly: law/payments.sql
    batch = models.ForeignKey(
        Batch,
        on_delete=models.PROTECT,
        related_name="payments",
        db_constraint=False,
        db_comment="批次",
    )
    share = models.ForeignKey(
        BankShare,
        on_delete=models.PROTECT,
        related_name="payments",
        db_constraint=False,
        db_comment="分行份额",
    )
    line = models.OneToOneField(
        Line,
        on_delete=models.PROTECT,
        related_name="payment",
        db_constraint=False,
        db_comment="明细",
    )
    detail_id = models.CharField(max_length=32, unique=True, db_comment="报文明细号")
    seq = models.IntegerField(db_comment="份额内序号")
    programme_code = models.CharField(max_length=20, db_comment="项目编码")
    period = models.CharField(max_length=7, db_comment="期次 YYYY-MM")
    obligee_id = models.BigIntegerField(db_comment="享受主体：到人为人，到户为户")
    # what the rules ask of earlier payments is kept with the payment: one look, no joins
    beneficiary_id = models.BigIntegerField(null=True, db_comment="享受人编号")
    object_key = models.CharField(max_length=60, blank=True, db_comment="标的编号")
    grade = models.CharField(max_length=40, blank=True, db_comment="等级")
    quantity = models.DecimalField(max_digits=14, decimal_places=3, null=True, db_comment="数量")
    attempt = models.IntegerField(db_comment="第几次发放")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")
    account_version = models.ForeignKey(
        CardAccountVersion, on_delete=models.PROTECT, db_comment="账户版本，此后变更不影响本笔"
    )
    state = models.CharField(
        max_length=10,
        choices=[(state.value, state.value) for state in PaymentState],
        default=PaymentState.SENT,
        db_comment="状态",
    )

    class Meta:
        # no index on the state, and half of each page left free (migration 0004): a payment changes
        # its state in place, and none of its eight indexes is touched
        db_table_comment = "代发明细（实发）"
        constraints = (
            models.UniqueConstraint(
                fields=[
                    "county",
                    "programme_code",
                    "period",
                    "obligee_id",
                    "object_key",
                    "attempt",
                ],
                name="one_payment_per_attempt_of_an_obligation",
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="a_payment_pays_something"),
        )
        indexes = (
            models.Index(
                fields=["county", "beneficiary_id", "programme_code", "period"],
                name="payment_by_beneficiary",
            ),
            models.Index(
                fields=["county", "object_key", "programme_code"],
                condition=~Q(object_key=""),
                name="payment_by_object",
            ),
        )


class PaymentInstruction(CountyRecord):
    """代发指令: the release of one share, keyed before the first try, once."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    share = models.OneToOneField(
        BankShare, on_delete=models.PROTECT, related_name="instruction", db_comment="分行份额"
    )
    key = models.CharField(max_length=80, unique=True, db_comment="幂等键")
    lines = models.IntegerField(db_comment="笔数")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")
    voucher_number = models.CharField(max_length=100, db_comment="支付凭证号")
    digest = models.BinaryField(db_comment="所发明细摘要集的SM3")
    at = models.DateTimeField(db_comment="生成时间")

    class Meta:
        db_table_comment = "代发指令"


class Stop(CountyRecord):
    """停发 of one payment before release: a reason, and two people."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, related_name="stop", db_comment="代发明细"
    )
    reason = models.CharField(max_length=300, db_comment="停发原因")
    asked_by = models.CharField(max_length=60, db_comment="申请人账号")
    asked_at = models.DateTimeField(db_comment="申请时间")
    confirmed_by = models.CharField(max_length=60, blank=True, db_comment="复核人账号")
    confirmed_at = models.DateTimeField(null=True, db_comment="复核时间")

    class Meta:
        db_table_comment = "停发"
        constraints = (
            models.CheckConstraint(
                condition=~Q(asked_by=models.F("confirmed_by")), name="two_people_stop_a_payment"
            ),
        )


class ShareRefund(models.Model):
    """The SQL view `share_refund` over feedback's table: what a share sent back to the treasury."""

    id = models.BigIntegerField(primary_key=True, db_comment="分行份额编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    batch_id = models.BigIntegerField(db_comment="批次编号")
    refunded_fen = models.BigIntegerField(db_comment="已退库金额（分）")

    class Meta:
        managed = False
        db_table = "share_refund"
