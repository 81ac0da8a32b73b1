"""One row by itself: laws that need no other table. Pure and vectorised; True marks a breach.

A rule is given a *view* of the sheet and answers with one boolean per row of it:

- `ids`: a row per id number of a line (享受人, 收款人, 户主, 监护人; the same number counts once a
  line): row, field, name, id_number, and computed `shape` (18, 15, 0), `expected` (check
  character), `born`, `sex`, `on`;
- `accounts`: row, field, name, account_no, account_kind, and computed `luhn` (0 where it fits);
- `amounts`: row, field, name, amount, amount_fen, cap_fen;
- `numbers`, `days`: a row per filled cell of that kind: row, field, name, text;
- `names`: a row per name of a line (the same name counts once): row, field, name;
- `phones`: row, field, name, phone, and `people`, how many of the list share it;
- `cells`: a row per cell that must be filled: row, field, name, text, is_lost.

Codes and severities are those of domain.md §9; RQ-1, NU-1, NU-2 and DT-1 are ours (house).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import polars as pl

from yikatong.kernel.card import FEWEST, MOST
from yikatong.kernel.resident_id import LENGTH, MOST_YEARS, OLD_LENGTH, PROVINCE
from yikatong.validation import row_views


class Severity(StrEnum):
    """A row counts by its worst finding; info counts as passed."""

    BLOCK = "block"
    CONFIRM = "confirm"
    INFO = "info"


BLOCK, CONFIRM, INFO = Severity.BLOCK, Severity.CONFIRM, Severity.INFO
Check = Callable[[pl.DataFrame], pl.Series]


@dataclass(frozen=True, slots=True)
class RowRule:
    """A law and how to tell of its breach. Several checks may share a code.

    `message` follows “第 N 行 姓名：”; {masked} is the id with its middle hidden, {word} the
    column's Chinese name, {check} the check character that would be right.
    """

    code: str
    name: str
    severity: Severity
    basis: str
    fixes: str
    view: str
    message: str
    check: Check


ROW_RULES: Final[list[RowRule]] = []
ALWAYS_FILLED: Final = ("beneficiary_name", "beneficiary_id", "payee_name", "payee_id", "amount")
NO_WORDS: Final[Mapping[str, str]] = MappingProxyType({})
NUMBERS: Final = ("quantity", "months", "standard", "supplement")
DAYS: Final = ("since", "until")
MOST_ON_ONE_PHONE: Final = 3
MOST_MONTHS: Final = 12 * 10
LUHN_LENGTHS: Final = range(16, 20)
NO_LUHN: Final = r"存折|折|对公|单位|集体|公共"
FINDING: Final = pl.Schema(
    {
        "row": pl.Int64,
        "field": pl.String,
        "rule": pl.String,
        "severity": pl.String,
        "message": pl.String,
    }
)


def row_rule(
    code: str, name: str, severity: Severity, *, basis: str, fixes: str, view: str, message: str
) -> Callable[[Check], Check]:
    """Register a check under its code."""

    def register(check: Check) -> Check:
        ROW_RULES.append(RowRule(code, name, severity, basis, fixes, view, message, check))
        return check

    return register


def examine(
    frame: pl.DataFrame,
    *,
    on: date,
    required: Sequence[str] = ALWAYS_FILLED,
    cap_fen: int | None = None,
    words: Mapping[str, str] = NO_WORDS,
) -> pl.DataFrame:
    """All findings of the row rules over a frame as `submission.sheets.Sheet.frame` has it.

    Args:
        on: the day for which births and ages are judged.
        required: fields that must be filled in every row; those not in the frame are passed over.
        cap_fen: the most that one line may hold; None for no cap.
        words: what this item calls its columns (field → word), where not as `row_views.WORDS`.

    Returns:
        `row` (Int64, the user's own row), `field`, `rule`, `severity`, `message`, by row. Messages
        are Chinese sentences without a full id or account number.
    """
    views = {
        "ids": row_views.ids(frame, on),
        "accounts": row_views.accounts(frame),
        "amounts": row_views.amounts(frame, cap_fen),
        "numbers": row_views.texts(frame, NUMBERS),
        "days": row_views.texts(frame, DAYS),
        "cells": row_views.cells(frame, required),
        "lost": row_views.lost(frame),
        "names": row_views.names(frame),
        "phones": row_views.phones(frame),
    }
    findings = [_found(rule, views[rule.view], words) for rule in ROW_RULES]
    return pl.concat(findings).sort("row", "rule", "field", maintain_order=True)


@row_rule("DG-1", "末几位已丢失", BLOCK, basis="house", fixes="发放单位", view="lost",
          message="{word}是数字格式，末几位已丢失，请把这一列设为文本后重新录入。")  # fmt: skip
def lost_digits(cells: pl.DataFrame) -> pl.Series:
    return pl.repeat(value=True, n=cells.height, eager=True, dtype=pl.Boolean)


@row_rule("RQ-1", "必填项为空", BLOCK, basis="house", fixes="发放单位", view="cells",
          message="{word}没有填写，请补填。")  # fmt: skip
def required_cell_blank(cells: pl.DataFrame) -> pl.Series:
    return cells.select(pl.col("text").is_null() & pl.col("is_lost").not_()).to_series()


@row_rule("ID-1", "身份证号位数或字符不对", BLOCK, basis="GB 11643-1999", fixes="镇街", view="ids",
          message="{word}应为 17 位数字加 1 位数字或 X，请对照身份证重录。")  # fmt: skip
def id_shape(ids: pl.DataFrame) -> pl.Series:
    return ids["shape"] == 0


@row_rule("ID-1", "身份证号校验码不符", BLOCK, basis="GB 11643-1999", fixes="镇街", view="ids",
          message="{word} {masked} 校验码不符。请对照身份证逐位核对后重录。")  # fmt: skip
def id_check_character(ids: pl.DataFrame) -> pl.Series:
    last = pl.col("id_number").str.slice(17, 1)
    return ids.select((pl.col("shape") == LENGTH) & last.ne_missing(pl.col("expected"))).to_series()


@row_rule("ID-2a", "出生日期不对", BLOCK, basis="GB 11643-1999", fixes="镇街", view="ids",
          message="{word} {masked} 的出生日期不存在、晚于今天或超 120 岁。")  # fmt: skip
def birth_date(ids: pl.DataFrame) -> pl.Series:
    born, on = pl.col("born"), pl.col("on")
    earliest = on.dt.offset_by(f"-{MOST_YEARS + 1}y")
    is_sound = born.is_not_null() & (born <= on) & (born > earliest)
    return ids.select((pl.col("shape") > 0) & is_sound.not_()).to_series()


@row_rule("ID-2b", "性别与身份证号不一致", CONFIRM, basis="house", fixes="镇街", view="ids",
          message="填写的性别与{word} {masked} 不一致，请核实。")  # fmt: skip
def sex_digit(ids: pl.DataFrame) -> pl.Series:
    digit = pl.when(pl.col("shape") == LENGTH).then(pl.col("id_number").str.slice(16, 1))
    old = pl.when(pl.col("shape") == OLD_LENGTH).then(pl.col("id_number").str.slice(14, 1))
    odd = pl.coalesce(digit, old).cast(pl.Int8, strict=False) % 2 == 1
    sex = pl.col("sex")
    is_male = pl.when(sex.is_in(["男", "男性", "1"])).then(statement=True)
    stated = is_male.when(sex.is_in(["女", "女性", "2"])).then(statement=False)
    return ids.select((odd != stated).fill_null(value=False)).to_series()


@row_rule("ID-3", "15 位旧身份证号", CONFIRM, basis="house", fixes="镇街", view="ids",
          message="{word}是 15 位旧号，已按第 6 位后补 19、末位加 {check} 的 18 位号查对登记，"
                  "请与本人核对。")  # fmt: skip
def old_number(ids: pl.DataFrame) -> pl.Series:
    return ids["shape"] == OLD_LENGTH


@row_rule("ID-4", "区划代码少见", INFO, basis="house", fixes="镇街", view="ids",
          message="{word} {masked} 前两位不是省级区划代码，请留意证件种类。")  # fmt: skip
def region(ids: pl.DataFrame) -> pl.Series:
    # by province only: county codes were abolished, and older residents hold 四川 51 until today
    known = pl.col("id_number").str.contains(f"^(?:{PROVINCE.pattern})")
    return ids.select((pl.col("shape") > 0) & known.not_()).to_series()


@row_rule("AC-5", "银行账号形式可疑", INFO, basis="house", fixes="镇街", view="accounts",
          message="银行账号的位数、字符或校验位少见，请对照卡（折）核对。")  # fmt: skip
def account_form(accounts: pl.DataFrame) -> pl.Series:
    number = pl.col("account_no")
    is_formed = number.str.contains(rf"^[0-9]{{{FEWEST},{MOST}}}$")
    has_luhn = number.str.len_chars().is_in(list(LUHN_LENGTHS)) & (
        pl.col("account_kind").str.contains(NO_LUHN).fill_null(value=False).not_()
    )
    luhn_fits = pl.col("luhn") == 0
    return accounts.select(is_formed.not_() | (has_luhn & luhn_fits.not_())).to_series()


@row_rule("AM-2", "金额不合规", BLOCK, basis="house", fixes="发放单位", view="amounts",
          message="补贴金额应大于 0、最多两位小数，且不超过规定上限，请核对。")  # fmt: skip
def amount_form(amounts: pl.DataFrame) -> pl.Series:
    fen = pl.col("amount_fen")
    over = (fen > pl.col("cap_fen")).fill_null(value=False)
    return amounts.select(fen.is_null() | (fen <= 0) | over).to_series()


@row_rule("NU-1", "不是数字", BLOCK, basis="house", fixes="发放单位", view="numbers",
          message="{word}应为不小于 0 的数字，请核对。")  # fmt: skip
def number_form(cells: pl.DataFrame) -> pl.Series:
    return ~cells["text"].str.contains(r"^[0-9]{1,9}(?:\.[0-9]+)?$")


@row_rule("NU-1", "小数位数太多", BLOCK, basis="house", fixes="发放单位", view="numbers",
          message="{word}的小数太长（标准最多七位，金额最多两位），请四舍五入后重录。")  # fmt: skip
def decimals_kept(cells: pl.DataFrame) -> pl.Series:
    standard = (pl.col("field") == "standard") & pl.col("text").str.contains(r"\.[0-9]{8,}$")
    money = (pl.col("field") == "supplement") & pl.col("text").str.contains(r"\.[0-9]{3,}$")
    return cells.select(standard | money).to_series()


@row_rule("NU-1", "月数不是整数", BLOCK, basis="house", fixes="发放单位", view="numbers",
          message="{word}应为 1 至 120 的整数，请核对。")  # fmt: skip
def whole_months(cells: pl.DataFrame) -> pl.Series:
    # what is no such number would be taken for the item's usual months
    whole = pl.col("text").str.extract(r"^([0-9]{1,3})(?:\.0+)?$").cast(pl.Int32)
    is_number = pl.col("text").str.contains(r"^[0-9]{1,9}(?:\.[0-9]+)?$")
    is_sound = whole.is_between(1, MOST_MONTHS).fill_null(value=False)
    return cells.select((pl.col("field") == "months") & is_number & ~is_sound).to_series()


@row_rule("NU-2", "数量超过三位小数", INFO, basis="house", fixes="发放单位", view="numbers",
          message="{word}超过三位小数，按四舍五入到三位小数的数核算，请核对。")  # fmt: skip
def quantity_rounded(cells: pl.DataFrame) -> pl.Series:
    is_longer = pl.col("text").str.contains(r"^[0-9]{1,9}\.[0-9]{3}[0-9]*[1-9][0-9]*$")
    return cells.select((pl.col("field") == "quantity") & is_longer).to_series()


@row_rule("DT-1", "日期无法识别", BLOCK, basis="house", fixes="发放单位", view="days",
          message="{word}不是能识别的日期，请写成 2026-03-05 的样子。")  # fmt: skip
def day_form(cells: pl.DataFrame) -> pl.Series:
    return cells["text"].str.to_date("%Y-%m-%d", strict=False).is_null()


@row_rule("NC-1", "姓名里有无法辨认的字", CONFIRM, basis="house", fixes="镇街", view="names",
          message="{word}里有造字区或丢失的字（?、□），请对照身份证改成标准字。")  # fmt: skip
def name_characters(names: pl.DataFrame) -> pl.Series:
    return names["name"].str.contains(row_views.UNREADABLE)


@row_rule("PH-1", "多人共用一个电话", CONFIRM, basis="house", fixes="镇街", view="phones",
          message="联系电话在本名单里有 3 人以上共用，请核实是否本人或监护人的电话。")  # fmt: skip
def shared_phone(phones: pl.DataFrame) -> pl.Series:
    return phones["people"] > MOST_ON_ONE_PHONE


def example(rule: RowRule) -> str:
    """What the rule says of an invented line, as a clerk reads it."""
    word = {"lost": "身份证号", "cells": "补贴金额", "numbers": "数量", "days": "起始日期"}
    told = rule.message.format(
        word=word.get(rule.view, "身份证号"), masked="500243********0021", check="X"
    )
    return f"第 12 行 冉光荣：{told}"


def _found(rule: RowRule, view: pl.DataFrame, words: Mapping[str, str]) -> pl.DataFrame:
    hits = view.filter(rule.check(view)).rechunk()
    word = pl.col("field").replace(row_views.WORDS | dict(words))
    parts: dict[str, pl.Expr] = {"{word}": word}
    if "id_number" in hits.columns:
        number = pl.col("id_number")
        hidden = pl.concat_str(number.str.head(6), pl.lit("********"), number.str.tail(4))
        parts |= {"{masked}": hidden, "{check}": pl.col("expected")}
    sentence: list[pl.Expr] = []
    rest = rule.message
    while rest:
        key = min((k for k in parts if k in rest), key=rest.index, default=None)
        before, _, rest = rest.partition(key) if key else (rest, "", "")
        sentence += [pl.lit(before)] + ([parts[key].fill_null("")] if key else [])
    return hits.select(
        "row",
        "field",
        rule=pl.lit(rule.code),
        severity=pl.lit(rule.severity.value),
        message=pl.concat_str(
            pl.lit("第 "),
            pl.col("row").cast(pl.String),
            pl.lit(" 行 "),
            pl.col("name").fill_null(""),
            pl.lit("："),
            *sentence,
        ),
    ).match_to_schema(FINDING)
