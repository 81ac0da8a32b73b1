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

    voucher = models.ForeignKey(
        Voucher, on_delete=models.PROTECT, related_name="entries", db_comment="凭证"
    )
    county = models.CharField(max_length=6, db_comment="区县代码")
    book = models.CharField(max_length=10, choices=Book, db_comment="账簿")
    is_debit = models.BooleanField(db_comment="是否借方")
    account = models.CharField(max_length=100, db_comment="会计科目")
    auxiliary = models.CharField(max_length=200, blank=True, db_comment="辅助核算")
    amount_fen = models.BigIntegerField(db_comment="金额（分）")

    class Meta:
        db_table_comment = "凭证分录"
        constraints = (
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="an_entry_moves_something"),
        )
