"""验证. Findings are all kept, of every run; the verdict of a line is one appended row."""

from __future__ import annotations

from django.db import models

from yikatong.catalogue.models import Definition
from yikatong.organisation.models import CountyRecord, OfCounty
from yikatong.registry.models import CardAccount, CardAccountVersion, Household, Person
from yikatong.submission.models import Batch, Line, SourceFile
from yikatong.validation.rules import CHANGE_WORD


class Finding(CountyRecord):
    """验证问题: row, field, rule, severity, and a sentence that a clerk can act on."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(
        Batch,
        on_delete=models.PROTECT,
        related_name="findings",
        db_index=False,
        db_comment="批次",
    )
    # no constraint: a line taken out of its draft is gone, what was found in it stays on record
    line = models.ForeignKey(
        Line,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="findings",
        db_comment="明细，空为整批",
    )
    run_no = models.IntegerField(db_comment="第几次验证")
    row_no = models.IntegerField(null=True, db_comment="表格行号")
    field = models.CharField(max_length=30, blank=True, db_comment="字段")
    rule = models.CharField(max_length=10, db_comment="规则代码")
    severity = models.CharField(max_length=8, db_comment="严重程度：block、confirm、info")
    verdict = models.CharField(max_length=12, db_comment="结论：阻断、待核、提示、未比对")
    sentence = models.TextField(db_comment="问题说明")
    evidence = models.BinaryField(db_comment="证据摘要")
    # told by the judge, who sees the whole county: the clerk who answers may not see the person
    obligation = models.CharField(max_length=160, blank=True, db_comment="享受权标识，空为整批")

    class Meta:
        db_table_comment = "验证问题"
        indexes = (models.Index(fields=["batch", "run_no", "rule"], name="finding_by_run"),)


class RuleOutcome(CountyRecord):
    """规则结论: what one rule said of one run over a batch, also where it found nothing."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(
        Batch,
        on_delete=models.PROTECT,
        related_name="rule_outcomes",
        db_index=False,
        db_comment="批次",
    )
    run_no = models.IntegerField(db_comment="第几次验证")
    rule = models.CharField(max_length=10, db_comment="规则代码")
    verdict = models.CharField(max_length=12, db_comment="结论：通过、阻断、待核、未比对")
    findings = models.IntegerField(db_comment="问题数")

    class Meta:
        db_table_comment = "规则结论"
        constraints = (
            models.UniqueConstraint(
                fields=["batch", "run_no", "rule"], name="one_outcome_per_rule_and_run"
            ),
        )


class PeriodChange(CountyRecord):
    """与上期比较: one difference of a batch from last period's payments of the same item."""

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(
        Batch,
        on_delete=models.PROTECT,
        related_name="changes",
        db_index=False,
        db_comment="批次",
    )
    line = models.ForeignKey(
        Line,
        null=True,
        on_delete=models.PROTECT,
        related_name="changes",
        db_comment="明细，本期不再发放的为空",
    )
    run_no = models.IntegerField(db_comment="第几次验证")
    row_no = models.IntegerField(null=True, db_comment="表格行号")
    kind = models.CharField(
        max_length=14,
        choices=[(kind.value, word) for kind, word in CHANGE_WORD.items()],
        db_comment="变化种类",
    )
    name = models.CharField(max_length=60, db_comment="享受人姓名")
    object_key = models.CharField(max_length=60, blank=True, db_comment="标的编号")
    last_period = models.CharField(max_length=7, blank=True, db_comment="所比的上期")
    before_fen = models.BigIntegerField(null=True, db_comment="上期金额（分）")
    now_fen = models.BigIntegerField(null=True, db_comment="本期金额（分）")
    before_last4 = models.CharField(max_length=4, blank=True, db_comment="上期账号末四位")
    now_last4 = models.CharField(max_length=4, blank=True, db_comment="本期账号末四位")
    shared_by = models.IntegerField(null=True, db_comment="共用人数")

    class Meta:
        db_table_comment = "与上期比较"
        indexes = (models.Index(fields=["batch", "run_no", "kind"], name="change_by_run"),)


class LineVerdict(OfCounty):
    """明细结论, known by its line: appended once, at the verdict of its batch.

    Whom the line was judged as is kept with it. Its references are made by the join that judged; a
    row-by-row check of six keys would cost more than the judging. That a verdict is of a line of
    its batch is one check a statement (law/triggers.sql), and a payment holds its account version
    by a key of its own.
    """

    department_no = models.IntegerField(db_comment="主管部门编号")
    batch = models.ForeignKey(
        Batch,
        on_delete=models.PROTECT,
        related_name="line_verdicts",
        db_constraint=False,
        db_index=False,
        db_comment="批次",
    )
    line = models.OneToOneField(
        Line,
        primary_key=True,
        on_delete=models.PROTECT,
        related_name="verdict",
        db_constraint=False,
        db_comment="明细",
    )
    payee = models.ForeignKey(
        Person,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        db_comment="收款人",
    )
    beneficiary = models.ForeignKey(
        Person,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        db_comment="享受人",
    )
    household = models.ForeignKey(
        Household,
        null=True,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        db_comment="农户",
    )
    account = models.ForeignKey(
        CardAccount,
        null=True,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        db_comment="收款账户",
    )
    account_version = models.ForeignKey(
        CardAccountVersion,
        null=True,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        db_comment="核验过的账户版本，付到这里",
    )
    bank_no = models.IntegerField(null=True, db_comment="该账户的代发银行编号")
    obligee_id = models.BigIntegerField(null=True, db_comment="享受主体：到人为人，到户为户")
    passed = models.BooleanField(db_comment="是否通过")
    worst = models.CharField(max_length=8, blank=True, db_comment="最重问题")
    at = models.DateTimeField(db_comment="时间")

    class Meta:
        db_table_comment = "明细验证结论"
        indexes = (models.Index(fields=["batch", "passed"], name="verdict_by_batch"),)


class CheckRun(CountyRecord):
    """一次检查 of an uploaded file, before anything is stored as a batch."""

    class State(models.TextChoices):
        QUEUED = "QUEUED", "排队中"
        RUNNING = "RUNNING", "检查中"
        DONE = "DONE", "已完成"
        FAILED = "FAILED", "未完成"
        STOPPED = "STOPPED", "已取消"

    department_no = models.IntegerField(db_comment="主管部门编号")
    source_file = models.ForeignKey(SourceFile, on_delete=models.PROTECT, db_comment="文件")
    programme_code = models.CharField(max_length=20, db_comment="项目编码")
    period = models.CharField(max_length=7, db_comment="期次 YYYY-MM")
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED, db_comment="状态")
    trouble = models.TextField(blank=True, db_comment="未完成的原因")
    report = models.JSONField(default=dict, db_comment="检查结果，不含身份证号与账号")
    asked_by = models.CharField(max_length=60, db_comment="发起人账号")
    asked_at = models.DateTimeField(db_comment="发起时间")
    batch = models.ForeignKey(Batch, null=True, on_delete=models.PROTECT, db_comment="存成的批次")

    class Meta:
        db_table_comment = "名单检查"


class Headway(CountyRecord):
    """进度 of a long judgement, written beside its transaction and gone when that ends."""

    subject = models.CharField(max_length=40, db_comment="哪一次：check|检查编号 或 batch|批次编号")
    rows = models.IntegerField(db_comment="名单行数")
    phase = models.CharField(max_length=20, db_comment="正在做的一段")
    done = models.IntegerField(db_comment="已做完的步数")
    of = models.IntegerField(db_comment="总步数")
    started_at = models.DateTimeField(db_comment="开始时间")
    told_at = models.DateTimeField(db_comment="最近一次报告的时间")
    cancelled_by = models.CharField(
        max_length=60, blank=True, db_default="", db_comment="谁要求取消，空为没有"
    )

    class Meta:
        db_table_comment = "验证进度"
        constraints = (
            models.UniqueConstraint(fields=["county", "subject"], name="one_headway_per_subject"),
        )


class Trial(CountyRecord):
    """样表试查: a sample file judged under a definition that is not in force yet, by the very same
    rules. Of the definition as it stood: its digest is written by the database.
    """

    department_no = models.IntegerField(db_comment="主管部门编号")
    definition = models.ForeignKey(
        Definition, on_delete=models.PROTECT, related_name="trials", db_comment="项目定义"
    )
    digest = models.BinaryField(db_comment="试查时的定义摘要，由数据库写")
    source_file = models.ForeignKey(SourceFile, on_delete=models.PROTECT, db_comment="样表文件")
    # finance reads what was tried, never the file
    file_name = models.CharField(max_length=200, db_comment="样表文件名")
    period = models.CharField(max_length=7, db_comment="期次 YYYY-MM")
    state = models.CharField(
        max_length=8,
        choices=CheckRun.State,
        default=CheckRun.State.QUEUED,
        db_comment="状态",
    )
    trouble = models.TextField(blank=True, db_comment="未完成的原因")
    report = models.JSONField(default=dict, db_comment="检查结果，不含身份证号与账号")
    asked_by = models.CharField(max_length=60, db_comment="发起人账号")
    asked_at = models.DateTimeField(db_comment="发起时间")

    class Meta:
        db_table_comment = "样表试查"


class LineOutlook(models.Model):
    """The SQL view `line_outlook`: of each passed line whose money has not moved, the newest bank
    answer about its account version and how the newest earlier payment to that version ended.
    """

    id = models.BigIntegerField(primary_key=True, db_comment="明细编号")
    county = models.CharField(max_length=6, db_comment="区县代码")
    batch = models.ForeignKey(
        Batch, on_delete=models.DO_NOTHING, related_name="+", db_comment="批次"
    )
    row_no = models.IntegerField(db_comment="表格行号")
    payee_name = models.CharField(max_length=60, db_comment="收款人姓名")
    id_masked = models.CharField(max_length=18, db_comment="收款人即享受人的，身份证号掩码")
    amount_fen = models.BigIntegerField(db_comment="补贴金额（分）")
    last4 = models.CharField(max_length=4, null=True, db_comment="账号末四位")  # noqa: DJ001 - of a view
    is_seen = models.BooleanField(db_comment="账户是否在读者的范围内")
    outcome = models.CharField(max_length=12, null=True, db_comment="最近一次核验结果")  # noqa: DJ001
    reason_code = models.CharField(max_length=10, null=True, db_comment="核验原因代码")  # noqa: DJ001
    valid_until = models.DateField(null=True, db_comment="核验有效期至")
    earlier_state = models.CharField(max_length=10, null=True, db_comment="上次发放的结果")  # noqa: DJ001
    earlier_code = models.CharField(max_length=6, null=True, db_comment="上次失败的原因类别")  # noqa: DJ001

    class Meta:
        managed = False
        db_table = "line_outlook"
