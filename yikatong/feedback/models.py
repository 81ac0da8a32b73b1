"""反馈. Results, refunds and day accounts are appended, each at most once."""

from __future__ import annotations

from django.db import models

from yikatong.organisation.models import CountyRecord
from yikatong.payout.models import BankShare, Payment


class PaymentResult(CountyRecord):
    """发放结果 of one payment, from one row of one file; a bank's serial is used once."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="results", db_comment="代发明细"
    )
    file_sm3 = models.BinaryField(db_comment="结果文件SM3")
    row_no = models.IntegerField(db_comment="文件内行号")
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
            models.UniqueConstraint(
                fields=["bank_no", "file_sm3", "row_no"], name="one_effect_per_result_row"
            ),
            models.UniqueConstraint(
                fields=["county", "bank_no", "bank_serial"], name="one_effect_per_bank_serial"
            ),
        )


class Refund(CountyRecord):
    """资金退库: what a bank sent back to the treasury for one share (RFD)."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    share = models.ForeignKey(
        BankShare, on_delete=models.PROTECT, related_name="refunds", db_comment="分行份额"
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
            models.UniqueConstraint(
                fields=["county", "bank_no", "refund_no", "detail_id"], name="one_refund_per_row"
            ),
        )


class DayAccount(CountyRecord):
    """日终对账: the bank's own account of one day of its 内部代发账户, and ours beside it."""

    bank_no = models.IntegerField(db_comment="代发银行编号")
    day = models.DateField(db_comment="账期")
    opening_fen = models.BigIntegerField(db_comment="期初（分）")
    in_fen = models.BigIntegerField(db_comment="拨入（分）")
    out_fen = models.BigIntegerField(db_comment="代发支出（分）")
    returned_fen = models.BigIntegerField(db_comment="退汇（分）")
    refunded_fen = models.BigIntegerField(db_comment="退库（分）")
    closing_fen = models.BigIntegerField(db_comment="期末（分）")
    paid_lines = models.IntegerField(db_comment="银行成功笔数")
    our_out_fen = models.BigIntegerField(db_comment="我方成功金额（分）")
    our_lines = models.IntegerField(db_comment="我方成功笔数")
    file_sm3 = models.BinaryField(db_comment="对账文件SM3")
    at = models.DateTimeField(db_comment="对账时间")

    class Meta:
        db_table_comment = "日终对账"
        indexes = (models.Index(fields=["county", "bank_no", "day"], name="day_account_by_bank"),)


class SmsReport(CountyRecord):
    """短信回报: what a bank says became of the text message about a payment, each word once."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, related_name="texts", db_comment="代发明细"
    )
    status = models.CharField(max_length=8, db_comment="短信状态：DELIVRD、UNDELIV、EXPIRED 等")
    at = models.DateTimeField(db_comment="回报时间")

    class Meta:
        db_table_comment = "短信回报"
        constraints = (
            models.UniqueConstraint(fields=["payment", "status"], name="one_report_per_text"),
        )
