"""Append-only. Rows are written by one database function and never changed (trust.md §9)."""

from __future__ import annotations

from django.db import models


class AuditEvent(models.Model):
    """留痕: what one command did, chained by SM3 to the event before."""

    seq = models.BigIntegerField(primary_key=True, db_comment="链上序号，从1起，不断号")
    at = models.DateTimeField(db_comment="发生时间")
    county = models.CharField(max_length=6, db_comment="区县代码")
    unit_no = models.IntegerField(db_comment="机构编号")
    department_no = models.IntegerField(null=True, db_comment="主管部门编号")
    action = models.CharField(max_length=40, db_comment="动作代码，如 batch.review")
    batch_id = models.BigIntegerField(null=True, db_comment="批次编号")
    username = models.CharField(max_length=60, db_comment="办理人账号，机器办理为空")
    person_name = models.CharField(max_length=60, db_comment="办理人姓名或机器名称")
    duty = models.CharField(max_length=20, db_comment="岗位职责")
    via = models.CharField(max_length=10, db_comment="途径：web、cli、job")
    result = models.CharField(
        max_length=20, db_comment="结果：passed、returned、stays、done、refused"
    )
    from_status = models.CharField(max_length=12, blank=True, db_comment="办理前状态")
    to_status = models.CharField(max_length=12, blank=True, db_comment="办理后状态")
    note = models.TextField(blank=True, db_comment="意见或原因")
    touched = models.BinaryField(db_comment="所涉明细的SM3摘要")
    prev = models.BinaryField(db_comment="上一事件的SM3")
    hash = models.BinaryField(db_comment="本事件的SM3")

    class Meta:
        db_table_comment = "留痕事件"
        ordering = ("seq",)
        indexes = (models.Index(fields=["batch_id", "seq"], name="audit_event_by_batch"),)


class AuditHead(models.Model):
    """The one row that serialises the chain: who holds it may append."""

    only = models.BooleanField(primary_key=True, default=True, db_comment="唯一行")
    seq = models.BigIntegerField(db_comment="最后序号")
    hash = models.BinaryField(db_comment="最后事件的SM3")

    class Meta:
        db_table_comment = "留痕链头"
