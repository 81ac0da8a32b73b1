"""复核. Finance inserts a verdict; it holds no grant on lines, persons or accounts."""

from __future__ import annotations

from django.db import models

from yikatong.organisation.models import CountyRecord
from yikatong.submission.models import Batch


class ReviewVerdict(CountyRecord):
    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="review_verdicts", db_comment="批次"
    )
    passed = models.BooleanField(db_comment="是否通过")
    reason = models.CharField(max_length=300, blank=True, db_comment="退回原因或意见")
    by = models.CharField(max_length=60, db_comment="复核人账号")
    at = models.DateTimeField(db_comment="复核时间")

    class Meta:
        db_table_comment = "程序性复核结论"
