"""What must hold between the entries of a pack: unique codes, known names, messages that fit."""

from __future__ import annotations

import re
import string
from typing import Final

from yikatong.catalogue import formulas
from yikatong.catalogue.specs import (
    ENTITLED,
    ITEM_CHECKS,
    LONGEST_AMOUNT,
    LONGEST_DAY,
    MOST_SMS,
    ROSTER_KINDS,
    STOPPING,
    BankSpec,
    CountyPack,
    ProgrammeSpec,
    RelationSpec,
    formula_columns,
)
from yikatong.catalogue.texts import LONGEST_BANK, LONGEST_PHONE, MOST_NOTE, short_note
from yikatong.kernel.errors import Refused

LONGEST_SHORT_NAME: Final = 7
NOT_IN_A_TEXT: Final = ("http", "www.", "回t", "退订", "://")
MOST_ROSTER_DAYS: Final = 3660
SMS_FIELDS: Final = frozenset({"bank", "short", "amount", "date", "tail", "phone"})
CODE: Final = re.compile(r"[A-Z]{1,3}[0-9]{2}")
COUNTY: Final = re.compile(r"[0-9]{6}")
CNAPS: Final = re.compile(r"[0-9]{12}")
BANK_NO3: Final = re.compile(r"[A-Z]{3}")


def check_pack(pack: CountyPack) -> None:
    """Raises Refused: a sentence naming the county and the entry."""
    where = f"packs/{pack.slug}"
    if COUNTY.fullmatch(pack.code) is None:
        raise Refused(f"{where}：code 应为 6 位区划代码。")
    codes = [programme.code for programme in pack.programmes]
    _refuse_twice(codes, f"{where}：项目编码重复")
    _refuse_twice([d.no for d in pack.departments], f"{where}：部门序号重复")
    _refuse_twice([b.no for b in pack.banks], f"{where}：银行序号重复")
    _refuse_twice([b.bank_no3 for b in pack.banks], f"{where}：银行简码重复")
    _refuse_twice([c.code for c in pack.channels], f"{where}：公开载体重复")
    if not (pack.programmes and pack.banks and pack.departments and pack.channels):
        raise Refused(f"{where}：项目、银行、部门、公开载体都不能为空。")
    if not set(pack.must_compare) <= set(STOPPING):
        raise Refused(f"{where}：must_compare 只能是 {'、'.join(STOPPING)}。")
    for bank in pack.banks:
        _check_bank(bank, where)
    for programme in pack.programmes:
        _check_programme(pack, programme, where)
    for relation in pack.relations:
        _check_relation(pack, relation, where)
    for pair in pack.compatible:
        if not {pair.a, pair.b} <= set(codes):
            raise Refused(f"{where}：compatible {pair.a}、{pair.b} 中有未列入清单的项目。")


def is_cnaps(text: str) -> bool:
    """12 digits, the last by ISO 7064 MOD 11,10 (interfaces.md §3.2)."""
    if CNAPS.fullmatch(text) is None:
        return False
    product = 10
    for digit in text[:-1]:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return (product + int(text[-1])) % 10 == 1


def _check_bank(bank: BankSpec, where: str) -> None:
    if BANK_NO3.fullmatch(bank.bank_no3) is None:
        raise Refused(f"{where}：{bank.name} 的 bank_no3 应为三个大写字母。")
    if bank.cnaps and not (is_cnaps(bank.cnaps) and bank.cnaps.startswith(bank.clearing_prefix)):
        raise Refused(f"{where}：{bank.name} 的行号 {bank.cnaps} 校验不符。")
    if not bank.payout_account.isdigit():
        raise Refused(f"{where}：{bank.name} 的代发户账号应为数字。")


def _check_programme(pack: CountyPack, programme: ProgrammeSpec, where: str) -> None:
    at = f"{where} 项目 {programme.code}"
    pack.department(programme.department)
    check_programme(programme, at)
    _refuse_long(pack.longest_sms(programme), at)


def check_programme(programme: ProgrammeSpec, at: str) -> None:
    """What one item needs by itself, whichever county it is of; `at` opens the sentence."""
    if CODE.fullmatch(programme.code) is None:
        raise Refused(f"{at}：编码应为大写字母加两位数字，例如 P01。")
    if not 0 < len(programme.short_name) <= LONGEST_SHORT_NAME:
        raise Refused(f"{at}：简称应为 1 至 {LONGEST_SHORT_NAME} 字。")
    check_text(programme, at)
    _check_rosters(programme, at)
    if not set(programme.required_columns) <= set(programme.columns):
        raise Refused(f"{at}：required_columns 中有 columns 之外的列。")
    if not set(programme.checks) <= set(ITEM_CHECKS):
        raise Refused(f"{at}：checks 只能是 {'、'.join(ITEM_CHECKS)}。")
    check_formula(programme, at)
    for standard in programme.standards:
        if standard.grade and standard.grade not in programme.grades:
            raise Refused(f"{at}：标准的等级“{standard.grade}”不在本项的等级之内。")


def _check_rosters(programme: ProgrammeSpec, at: str) -> None:
    asked = programme.confirm_rosters + programme.optional_rosters
    for kind in programme.required_rosters + asked:
        if kind not in ROSTER_KINDS and kind.removeprefix(ENTITLED) != programme.code:
            raise Refused(f"{at}：不认识名册“{kind}”。")
    if programme.benefit_roster and programme.benefit_roster not in ROSTER_KINDS:
        raise Refused(f"{at}：不认识名册“{programme.benefit_roster}”。")
    if not set(programme.roster_days) <= {*programme.required_rosters, *asked}:
        raise Refused(f"{at}：roster_days 中有本项不用的名册。")
    if not all(0 < days <= MOST_ROSTER_DAYS for days in programme.roster_days.values()):
        raise Refused(f"{at}：名册有效天数应在 1 至 {MOST_ROSTER_DAYS} 之间。")


def check_formula(programme: ProgrammeSpec, at: str) -> None:
    """Raises Refused: unreadable, a word that is none of the item's, or the wrong result."""
    if not set(programme.words) <= set(programme.columns):
        raise Refused(f"{at}：words 中有 columns 之外的列。")
    if not programme.formula_text:
        if programme.formula != "case":
            raise Refused(f"{at}：缺少计算公式 formula_text。")
        return
    formula = formulas.parse(programme.formula_text)
    formula.sql(formula_columns(programme.words))
    target = "最高金额" if programme.formula == "difference" else "补贴金额"
    if formula.target != target:
        raise Refused(f"{at}：计算公式应写成“{target}=…”。")


def check_text(programme: ProgrammeSpec, at: str) -> None:
    """到账短信: only the fields that name nobody, signed, no link, and one message at its longest,
    whatever bank and telephone of whatever county; its short form within a short field.
    """
    try:
        parts = list(string.Formatter().parse(programme.sms))
    except ValueError:
        raise Refused(f"{at}：短信模板的花括号没有成对。") from None
    if any(spec or conversion for _, _, spec, conversion in parts):
        raise Refused(f"{at}：短信模板的花括号里只写字段名。")
    if {name for _, name, _, _ in parts if name is not None} != SMS_FIELDS:
        raise Refused(
            f"{at}：短信模板应含 {'、'.join(sorted(SMS_FIELDS))}，不能有姓名、证件号等别的字段。"
        )
    if any(word in programme.sms.lower() for word in NOT_IN_A_TEXT):
        raise Refused(f"{at}：短信不能有链接和退订字样。")
    longest = programme.sms_text(
        bank="行" * LONGEST_BANK,
        amount=LONGEST_AMOUNT,
        day=LONGEST_DAY,
        tail="0000",
        phone="0" * LONGEST_PHONE,
    )
    _refuse_long(longest, at)
    note = short_note(programme.short_name, LONGEST_AMOUNT)
    if len(note) > MOST_NOTE:
        raise Refused(f"{at}：短信的短格式最长 {MOST_NOTE} 字，现在最长 {len(note)} 字。")


def _refuse_long(longest: str, at: str) -> None:
    if len(longest) > MOST_SMS or not longest.startswith("【"):
        raise Refused(
            f"{at}：短信应以【签名】开头，最长 {MOST_SMS} 字，现在最长 {len(longest)} 字。"
        )


def _check_relation(pack: CountyPack, relation: RelationSpec, where: str) -> None:
    at = f"{where} 关系 {relation.a}–{relation.b}"
    first = pack.programme(relation.a)
    pack.programme(relation.b)
    check_relation(relation, first.grades, at)


def check_relation(relation: RelationSpec, grades: tuple[str, ...], at: str) -> None:
    """What a relation needs by itself; `grades` are those of its first item."""
    if relation.a == relation.b:
        raise Refused(f"{at}：两个项目相同。")
    if relation.severity not in {"block", "confirm"}:
        raise Refused(f"{at}：severity 应为 block 或 confirm。")
    if relation.grade_a and relation.grade_a not in grades:
        raise Refused(f"{at}：{relation.a} 没有等级“{relation.grade_a}”。")
    if relation.keep and relation.keep not in {relation.a, relation.b}:
        raise Refused(f"{at}：keep 应为两个项目之一。")


def _refuse_twice(values: list[str] | list[int], sentence: str) -> None:
    if len(set(values)) != len(values):
        raise Refused(f"{sentence}。")
