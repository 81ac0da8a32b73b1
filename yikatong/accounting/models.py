"""会计核算: drafts, balanced by the database in each book (财会〔2017〕25号 平行记账, 待核)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from yikatong.organisation.models import CountyRecord, Record
from yikatong.submission.models import Batch


class Voucher(CountyRecord):
    """凭证草稿: one per event and kind, so that a replay drafts nothing twice."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="vouchers", db_comment="批次"
    )
    event = models.CharField(max_length=80, db_comment="业务事件标识")
    kind = models.CharField(max_length=4, db_comment="凭证种类 V1…V5")
    summary = models.CharField(max_length=200, db_comment="摘要")
    drafted_at = models.DateTimeField(db_comment="生成时间")

    class Meta:
        db_table_comment = "凭证草稿"
        constraints = (
            models.UniqueConstraint(fields=["event", "kind"], name="one_voucher_per_event"),
        )


class VoucherEntry(Record):
    """分录. FINANCIAL is 财务会计, BUDGETARY is 预算会计; each book balances by itself."""

    class Book(models.TextChoices):
        FINANCIAL = "FINANCIAL", "财务会计"
        BUDGETARY = "BUDGETARY", "预算会计"
        MEMO = "MEMO", "备查"

    voucher = models.ForeignKey(
        Voucher, on_delete=models.PROTECT, related_name="entries", db_comment="凭证"
    )
    county = models.CharField(max_length=6, db_comment="区县代码")
    book = models.CharField(max_length=10, choices=Book, db_comment="账簿")
    is_debit = models.BooleanField(db_comment="是否借方")
    account = models.CharField(max_length=100, db_comment="会计科目")
    auxiliary = models.CharField(max_length=200, blank=True, db_comment="辅助核算")
    # the same auxiliaries one by one, as a ledger asks for them
    programme_code = models.CharField(
        max_length=20, blank=True, db_default="", db_comment="项目编码"
    )
    batch_number = models.CharField(max_length=40, blank=True, db_default="", db_comment="批次号")
    indicator = models.CharField(max_length=60, blank=True, db_default="", db_comment="指标编号")
    document_no = models.CharField(max_length=100, blank=True, db_default="", db_comment="资金文号")
    exp_func_code = models.CharField(
        max_length=13, blank=True, db_default="", db_comment="功能科目"
    )
    town_no = models.IntegerField(null=True, db_comment="镇街或部门机构编号")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")

    class Meta:
        db_table_comment = "凭证分录"
        constraints = (
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="an_entry_moves_something"),
        )


class Recovery(CountyRecord):
    """追回错发、上缴财政 of a batch, entered by its department; each entry drafts a V4."""

    class Kind(models.TextChoices):
        RECEIVED = "RECEIVED", "收到追回款"
        REMITTED = "REMITTED", "上缴财政"

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="recoveries", db_comment="批次"
    )
    kind = models.CharField(max_length=10, choices=Kind, db_comment="收到或上缴")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")
    happened_on = models.DateField(db_comment="发生日期")
    reason = models.CharField(max_length=300, db_comment="说明")
    entered_by = models.CharField(max_length=60, db_comment="登记人账号")
    entered_at = models.DateTimeField(db_comment="登记时间")

    class Meta:
        db_table_comment = "追回与上缴"
        constraints = (
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="a_recovery_is_of_money"),
        )


class LedgerPosting(CountyRecord):
    """一笔资金变动: written by the database's own triggers in the transaction that records it.

    `event` names the row that moved (a result, a confirmation, a refund, a hold); once per kind.
    """

    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(null=True, db_comment="代发银行编号")
    programme_code = models.CharField(max_length=20, blank=True, db_comment="项目编码")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="postings", null=True, db_comment="批次"
    )
    event = models.CharField(max_length=120, db_comment="业务事件标识")
    kind = models.CharField(max_length=20, db_comment="变动种类，如 MONEY_RECEIVED、LINE_PAID")
    lines = models.IntegerField(default=1, db_comment="笔数")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")
    posted_on = models.DateField(db_comment="记账日期")
    at = models.DateTimeField(db_comment="记账时间")

    class Meta:
        db_table_comment = "资金台账：变动"
        constraints = (
            models.UniqueConstraint(
                fields=["county", "event", "kind"], name="one_posting_per_event"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="a_posting_moves_something"),
        )
        indexes = (
            models.Index(fields=["county", "programme_code", "posted_on"], name="posting_by_item"),
        )


class LedgerLeg(CountyRecord):
    """一条借或贷 with its auxiliaries as columns; the legs of a posting balance at commit."""

    posting = models.ForeignKey(
        LedgerPosting, on_delete=models.PROTECT, related_name="legs", db_comment="资金变动"
    )
    department_no = models.IntegerField(db_comment="主管部门编号")
    bank_no = models.IntegerField(null=True, db_comment="代发银行编号")
    programme_code = models.CharField(max_length=20, blank=True, db_comment="项目编码")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="+", null=True, db_comment="批次"
    )
    indicator = models.CharField(max_length=60, blank=True, db_comment="指标编号")
    account = models.CharField(max_length=20, db_comment="台账科目编码")
    is_debit = models.BooleanField(db_comment="是否借方")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")

    class Meta:
        db_table_comment = "资金台账：分录"
        constraints = (
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="a_leg_moves_something"),
        )
        indexes = (
            models.Index(fields=["county", "programme_code", "account"], name="leg_by_item"),
            models.Index(fields=["batch", "bank_no"], name="leg_by_batch"),
        )
