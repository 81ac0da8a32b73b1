"""公示. A separate projection, written once: no identifier ever stands in these tables."""

from __future__ import annotations

from django.db import models

from yikatong.organisation.models import CountyRecord, Record
from yikatong.submission.models import Batch


class Disclosure(CountyRecord):
    """公示公告 of one batch: by person, or counts and totals only (敏感项目)."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.OneToOneField(
        Batch, on_delete=models.PROTECT, related_name="disclosure", db_comment="批次"
    )
    slug = models.CharField(max_length=20, unique=True, db_comment="公示编号，不含个人信息")
    programme_name = models.CharField(max_length=100, db_comment="项目名称")
    period = models.CharField(max_length=7, db_comment="期次 YYYY-MM")
    unit_name = models.CharField(max_length=80, db_comment="编制单位")
    department_name = models.CharField(max_length=80, db_comment="主管部门")
    profile = models.CharField(max_length=8, db_comment="公示方式：named、totals")
    lines = models.IntegerField(db_comment="涉及明细数")
    amount_fen = models.BigIntegerField(db_comment="发放金额（分）")
    from_on = models.DateField(db_comment="公示起始日期")
    until_on = models.DateField(db_comment="公示截止日期")
    supervision_phone = models.CharField(max_length=40, db_comment="监督电话")
    digest = models.BinaryField(db_comment="公示内容SM3，各渠道一致")
    channels = models.JSONField(default=list, db_comment="公示渠道")
    published_by = models.CharField(max_length=60, db_comment="发布人账号")
    published_at = models.DateTimeField(db_comment="发布时间")

    class Meta:
        db_table_comment = "公示公告"
        ordering = ("-id",)


class DisclosureRow(Record):
    """公示明细: allow-listed fields only (trust.md §10)."""

    disclosure = models.ForeignKey(
        Disclosure, on_delete=models.PROTECT, related_name="rows", db_comment="公示公告"
    )
    county = models.CharField(max_length=6, db_comment="区县代码")
    seq = models.IntegerField(db_comment="序号")
    village = models.CharField(max_length=120, db_comment="村组")
    name_masked = models.CharField(max_length=60, db_comment="姓名掩码；汇总时为空")
    people = models.IntegerField(db_comment="人（户）数")
    quantity = models.CharField(max_length=40, blank=True, db_comment="数量")
    standard = models.CharField(max_length=40, blank=True, db_comment="标准")
    amount_fen = models.BigIntegerField(null=True, db_comment="金额（分）；小数目抑制时为空")

    class Meta:
        db_table_comment = "公示明细"
        ordering = ("disclosure_id", "seq")
