"""Speak through the outbox, listen through the inbox; what contradicts our books is set aside."""

from __future__ import annotations

from django.db import models


class Outbox(models.Model):
    """出站报文: bytes fixed before the first try: every try sends the same (trust.md §3)."""

    id = models.BigAutoField(primary_key=True, db_comment="编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    bank_no = models.IntegerField(null=True, db_comment="代发银行编号，0为预算系统")
    key = models.CharField(max_length=120, unique=True, db_comment="幂等键，首次发送前固定")
    kind = models.CharField(max_length=8, db_comment="报文类型，如 PAY")
    name = models.CharField(max_length=160, db_comment="文件名")
    payload = models.BinaryField(db_comment="已加密的报文字节")
    signature = models.BinaryField(db_comment="分离签名")
    made_at = models.DateTimeField(db_comment="生成时间")
    sent_at = models.DateTimeField(null=True, db_comment="送达时间")
    attempts = models.IntegerField(default=0, db_comment="尝试次数")
    answered_at = models.DateTimeField(null=True, db_comment="对方答复时间，空为尚无回执")
    not_before = models.DateTimeField(null=True, db_comment="最早送达时间：银行已过截止时间时")
    first_seq = models.IntegerField(null=True, db_comment="发放分包的首行序号")
    last_seq = models.IntegerField(null=True, db_comment="发放分包的末行序号")

    class Meta:
        db_table_comment = "出站报文"
        ordering = ("id",)
        indexes = (
            models.Index(
                fields=["county", "bank_no"],
                condition=models.Q(answered_at=None),
                name="outgoing_not_answered",
            ),
        )


class Inbox(models.Model):
    """入站报文: stored whole before it is applied; the same bytes are stored once."""

    id = models.BigAutoField(primary_key=True, db_comment="编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    bank_no = models.IntegerField(null=True, db_comment="代发银行编号，0为预算系统")
    kind = models.CharField(max_length=8, db_comment="报文类型，如 RES")
    name = models.CharField(max_length=160, db_comment="文件名")
    sm3 = models.BinaryField(unique=True, db_comment="报文字节的SM3，同一字节只收一次")
    payload = models.BinaryField(db_comment="收到的密文字节")
    signature = models.BinaryField(db_comment="分离签名")
    received_at = models.DateTimeField(db_comment="收到时间")
    applied_at = models.DateTimeField(null=True, db_comment="应用时间")
    outcome = models.CharField(
        max_length=20, blank=True, db_comment="处理结果：applied、quarantined"
    )

    class Meta:
        db_table_comment = "入站报文"
        ordering = ("id",)


class BankNonce(models.Model):
    """接口随机数: a bank's call is taken once within its time window (interfaces.md §2.6)."""

    id = models.BigAutoField(primary_key=True, db_comment="编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    nonce = models.CharField(max_length=64, db_comment="银行调用的随机数")
    seen_at = models.DateTimeField(db_comment="收到时间")

    class Meta:
        db_table_comment = "接口随机数"
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=["county", "bank_no", "nonce"], name="one_call_per_nonce"
            ),
        )


class BankLine(models.Model):
    """银行线路: how often in a row a bank could not be reached, and until when it is left alone."""

    id = models.BigAutoField(primary_key=True, db_comment="编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    failures = models.IntegerField(default=0, db_comment="连续不通次数")
    open_until = models.DateTimeField(null=True, db_comment="暂停联系至，空为照常")
    reason = models.CharField(max_length=200, blank=True, db_comment="最近一次不通的原因")
    failed_at = models.DateTimeField(null=True, db_comment="最近一次不通的时间")

    class Meta:
        db_table_comment = "银行线路"
        ordering = ("county", "bank_no")
        constraints = (
            models.UniqueConstraint(fields=["county", "bank_no"], name="one_line_per_bank"),
        )


class Quarantine(models.Model):
    """异常挂账: a contradiction that a person must clear; nothing is dropped."""

    id = models.BigAutoField(primary_key=True, db_comment="编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    unit_no = models.IntegerField(default=0, db_comment="机构编号")
    department_no = models.IntegerField(null=True, db_comment="主管部门编号")
    bank_no = models.IntegerField(null=True, db_comment="代发银行编号")
    batch_id = models.BigIntegerField(null=True, db_comment="批次编号")
    kind = models.CharField(max_length=30, db_comment="异常类别")
    fingerprint = models.CharField(max_length=160, unique=True, db_comment="同一异常只挂一次的标识")
    sentence = models.TextField(db_comment="异常说明")
    amount_fen = models.BigIntegerField(null=True, db_comment="涉及金额（分）")
    opened_at = models.DateTimeField(db_comment="挂账时间")
    closed_at = models.DateTimeField(null=True, db_comment="销账时间")
    closed_by = models.CharField(max_length=60, blank=True, db_comment="销账人")
    closing_reason = models.TextField(blank=True, db_comment="销账原因")

    class Meta:
        db_table_comment = "异常挂账"
        ordering = ("id",)
