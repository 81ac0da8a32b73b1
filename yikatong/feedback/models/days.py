"""Day accounts, reconciliation and its differences, the statement of a month."""

from __future__ import annotations

from django.db import models
from django.db.models import Q, UniqueConstraint

from yikatong.organisation.models import CountyRecord, Record


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


class DayEntry(CountyRecord):
    """日终对账逐笔: each row of a bank's day, as it was told; what R2 compares with our books."""

    bank_no = models.IntegerField(db_comment="代发银行编号")
    account = models.ForeignKey(
        DayAccount, models.PROTECT, related_name="entries", db_comment="日终对账"
    )
    kind = models.CharField(max_length=10, db_comment="类别：IN、OUT、RETURN、REFUND")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")
    batch_no = models.CharField(max_length=40, blank=True, db_comment="报文批次号")
    detail_id = models.CharField(max_length=32, blank=True, db_comment="报文明细号")
    bank_serial = models.CharField(max_length=60, blank=True, db_comment="银行流水号")

    class Meta:
        db_table_comment = "日终对账逐笔"


class Reconciliation(Record):
    """三方对账 of a county: treasury voucher = payout account = lines. Appended, never edited."""

    class Cause(models.TextChoices):
        DAILY = "DAILY", "每日"
        DEMAND = "DEMAND", "人工发起"

    county = models.CharField(max_length=6, db_comment="区县代码")
    cause = models.CharField(max_length=6, choices=Cause, db_comment="每日或人工发起")
    day = models.DateField(db_comment="对账日")
    treasury_told = models.CharField(max_length=300, blank=True, db_comment="国库没有答复的原因")
    found = models.IntegerField(db_comment="当时存在的差异数")
    opened = models.IntegerField(db_comment="其中新挂出的差异数")
    asked_by = models.CharField(max_length=60, blank=True, db_comment="发起人账号，每日对账为空")
    at = models.DateTimeField(db_comment="对账时间")

    class Meta:
        db_table_comment = "三方对账"
        indexes = (models.Index(fields=["county", "-id"], name="reconciliation_newest"),)


class ReconciliationSum(CountyRecord):
    """The three sides of one department at one bank, as a run found them; in fen."""

    run = models.ForeignKey(
        Reconciliation, models.PROTECT, related_name="sums", db_comment="三方对账"
    )
    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    voucher_fen = models.BigIntegerField(db_comment="国库支付凭证（分）")
    account_fen = models.BigIntegerField(db_comment="代发专户收到（分）")
    kept_fen = models.BigIntegerField(db_comment="用留存款补发（分）")
    paid_fen = models.BigIntegerField(db_comment="成功（分）")
    failed_fen = models.BigIntegerField(db_comment="失败、退汇（分）")
    in_transit_fen = models.BigIntegerField(db_comment="在途（分）")
    stopped_fen = models.BigIntegerField(db_comment="到账后停发、撤回（分）")
    refunded_fen = models.BigIntegerField(db_comment="已退国库（分）")

    class Meta:
        db_table_comment = "三方对账：各方金额"


class Difference(CountyRecord):
    """对账差异: one line of it, found once. What is said of it stands in `DifferenceWord`."""

    run = models.ForeignKey(
        Reconciliation, models.PROTECT, related_name="differences", db_comment="三方对账"
    )
    department_no = models.IntegerField(null=True, db_comment="主管部门编号")
    bank_no = models.IntegerField(null=True, db_comment="代发银行编号")
    batch_id = models.BigIntegerField(null=True, db_comment="批次编号")
    rule = models.CharField(max_length=2, db_comment="核对：R1…R6")
    side = models.CharField(max_length=10, db_comment="差在哪一方：国库、代发户、明细")
    fingerprint = models.CharField(max_length=160, db_comment="同一差异只挂一次的标识")
    amount_fen = models.BigIntegerField(db_comment="差额（分）")
    since = models.DateField(db_comment="起算日，账龄由此计")
    owner = models.CharField(max_length=10, db_comment="由谁查清：部门、财政、银行")
    sentence = models.CharField(max_length=400, db_comment="说明")
    opened_at = models.DateTimeField(db_comment="挂出时间")

    class Meta:
        db_table_comment = "对账差异"
        constraints = (
            UniqueConstraint(fields=["county", "fingerprint"], name="one_difference_of_a_kind"),
        )


class DifferenceWord(CountyRecord):
    """What is said of a difference: an answer, its closing by a second person, or that it has gone
    (or come back) by itself. Appended; the database holds that who answered does not close.
    """

    class Kind(models.TextChoices):
        ANSWER = "ANSWER", "答复"
        CLOSE = "CLOSE", "销号"
        GONE = "GONE", "已不存在"
        BACK = "BACK", "再次出现"

    department_no = models.IntegerField(null=True, db_comment="主管部门编号")
    bank_no = models.IntegerField(null=True, db_comment="代发银行编号")
    difference = models.ForeignKey(
        Difference, models.PROTECT, related_name="words", db_comment="对账差异"
    )
    kind = models.CharField(max_length=6, choices=Kind, db_comment="答复、销号、已不存在、再次出现")
    said_by = models.CharField(max_length=60, blank=True, db_comment="办理人账号，系统所记为空")
    reason = models.CharField(max_length=300, blank=True, db_comment="情况说明")
    at = models.DateTimeField(db_comment="时间")

    class Meta:
        db_table_comment = "对账差异的答复与销号"
        constraints = (
            UniqueConstraint(
                fields=["difference"], condition=Q(kind="CLOSE"), name="a_difference_is_closed_once"
            ),
        )


class MonthStatement(Record):
    """对账月报: what was told of a month, with the digest printed on it. Never rewritten."""

    county = models.CharField(max_length=6, db_comment="区县代码")
    month = models.CharField(max_length=7, db_comment="月份 YYYY-MM")
    number = models.IntegerField(db_comment="该月第几份")
    content = models.JSONField(db_comment="月报内容")
    digest = models.BinaryField(db_comment="内容的SM3，印在月报上")
    document = models.BinaryField(db_comment="PDF文件")
    document_sm3 = models.BinaryField(db_comment="PDF文件的SM3")
    made_by = models.CharField(max_length=60, db_comment="生成人账号")
    made_at = models.DateTimeField(db_comment="生成时间")

    class Meta:
        db_table_comment = "对账月报"
        constraints = (
            UniqueConstraint(fields=["county", "month", "number"], name="one_statement_per_number"),
        )
