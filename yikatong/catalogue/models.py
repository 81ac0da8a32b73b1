"""清单: versioned, effective-dated data. Nothing here is a constant of the code (domain.md §5)."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.db import models
from django.db.models import Q

from yikatong.catalogue.rules import DEFINITION_WORD, OPEN, DefinitionState
from yikatong.organisation.models import Record


class Definition(Record):
    """项目定义: an item as its department writes it, one row a version. What stands in it is put in
    force as rows of the tables below, and only a 生效 one may stand there (law/triggers.sql).

    The digest and the editors are written by the database itself, so no program can claim that
    what was tried is what goes live.
    """

    county = models.CharField(max_length=6, db_comment="区县代码")
    department_no = models.IntegerField(db_comment="主管部门编号")
    code = models.CharField(max_length=20, db_comment="项目编码")
    version = models.IntegerField(db_comment="版本")
    state = models.CharField(
        max_length=8,
        choices=[(state.value, word) for state, word in DEFINITION_WORD.items()],
        default=DefinitionState.DRAFT,
        db_comment="状态：DRAFT 试填，TESTED 试运行，LIVE 生效，RETIRED 停用",
    )
    content = models.JSONField(db_comment="定义全文，写法与区县包的清单相同")
    digest = models.BinaryField(db_comment="定义摘要，由数据库算出")
    editors = ArrayField(
        models.TextField(), default=list, db_comment="改写过本版本的人，由数据库记"
    )
    made_by = models.CharField(max_length=60, db_comment="编制人账号")
    made_at = models.DateTimeField(db_comment="编制时间")
    confirmed_by = models.CharField(max_length=60, blank=True, db_comment="确认人账号")
    confirmed_at = models.DateTimeField(null=True, db_comment="确认生效时间")
    retired_by = models.CharField(max_length=60, blank=True, db_comment="停用人账号")
    retired_at = models.DateTimeField(null=True, db_comment="停用时间")
    reason = models.CharField(max_length=300, blank=True, db_comment="退回、停用的原因")

    class Meta:
        db_table_comment = "项目定义"
        ordering = ("county", "code", "version")
        constraints = (
            models.UniqueConstraint(
                fields=["county", "code", "version"], name="one_definition_per_version"
            ),
            models.UniqueConstraint(
                fields=["county", "code"],
                condition=Q(state__in=[state.value for state in OPEN]),
                name="one_definition_is_being_written",
            ),
            models.UniqueConstraint(
                fields=["county", "code"],
                condition=Q(state=DefinitionState.LIVE.value),
                name="one_definition_is_live",
            ),
            models.CheckConstraint(
                condition=~Q(state=DefinitionState.LIVE.value)
                | (~Q(confirmed_by="") & ~Q(confirmed_by=models.F("made_by"))),
                name="who_made_it_never_confirms_it",
            ),
        )


class Defined(Record):
    """What comes from an officer's definition says from which; empty for the county's own pack."""

    definition = models.ForeignKey(
        Definition,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_comment="来自哪个项目定义，空为区县包",
    )

    class Meta:
        abstract = True


class Programme(Defined):
    """补贴项目 in a county's 清单."""

    class PayeeKind(models.TextChoices):
        PERSON = "person", "到人"
        HOUSEHOLD = "household", "到户"

    class Formula(models.TextChoices):
        RATE = "rate", "标准×数量×月数"
        DIFFERENCE = "difference", "差额补助，不超过标准×人数×月数"
        CASE = "case", "按个案核定"

    county = models.CharField(max_length=6, db_comment="区县代码")
    code = models.CharField(max_length=20, db_comment="项目编码")
    serial = models.IntegerField(db_comment="清单序号")
    name = models.CharField(max_length=100, db_comment="补贴资金名称，按清单原文")
    short_name = models.CharField(max_length=7, db_comment="简称，不超过7字")
    department_no = models.IntegerField(db_comment="主管部门编号")
    payee_kind = models.CharField(
        max_length=10, choices=PayeeKind, db_comment="发放类型：到人、到户"
    )
    object_kind = models.CharField(
        max_length=10, blank=True, db_comment="标的：plot、machine、house、case"
    )
    unit_name = models.CharField(max_length=10, db_comment="计量单位")
    frequency = models.CharField(max_length=20, db_comment="发放频次")
    paying_unit = models.CharField(max_length=12, db_comment="发放单位：department、township")
    formula = models.CharField(max_length=10, choices=Formula, db_comment="计算方式")
    formula_text = models.CharField(
        max_length=200, blank=True, db_comment="计算公式原文，空为标准×数量×月数"
    )
    cap_fen = models.BigIntegerField(null=True, db_comment="单笔上限（分），空为不限")
    months_default = models.IntegerField(default=0, db_comment="默认月数，0为不按月计")
    age_min = models.IntegerField(null=True, db_comment="期末最小年龄")
    age_max = models.IntegerField(null=True, db_comment="期末最大年龄")
    age_min_female = models.IntegerField(null=True, db_comment="女性期末最小年龄，空同上")
    target = models.CharField(max_length=120, blank=True, db_comment="补贴对象")
    benefit_roster = models.CharField(
        max_length=40, blank=True, db_comment="能表明已享受本项的名册种类"
    )
    grades = models.JSONField(default=list, db_comment="等级")
    required_columns = models.JSONField(default=list, db_comment="名单必填列")
    columns = models.JSONField(
        default=list, db_comment="名单的列：字段、本项的叫法、是否必填；字段为空的只印不核"
    )
    disclosure_profile = models.CharField(
        max_length=8, db_comment="公示方式：named 逐人，totals 仅汇总"
    )
    sms_text = models.CharField(max_length=120, db_comment="到账短信模板")
    basis = models.CharField(max_length=300, blank=True, db_comment="政策依据")
    flag = models.CharField(max_length=200, blank=True, db_comment="待区县确认的事项")
    note = models.CharField(max_length=300, blank=True, db_comment="备注")
    budget = models.JSONField(default=dict, db_comment="预算与核算编码")
    checks = models.JSONField(default=dict, db_comment="本项自己的比对阈值，未写的按区县，0 为不比")
    version = models.IntegerField(default=1, db_comment="版本")
    valid_from = models.DateField(db_comment="启用日期")
    valid_to = models.DateField(null=True, db_comment="停用日期")

    class Meta:
        db_table_comment = "补贴项目（清单）"
        ordering = ("county", "serial")
        constraints = (
            models.UniqueConstraint(
                fields=["county", "code", "version"], name="one_version_of_a_programme"
            ),
        )


class BenefitStandard(Defined):
    """补贴标准, dated: two standards of one grade never hold on one day (EXCLUDE)."""

    county = models.CharField(max_length=6, db_comment="区县代码")
    programme_code = models.CharField(max_length=20, db_comment="项目编码")
    grade = models.CharField(max_length=20, blank=True, db_comment="等级或类别，空为不分")
    rate = models.DecimalField(max_digits=18, decimal_places=7, db_comment="标准（元/单位）")
    valid = DateRangeField(db_comment="有效期")
    is_sample = models.BooleanField(default=False, db_comment="是否示例")
    basis = models.CharField(max_length=300, blank=True, db_comment="依据")

    class Meta:
        db_table_comment = "补贴标准"
        constraints = (
            ExclusionConstraint(
                name="standards_never_overlap",
                expressions=[
                    ("county", RangeOperators.EQUAL),
                    ("programme_code", RangeOperators.EQUAL),
                    ("grade", RangeOperators.EQUAL),
                    ("valid", RangeOperators.OVERLAPS),
                ],
            ),
        )


class RequiredRoster(Defined):
    """应在名册 (block), a roster whose hit a person must look at (confirm; optional: only where it
    is loaded), or one that may not be missing unanswered (compare): RO-1…4, SY-1.
    """

    county = models.CharField(max_length=6, db_comment="区县代码")
    programme_code = models.CharField(max_length=20, db_comment="项目编码")
    kind = models.CharField(max_length=40, db_comment="名册种类")
    severity = models.CharField(
        max_length=8,
        db_comment="用途：block 必须在册，confirm 在册待核，optional 有则比，compare 缺则须答复",
    )
    max_age_days = models.IntegerField(db_comment="名册有效自然日数")

    class Meta:
        db_table_comment = "项目所需名册"
        constraints = (
            models.UniqueConstraint(
                fields=["county", "programme_code", "kind"], name="one_requirement_per_roster"
            ),
        )


class Relation(Defined):
    """项目关系: 互斥、择高、补差、同一标的, dated, edited by the 主管部门 (domain.md §11, 待核)."""

    county = models.CharField(max_length=6, db_comment="区县代码")
    code_a = models.CharField(max_length=40, db_comment="项目编码甲")
    code_b = models.CharField(max_length=40, db_comment="项目编码乙或名册种类")
    kind = models.CharField(
        max_length=12, db_comment="关系：DENY、HIGHER、TOPUP、SAME_ASSET、COMPATIBLE"
    )
    scope = models.CharField(
        max_length=12, db_comment="范围：person、household、plot、house、machine"
    )
    since = models.DateField(db_comment="生效日期")
    until = models.DateField(null=True, db_comment="失效日期")
    legal_basis = models.CharField(max_length=300, blank=True, db_comment="依据")
    severity = models.CharField(max_length=8, blank=True, db_comment="严重程度")
    grade_a = models.CharField(max_length=40, blank=True, db_comment="仅限甲的等级")
    under_age = models.IntegerField(null=True, db_comment="仅限未满此年龄")
    keep = models.CharField(max_length=20, blank=True, db_comment="保留的一项")

    class Meta:
        db_table_comment = "项目关系"
