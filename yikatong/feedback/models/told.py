"""What banks tell of payments: results, refunds, texts; appended, each at most once."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from yikatong.organisation.models import CountyRecord, OfCounty
from yikatong.payout.models import BankShare, Payment
from yikatong.submission.models import Batch


class ResultFile(CountyRecord):
    """结果文件: what results come from, put down once a file by its digest, when first applied."""

    bank_no = models.IntegerField(db_comment="代发银行编号")
    sm3 = models.BinaryField(db_comment="结果文件SM3")
    at = models.DateTimeField(db_comment="首次入账时间")

    class Meta:
        db_table_comment = "结果文件"
        constraints = (
            UniqueConstraint(fields=["county", "bank_no", "sm3"], name="one_row_per_file"),
        )


class PaymentResult(OfCounty):
    """发放结果 of one payment, from one row of one file; a bank's serial is used once.

    The key is the payment and the state that it was moved to: states only move forward, so that no
    row of any file has an effect twice.
    """

    pk = models.CompositePrimaryKey("payment_id", "outcome")
    # the number of its file × 2^24 and of its row (`bulk.ROW_BITS`)
    file_row = models.BigIntegerField(db_comment="结果文件编号×2^24＋文件内行号")
    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    # checked once per statement (law/payments.sql), not row by row
    payment = models.ForeignKey(
        Payment,
        models.PROTECT,
        related_name="results",
        db_constraint=False,
        db_index=False,
        db_comment="代发明细",
    )
    outcome = models.CharField(
        max_length=10, db_comment="明细由此进入的状态：PAID、FAILED、UNKNOWN、RETURNED"
    )
    result = models.CharField(max_length=10, db_comment="结果：SUCCESS、FAILED、PENDING、RETURNED")
    code = models.CharField(max_length=6, blank=True, db_comment="原因类别 F01…F99")
    bank_code = models.CharField(max_length=20, blank=True, db_comment="银行原因代码")
    bank_text = models.CharField(max_length=300, blank=True, db_comment="银行原因原文")
    paid_fen = models.BigIntegerField(db_comment="实付金额（分），失败为0")
    # null where the bank gave none: only real serials are unique
    bank_serial = models.CharField(max_length=60, null=True, db_comment="银行流水号")  # noqa: DJ001
    sms_status = models.CharField(max_length=12, blank=True, db_comment="到账短信状态")
    at = models.DateTimeField(db_comment="银行处理时间")
    applied_at = models.DateTimeField(db_comment="入账时间")

    class Meta:
        db_table_comment = "发放结果"
        constraints = (
            UniqueConstraint(
                # the serial first: it alone tells nearly all of them apart
                fields=["bank_serial", "bank_no", "county"],
                name="one_effect_per_bank_serial",
            ),
            CheckConstraint(
                condition=Q(result="SUCCESS", outcome="PAID")
                | Q(result="FAILED", outcome__in=("FAILED", "UNKNOWN"))
                | Q(result="RETURNED", outcome="RETURNED"),
                name="a_result_leads_where_it_says",
            ),
        )


class Refund(CountyRecord):
    """资金退库: what a bank sent back to the treasury for one share (RFD)."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    share = models.ForeignKey(
        BankShare, models.PROTECT, related_name="refunds", db_comment="分行份额"
    )
    refund_no = models.CharField(max_length=60, db_comment="退款号")
    detail_id = models.CharField(max_length=32, blank=True, db_comment="报文明细号，整笔退为空")
    amount_fen = models.BigIntegerField(db_comment="退库金额（分）")
    reason = models.CharField(max_length=12, db_comment="原因：FAILED、STOPPED、CANCELLED、EXCESS")
    bank_serial = models.CharField(max_length=60, db_comment="银行流水号")
    at = models.DateTimeField(db_comment="退库时间")

    class Meta:
        db_table_comment = "资金退库"
        constraints = (
            UniqueConstraint(
                fields=["county", "bank_no", "refund_no", "detail_id"], name="one_refund_per_row"
            ),
        )


class RefundOrder(CountyRecord):
    """退库通知: a bank is told to send back what stayed of one payment; it pays no re-issue now."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    share = models.ForeignKey(BankShare, models.PROTECT, related_name="+", db_comment="分行份额")
    payment_id = models.BigIntegerField(db_comment="失败、退汇、停发的代发明细编号")
    number = models.IntegerField(db_comment="本份额第几次通知")
    amount_fen = models.BigIntegerField(db_comment="通知时留在代发专户的金额（分）")
    reason = models.CharField(max_length=60, db_comment="为何退库")
    at = models.DateTimeField(db_comment="通知时间")

    class Meta:
        db_table_comment = "退库通知"
        constraints = (
            UniqueConstraint(fields=["payment_id"], name="one_refund_order_per_payment"),
            CheckConstraint(condition=Q(amount_fen__gt=0), name="an_order_is_of_money"),
        )


class SmsReport(CountyRecord):
    """短信回报: what a bank says became of the text message about a payment, each word once."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    payment = models.ForeignKey(
        Payment, models.PROTECT, related_name="texts", db_comment="代发明细"
    )
    status = models.CharField(max_length=8, db_comment="短信状态：DELIVRD、UNDELIV、EXPIRED 等")
    at = models.DateTimeField(db_comment="回报时间")

    class Meta:
        db_table_comment = "短信回报"
        constraints = (UniqueConstraint(fields=["payment", "status"], name="one_report_per_text"),)


class OfficerNotice(CountyRecord):
    """失败通知: told to one unit (`unit_no`) on the platform, and by text to its clerks.

    It names no person: what failed, how many, how much. What became of the text comes later.
    """

    class Text(models.TextChoices):
        WAITING = "WAITING", "待发送"
        SENT = "SENT", "已送短信平台"
        FAILED = "FAILED", "没有送出"

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(Batch, models.PROTECT, related_name="notices", db_comment="批次")
    event = models.CharField(max_length=80, db_comment="事件标识，一事一单位只通知一次")
    sentence = models.CharField(max_length=200, db_comment="通知内容")
    lines = models.IntegerField(db_comment="笔数")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")
    at = models.DateTimeField(db_comment="通知时间")
    text = models.CharField(max_length=70, db_comment="短信内容，含签名不超过70字")
    text_state = models.CharField(
        max_length=8, choices=Text, default=Text.WAITING, db_comment="短信状态"
    )
    tries = models.IntegerField(default=0, db_comment="短信发送次数")
    text_at = models.DateTimeField(null=True, db_comment="短信送出时间")
    trouble = models.CharField(max_length=200, blank=True, db_comment="短信没有送出的原因")

    class Meta:
        db_table_comment = "失败通知"
        constraints = (
            UniqueConstraint(fields=["county", "event"], name="one_notice_per_event"),
            CheckConstraint(condition=Q(lines__gt=0), name="a_notice_tells_of_lines"),
        )
        indexes = (models.Index(fields=["county", "unit_no", "-id"], name="notice_newest_first"),)
