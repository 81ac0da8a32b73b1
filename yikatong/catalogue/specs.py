"""What a county's pack says, as frozen facts. `catalogue.pack` reads them from the files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from yikatong.catalogue.specs_books import BudgetSpec, ChartSpec, VoucherSpec
from yikatong.kernel.errors import Refused
from yikatong.kernel.steps import Limit

ROSTER_KINDS: Final = {
    "deceased": "死亡人员",
    "disabled": "持证残疾人",
    "minimum_living": "低保对象",
    "extreme_poverty": "特困人员",
    "orphan": "孤儿和事实无人抚养儿童",
    "registered_poor": "建档立卡户",
    "fiscal_payroll": "财政供养人员",
    "imprisoned": "服刑人员",
    "village_cadre": "村（社区）干部",
    "deregistered": "户籍注销人员",
    "missing": "宣告失踪人员",
    "moved_away": "外嫁、迁出人员",
    "claimed_elsewhere": "外省市已享受人员",
    "business_owner": "工商登记人员",
    "vehicle_owner": "车辆登记人员",
    "several_homes": "多套住房人员",
    "retired": "已退休领取养老金人员",
    "idle_land": "撂荒承包户",
}
ENTITLED: Final = "entitled:"
# whom RO-2 stops: the first must always be compared, the others where the county has loaded them
STOPPING: Final = ("deceased", "deregistered", "missing")
# RO-4 asks about these; about all others that an item watches, RO-3 does
ABSENT: Final = frozenset({"imprisoned", "moved_away", "claimed_elsewhere"})
FREQUENCY_WORD: Final = {
    "yearly": "每年",
    "quarterly": "每季",
    "monthly": "每月",
    "once": "一次性",
    "instalment": "分期",
    "on_application": "按申请",
}
OBJECT_WORD: Final = {"": "", "plot": "地块", "machine": "机具", "house": "房屋", "case": "个案"}
FORMULA_WORD: Final = {
    "rate": "标准×数量（×月数）",
    "difference": "差额，不超过标准×人数×月数",
    "case": "按个案核定",
}
MOST_SMS: Final = 70
LONGEST_AMOUNT: Final = "9,999,999.99"
LONGEST_DAY: Final = "12月31日"
# the words that any formula may use; an item's own word for its quantity joins them
FORMULA_WORDS: Final = {
    "补贴标准": "rate",
    "标准": "rate",
    "数量": "quantity",
    "月数": "months",
    "增发金额": "supplement",
}
# what of the book an item may choose for itself; what is not named keeps the county's threshold,
# 0 switches it off
ITEM_CHECKS: Final = {
    "amount_change_percent": "AM-4 与上期相比，金额变化过大",
    "quantity_jump_percent": "AM-4 与上期相比，数量变化过大",
    "village_top": "AM-4 同村比较，金额突出",
    "yearly_repeat_asks": "DU-2 同一年度（季度）已发放，须写明理由",
}
# the columns that an item may choose from the 发放清册, and what they are called unless it says
COLUMN_WORD: Final = {
    "grade": "等级",
    "quantity": "数量",
    "months": "月数",
    "standard": "补贴标准",
    "supplement": "增发金额",
    "object_key": "标的编号",
}
PLAIN_FORMULA: Final = "补贴标准×数量×月数"


def roster_word(kind: str) -> str:
    """What people call a roster; that of one item's entitled is named by the item's code."""
    if kind.startswith(ENTITLED):
        return f"{kind.removeprefix(ENTITLED)} 核定对象"
    return ROSTER_KINDS.get(kind, kind)


def formula_columns(words: Mapping[str, str]) -> dict[str, str]:
    """The words that a formula may use → rate, quantity, months, supplement; `words` are an item's
    headers.
    """
    own = {re.sub(r"[（(].*?[)）]", "", word): field for field, word in words.items()}
    known = {
        "standard": "rate",
        "quantity": "quantity",
        "months": "months",
        "supplement": "supplement",
    }
    return FORMULA_WORDS | {word: known[field] for word, field in own.items() if field in known}


class RelationKind(StrEnum):
    DENY = "DENY"
    HIGHER = "HIGHER"
    TOPUP = "TOPUP"
    SAME_ASSET = "SAME_ASSET"


@dataclass(frozen=True, slots=True)
class DepartmentSpec:
    """主管部门. `note` says 待核 where no source names it."""

    no: int
    name: str
    note: str


@dataclass(frozen=True, slots=True)
class BankSpec:
    """代发银行. `bank_no3` opens its batch numbers; `cnaps` is '' where no number is known.

    `prefix_codes` name banks of bank_prefixes.csv, `extra_prefixes` are BINs missing there.
    """

    no: int
    bank_no3: str
    name: str
    short_name: str
    clearing_prefix: str
    cnaps: str
    payout_account: str
    prefix_codes: tuple[str, ...]
    extra_prefixes: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """公开载体."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Clocks:
    """Reminders: days to correct, days of the bank, and the ages at which unpaid money is shown."""

    correct_working_days: int
    correct_alert_working_days: int
    credit_working_days: int
    ageing_natural_days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AgeRule:
    """AG-1, on the period's last day: full years, both ends included; None is no limit."""

    min: int | None
    max: int | None
    min_female: int | None
    note: str

    def allows(self, years: int, *, is_male: bool) -> bool:
        lowest = self.min if is_male or self.min_female is None else self.min_female
        return (lowest is None or years >= lowest) and (self.max is None or years <= self.max)


@dataclass(frozen=True, slots=True)
class StandardSpec:
    """A dated rate in yuan per `unit`, of one grade or of all (''). `is_sample`: 示例."""

    grade: str
    amount_yuan: Decimal
    unit: str
    valid_from: date
    valid_to: date | None
    is_sample: bool
    note: str

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class ProgrammeSpec:
    """补贴项目, one line of the 清单.

    `payee_kind` person|household (到人, 到户); `object_kind` what makes several lines of one person
    lawful; `formula` rate|difference|case; `months` is the default, 0 where months do not count;
    `confirm` is a question to the county; `benefit_roster` the roster that shows this benefit;
    `required_rosters` must hit (RO-1), `confirm_rosters` ask a person (RO-3, RO-4), and so do
    `optional_rosters` where the county has loaded them; columns and required columns are field
    names of submission.sheets, `words` what this item calls them, `extra_columns` are printed and
    not judged; `formula_text` gives the amount (of a difference: its ceiling), `cap_fen` the most
    that a line may hold; `disclosure` named|totals; `checks` are the item's own thresholds of
    ITEM_CHECKS, `roster_days` for how many natural days a roster of its own choice holds.
    """

    code: str
    no: int
    name: str
    short_name: str
    department: int
    note: str
    confirm: str
    target: str
    payee_kind: str
    object_kind: str
    unit: str
    frequency: str
    paying_unit: str
    formula: str
    rounding: str
    months: int
    grades: tuple[str, ...]
    age: AgeRule | None
    required_rosters: tuple[str, ...]
    confirm_rosters: tuple[str, ...]
    optional_rosters: tuple[str, ...]
    benefit_roster: str
    disclosure: str
    sms: str
    columns: tuple[str, ...]
    required_columns: tuple[str, ...]
    words: Mapping[str, str]
    extra_columns: tuple[str, ...]
    formula_text: str
    cap_fen: int | None
    function_code: str
    economic_code: str
    government_code: str
    standards: tuple[StandardSpec, ...]
    checks: Mapping[str, int]
    roster_days: Mapping[str, int]

    @property
    def is_household(self) -> bool:
        return self.payee_kind == "household"

    def standard_on(self, day: date, grade: str = "") -> StandardSpec | None:
        """The rate in force on that day for this grade; None where the list gives none."""
        for standard in self.standards:
            if standard.grade in {grade, ""} and standard.holds_on(day):
                return standard
        return None

    def sms_text(self, *, bank: str, amount: str, day: str, tail: str, phone: str) -> str:
        """The free message of the bank: item and amount, no name, id or link."""
        return self.sms.format(
            bank=bank, short=self.short_name, amount=amount, date=day, tail=tail, phone=phone
        )


@dataclass(frozen=True, slots=True)
class RelationSpec:
    """How two programmes exclude or limit each other (MX-n).

    `grade_a` narrows `a` to one grade; `under_age` narrows to persons younger than that;
    `keep` names the one that goes on. `severity` block|confirm.
    """

    a: str
    b: str
    kind: RelationKind
    scope: str
    since: date
    until: date | None
    legal_basis: str
    severity: str
    grade_a: str
    under_age: int | None
    keep: str


@dataclass(frozen=True, slots=True)
class CompatibleSpec:
    """A pair that may be drawn together and is never flagged."""

    a: str
    b: str
    basis: str


@dataclass(frozen=True, slots=True)
class CountyPack:
    """Everything that differs by county: settings, banks, departments, the 清单 and relations."""

    code: str
    slug: str
    name: str
    short_name: str
    journey: str
    finance: str
    source: str
    verdict: str
    residue: str
    correction_by: str
    roster_max_age_days: int
    account_change_days: int
    amount_tolerance_fen: int
    must_compare: tuple[str, ...]
    checks: Mapping[str, int]
    hotline: str
    deadlines: Mapping[str, Limit]
    clocks: Clocks
    departments: tuple[DepartmentSpec, ...]
    banks: tuple[BankSpec, ...]
    channels: tuple[ChannelSpec, ...]
    vouchers: tuple[VoucherSpec, ...]
    charts: tuple[ChartSpec, ...]
    budget: BudgetSpec
    catalogue_year: int
    catalogue_source: str
    programmes: tuple[ProgrammeSpec, ...]
    relations: tuple[RelationSpec, ...]
    compatible: tuple[CompatibleSpec, ...]

    def programme(self, code: str) -> ProgrammeSpec:
        for programme in self.programmes:
            if programme.code == code:
                return programme
        raise Refused(f"{self.short_name}的清单里没有项目“{code}”，请用 ./ykt catalogue 查看编码。")

    def department(self, no: int) -> DepartmentSpec:
        for department in self.departments:
            if department.no == no:
                return department
        raise Refused(f"{self.short_name}没有第 {no} 号主管部门。")

    def bank(self, no: int) -> BankSpec:
        for bank in self.banks:
            if bank.no == no:
                return bank
        raise Refused(f"{self.short_name}没有第 {no} 号代发银行。")

    def longest_sms(self, programme: ProgrammeSpec) -> str:
        """The longest message that this programme can ever send here."""
        return programme.sms_text(
            bank=max((bank.name for bank in self.banks), key=len),
            amount=LONGEST_AMOUNT,
            day=LONGEST_DAY,
            tail="0000",
            phone=self.hotline,
        )


@dataclass(frozen=True, slots=True)
class VillageSpec:
    """村（社区）: the 12-digit division code and the full name (…村民委员会)."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class TownSpec:
    """镇街: the 9-digit division code. A village is known by (town, name), never by name alone."""

    code: str
    name: str
    villages: tuple[VillageSpec, ...]


@dataclass(frozen=True, slots=True)
class CardPrefix:
    """A BIN: a hint at the bank, never a reason to refuse. `kind` DC, CC, SCC or PC."""

    prefix: str
    length: int
    bank_code: str
    bank_name: str
    kind: str
