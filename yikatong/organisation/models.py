"""机构岗位. Units are numbered so that a scope is one range (trust.md §2)."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import F, Q


class Record(models.Model):
    id = models.BigAutoField(primary_key=True, db_comment="编号")

    class Meta:
        abstract = True


class OfCounty(models.Model):
    """A row of one county, seen by its unit: every such table carries the policy in_scope."""

    county = models.CharField(max_length=6, db_comment="区县代码")
    unit_no = models.IntegerField(db_comment="机构编号")

    class Meta:
        abstract = True


class CountyRecord(Record, OfCounty):
    """Such a row with a number of its own."""

    class Meta:
        abstract = True


class County(models.Model):
    """区县 and its settings: what a pack says and a county may change, never a constant."""

    county = models.CharField(max_length=6, primary_key=True, db_comment="区县代码")
    slug = models.CharField(max_length=20, unique=True, db_comment="账号前缀，如 pengshui")
    name = models.CharField(max_length=40, db_comment="区县名称")
    short_name = models.CharField(max_length=20, db_comment="简称")
    settings = models.JSONField(db_comment="区县设置：验证方式、结余处理、时限、渠道、凭证科目等")
    is_sample = models.BooleanField(default=False, db_comment="是否演示数据")

    class Meta:
        db_table_comment = "区县设置"


class Division(Record):
    """行政区划, as of the statistics bureau's codes; a code is never deleted, only ended."""

    code = models.CharField(max_length=12, unique=True, db_comment="区划代码")
    name = models.CharField(max_length=80, db_comment="名称")
    level = models.CharField(max_length=10, db_comment="级别：district、town、village")
    parent_code = models.CharField(max_length=12, db_comment="上级区划代码")
    source = models.CharField(max_length=80, db_comment="来源")
    valid_from = models.DateField(db_comment="启用日期")
    valid_to = models.DateField(null=True, db_comment="停用日期")

    class Meta:
        db_table_comment = "行政区划"


class Unit(CountyRecord):
    """机构: a township's number is followed by its villages', so that a range holds them."""

    class Kind(models.TextChoices):
        FINANCE = "finance", "财政局"
        DEPARTMENT = "department", "主管部门"
        TOWN = "town", "镇街"
        VILLAGE = "village", "村（社区）"
        BANK = "bank", "代发银行"
        AUDIT = "audit", "纪检审计"
        ADMIN = "admin", "系统管理"

    unit_hi = models.IntegerField(db_comment="所辖机构编号上界")
    kind = models.CharField(max_length=12, choices=Kind, db_comment="机构类别")
    name = models.CharField(max_length=80, db_comment="机构名称")
    division_code = models.CharField(max_length=12, blank=True, db_comment="区划代码")
    department_no = models.IntegerField(null=True, db_comment="主管部门编号")
    bank_no = models.IntegerField(null=True, db_comment="代发银行编号")

    class Meta:
        db_table_comment = "机构"
        ordering = ("county", "unit_no")
        constraints = (
            models.UniqueConstraint(fields=["county", "unit_no"], name="one_unit_per_number"),
            models.CheckConstraint(
                condition=Q(unit_hi__gte=F("unit_no")), name="unit_range_holds_itself"
            ),
        )


class PayingBank(CountyRecord):
    """代发银行 in a county, with the account that the treasury pays into (内部代发账户)."""

    bank_no = models.IntegerField(db_comment="代发银行编号")
    code3 = models.CharField(max_length=8, db_comment="报文中的银行简码")
    name = models.CharField(max_length=60, db_comment="银行名称")
    short_name = models.CharField(max_length=30, db_comment="银行简称")
    cnaps = models.CharField(max_length=12, blank=True, db_comment="联行号")
    payout_account = models.CharField(max_length=40, db_comment="内部代发账户账号")
    note = models.CharField(max_length=200, blank=True, db_comment="备注")

    class Meta:
        db_table_comment = "代发银行"
        ordering = ("county", "bank_no")
        constraints = (
            models.UniqueConstraint(fields=["county", "bank_no"], name="one_bank_per_number"),
            models.UniqueConstraint(fields=["county", "code3"], name="one_bank_per_code"),
        )


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=username)


class User(AbstractBaseUser):
    """人员. Made without a password by `init`; `demo` gives random ones and prints them."""

    id = models.BigAutoField(primary_key=True, db_comment="编号")
    password = models.CharField(max_length=128, db_comment="口令散列")
    last_login = models.DateTimeField(null=True, blank=True, db_comment="上次登录时间")
    username = models.CharField(
        max_length=60, unique=True, db_comment="账号，如 pengshui-town-clerk"
    )
    name = models.CharField(max_length=60, db_comment="姓名")
    is_active = models.BooleanField(default=True, db_comment="是否启用")

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        db_table_comment = "人员"


class Post(Record):
    """岗位: one person, one duty, one unit. Administrators hold no other post (三员分立)."""

    user = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="posts", db_comment="人员"
    )
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, db_comment="机构")
    duty = models.CharField(max_length=20, db_comment="岗位职责")
    is_active = models.BooleanField(default=True, db_comment="是否在岗")

    class Meta:
        db_table_comment = "岗位"
        constraints = (
            models.UniqueConstraint(fields=["user", "unit", "duty"], name="one_post_once"),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(is_active=True, duty__in=["sysadmin", "secadmin", "auditadmin"]),
                name="one_person_never_two_administrator_posts",
            ),
        )


class CalendarDay(models.Model):
    """工作日历: every day of a covered year; a missing year is said, never guessed."""

    day = models.DateField(primary_key=True, db_comment="日期")
    is_working = models.BooleanField(db_comment="是否工作日")
    note = models.CharField(max_length=40, blank=True, db_comment="节日名称")

    class Meta:
        db_table_comment = "工作日历"


class SignInThrottle(models.Model):
    """登录限速: counted before the password is looked at, in a statement of its own."""

    key = models.CharField(max_length=120, primary_key=True, db_comment="账号或地址")
    failures = models.IntegerField(db_comment="窗口内尝试次数")
    window_started_at = models.DateTimeField(db_comment="窗口开始时间")
    locked_until = models.DateTimeField(null=True, db_comment="锁定至")

    class Meta:
        db_table_comment = "登录限速"
