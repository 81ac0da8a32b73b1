"""对象与账户. Identifiers rest encrypted; joins go by blind index, then by row id."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from yikatong.organisation.models import CountyRecord, Record


class Household(CountyRecord):
    """农户. A household without a head on record is never paid silently to a member."""

    number = models.CharField(max_length=30, db_comment="农户编码")
    head = models.ForeignKey(
        "Person", null=True, on_delete=models.PROTECT, related_name="+", db_comment="户主"
    )
    is_sample = models.BooleanField(default=False, db_comment="是否样例数据")

    class Meta:
        db_table_comment = "农户"
        constraints = (
            models.UniqueConstraint(fields=["county", "number"], name="one_household_per_number"),
        )


class Person(CountyRecord):
    """补贴对象."""

    id_cipher = models.BinaryField(db_comment="身份证号密文（SM4-GCM）")
    id_index = models.BinaryField(db_comment="身份证号盲索引（HMAC-SM3）")
    id_masked = models.CharField(max_length=18, db_comment="身份证号掩码，仅内部显示")
    name = models.CharField(max_length=60, db_comment="姓名")
    name_key = models.CharField(max_length=60, db_comment="比对用姓名：间隔号与全半角统一")
    is_male = models.BooleanField(db_comment="是否男性")
    birth_on = models.DateField(db_comment="出生日期")
    household = models.ForeignKey(
        Household,
        null=True,
        on_delete=models.PROTECT,
        related_name="members",
        db_comment="所属农户",
    )
    relation_to_head = models.CharField(max_length=20, blank=True, db_comment="与户主关系")
    village_group = models.CharField(max_length=40, blank=True, db_comment="村（居）民小组")
    phone_cipher = models.BinaryField(null=True, db_comment="联系电话密文")
    phone_index = models.BinaryField(null=True, db_comment="联系电话盲索引，只用于找共用电话")
    phone_masked = models.CharField(max_length=20, blank=True, db_comment="联系电话掩码")
    is_sample = models.BooleanField(default=False, db_comment="是否样例数据")
    entered_by = models.CharField(max_length=60, db_comment="录入人账号")
    entered_at = models.DateTimeField(db_comment="录入时间")

    class Meta:
        db_table_comment = "补贴对象"
        constraints = (
            models.UniqueConstraint(fields=["county", "id_index"], name="one_person_per_id_number"),
        )
        indexes = (
            models.Index(fields=["county", "unit_no"], name="person_by_unit"),
            models.Index(fields=["county", "name_key"], name="person_by_name"),
            models.Index(fields=["county", "phone_index"], name="person_by_phone"),
        )


class CardAccount(CountyRecord):
    """一卡通账户: one active per person. Its number is that of its current version."""

    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="accounts", db_comment="持有人"
    )
    is_active = models.BooleanField(default=True, db_comment="是否启用")
    current = models.ForeignKey(
        "CardAccountVersion",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_comment="现行版本",
    )

    class Meta:
        db_table_comment = "一卡通账户"
        constraints = (
            models.UniqueConstraint(
                fields=["person"], condition=Q(is_active=True), name="one_card_per_person"
            ),
        )


class CardAccountVersion(CountyRecord):
    """账户版本. Immutable, on purpose: a later 账户变更 must not move the money."""

    account = models.ForeignKey(
        CardAccount, on_delete=models.PROTECT, related_name="versions", db_comment="账户"
    )
    number_cipher = models.BinaryField(db_comment="账号密文（SM4-GCM）")
    number_index = models.BinaryField(db_comment="账号盲索引（HMAC-SM3）")
    last4 = models.CharField(max_length=4, db_comment="账号末四位")
    kind = models.CharField(max_length=8, db_comment="账户种类：CARD、PASSBOOK、SSC、CORP")
    bank_no = models.IntegerField(db_comment="代发银行编号")
    bank_name = models.CharField(max_length=80, db_comment="开户银行，按采集表原文")
    account_name = models.CharField(max_length=60, db_comment="户名")
    account_name_key = models.CharField(max_length=60, db_comment="比对用户名")
    reason = models.CharField(max_length=200, db_comment="登记或变更原因")
    entered_by = models.CharField(max_length=60, db_comment="录入人账号")
    confirmed_by = models.CharField(max_length=60, blank=True, db_comment="复核人账号")
    entered_at = models.DateTimeField(db_comment="录入时间")

    class Meta:
        db_table_comment = "一卡通账户版本"
        indexes = (models.Index(fields=["county", "number_index"], name="account_by_number"),)


class AccountChange(CountyRecord):
    """账户变更: proposed by one at the township, confirmed by another (两方案 五4)."""

    class State(models.TextChoices):
        PROPOSED = "PROPOSED", "待复核"
        CONFIRMED = "CONFIRMED", "已变更"
        RETURNED = "RETURNED", "已退回"

    account = models.ForeignKey(CardAccount, on_delete=models.PROTECT, db_comment="账户")
    number_cipher = models.BinaryField(db_comment="新账号密文")
    number_index = models.BinaryField(db_comment="新账号盲索引")
    last4 = models.CharField(max_length=4, db_comment="新账号末四位")
    kind = models.CharField(max_length=8, db_comment="新账户种类")
    bank_no = models.IntegerField(db_comment="新代发银行编号")
    bank_name = models.CharField(max_length=80, db_comment="新开户银行")
    account_name = models.CharField(max_length=60, db_comment="新户名")
    reason = models.CharField(max_length=200, db_comment="变更原因")
    state = models.CharField(
        max_length=10, choices=State, default=State.PROPOSED, db_comment="状态"
    )
    proposed_by = models.CharField(max_length=60, db_comment="申请人账号")
    proposed_at = models.DateTimeField(db_comment="申请时间")
    decided_by = models.CharField(max_length=60, blank=True, db_comment="复核人账号")
    decided_at = models.DateTimeField(null=True, db_comment="复核时间")
    decision_note = models.CharField(max_length=200, blank=True, db_comment="复核意见")
    answer = models.CharField(
        max_length=12, blank=True, db_comment="录入时银行核验结果，空为未答复"
    )
    answer_code = models.CharField(max_length=10, blank=True, db_comment="核验原因代码")
    answered_at = models.DateTimeField(null=True, db_comment="核验时间")

    class Meta:
        db_table_comment = "账户变更"
        constraints = (
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(state="PROPOSED"),
                name="one_open_change_per_account",
            ),
            models.CheckConstraint(
                condition=~Q(decided_by=models.F("proposed_by")),
                name="two_people_change_an_account",
            ),
        )


class AccountVerification(CountyRecord):
    """银行核验: what a bank said of one account version. UNAVAILABLE is never a pass."""

    class Outcome(models.TextChoices):
        MATCH = "MATCH", "一致"
        MISMATCH = "MISMATCH", "不一致"
        UNAVAILABLE = "UNAVAILABLE", "无法验证"

    version = models.ForeignKey(
        CardAccountVersion,
        on_delete=models.PROTECT,
        related_name="verifications",
        db_index=False,
        db_comment="账户版本",
    )
    bank_no = models.IntegerField(db_comment="核验银行编号")
    outcome = models.CharField(max_length=12, choices=Outcome, db_comment="核验结果")
    reason_code = models.CharField(max_length=10, blank=True, db_comment="原因代码")
    account_status = models.CharField(max_length=12, blank=True, db_comment="账户状态")
    account_class = models.CharField(max_length=4, blank=True, db_comment="账户类别")
    verified_at = models.DateTimeField(db_comment="核验时间")
    valid_until = models.DateField(db_comment="有效期至")

    class Meta:
        db_table_comment = "账户核验结果"
        indexes = (models.Index(fields=["version", "-verified_at"], name="latest_verification"),)


class Guardian(CountyRecord):
    """监护代领: who may receive for a person, on what evidence, until when."""

    person = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="guardians", db_comment="补贴对象"
    )
    guardian = models.ForeignKey(
        Person, on_delete=models.PROTECT, related_name="+", db_comment="监护人"
    )
    relation = models.CharField(max_length=20, db_comment="关系")
    evidence = models.CharField(max_length=200, db_comment="证明材料")
    since = models.DateField(db_comment="起始日期")
    until = models.DateField(null=True, db_comment="截止日期")
    entered_by = models.CharField(max_length=60, db_comment="录入人账号")

    class Meta:
        db_table_comment = "监护代领"


class RosterLoad(Record):
    """一次名册导入. The newest as-of date of a kind is the one that rules read."""

    county = models.CharField(max_length=6, db_comment="区县代码")
    kind = models.CharField(max_length=40, db_comment="名册种类")
    as_of = models.DateField(db_comment="名册截止日期")
    rows = models.IntegerField(db_comment="行数")
    file_name = models.CharField(max_length=200, db_comment="文件名")
    sm3 = models.BinaryField(db_comment="文件SM3")
    loaded_by = models.CharField(max_length=60, db_comment="导入人账号")
    loaded_at = models.DateTimeField(db_comment="导入时间")

    class Meta:
        db_table_comment = "比对名册导入"
        indexes = (models.Index(fields=["county", "kind", "-as_of"], name="newest_roster"),)


class RosterEntry(Record):
    """比对名册的一行."""

    load = models.ForeignKey(
        RosterLoad, on_delete=models.PROTECT, related_name="entries", db_comment="所属导入"
    )
    county = models.CharField(max_length=6, db_comment="区县代码")
    kind = models.CharField(max_length=40, db_comment="名册种类")
    id_index = models.BinaryField(db_comment="身份证号盲索引")
    name = models.CharField(max_length=60, db_comment="姓名")
    since = models.DateField(db_comment="起始日期")
    until = models.DateField(null=True, db_comment="截止日期")
    grade = models.CharField(max_length=40, blank=True, db_comment="等级或类别")
    quantity = models.DecimalField(max_digits=14, decimal_places=3, null=True, db_comment="数量")
    object_key = models.CharField(max_length=60, blank=True, db_comment="标的编号")

    class Meta:
        db_table_comment = "比对名册明细"
        indexes = (models.Index(fields=["county", "id_index", "kind"], name="roster_by_person"),)


class VerificationRequest(CountyRecord):
    """核验请求: which account versions were asked of which bank, for which batch (VRQ)."""

    bank_no = models.IntegerField(db_comment="代发银行编号")
    batch_no = models.CharField(max_length=40, unique=True, db_comment="报文批次号")
    for_batch_id = models.BigIntegerField(null=True, db_comment="为哪一发放批次")
    versions = models.JSONField(db_comment="账户版本编号")
    for_change = models.ForeignKey(
        AccountChange,
        null=True,
        on_delete=models.PROTECT,
        related_name="questions",
        db_comment="为哪一账户变更，录入时核验",
    )
    asked_at = models.DateTimeField(db_comment="请求时间")
    answered_at = models.DateTimeField(null=True, db_comment="答复时间")

    class Meta:
        db_table_comment = "账户核验请求"
        indexes = (models.Index(fields=["for_batch_id"], name="verification_for_batch"),)
