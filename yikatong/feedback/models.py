"""反馈. Results, refunds and day accounts are appended, each at most once."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from yikatong.feedback.rules import CureState, cure_of
from yikatong.organisation.models import CountyRecord, Record
from yikatong.payout.models import BankShare, Payment
from yikatong.submission.models import Batch, Line


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


class PaymentResult(CountyRecord):
    """发放结果 of one payment, from one row of one file; a bank's serial is used once.

    The key is its file's number × 2^24 and its row's (`bulk.ROW_BITS`): it holds one effect a row.
    """

    id = models.BigIntegerField(primary_key=True, db_comment="结果文件编号×2^24＋文件内行号")
    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    # checked once per statement (law/results.sql), not row by row
    payment = models.ForeignKey(
        Payment, models.PROTECT, related_name="results", db_constraint=False, db_comment="代发明细"
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
                fields=["county", "bank_no", "bank_serial"], name="one_effect_per_bank_serial"
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
