"""The three forms as data: fields, their kinds, the headers people write for them.

domain.md §6. Three parties a line: 户主, 收款人, 享受人; where a sheet names one person only, that
person fills the others (see `Form.person`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from yikatong.kernel.names import BLANKS


class Kind(Enum):
    """How a column's text is understood."""

    ID = "id"
    ACCOUNT = "account"
    NAME = "name"
    MONEY = "money"
    NUMBER = "number"
    DAY = "day"
    CODED = "coded"
    PHONE = "phone"
    KEY = "key"
    TEXT = "text"


MEASURED: Final = frozenset({Kind.MONEY, Kind.NUMBER})


@dataclass(frozen=True, slots=True)
class Field:
    """A column by its English name, the Chinese word for it, and the headers that mean it."""

    name: str
    word: str
    kind: Kind
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A form: its fields, the columns it cannot do without, headers known and of no use here.

    `person` names the parties (prefixes of *_name, *_id) that a bare 姓名/身份证号 fills, the first
    of which is the one it names when the other parties have columns of their own. `columns` are the
    columns of the one item that the form was made for.
    """

    code: str
    title: str
    fields: tuple[Field, ...]
    required: tuple[str, ...]
    person: tuple[str, ...]
    aside: frozenset[str]
    columns: tuple[Mapping[str, Any], ...] = ()

    def requiring(self, *names: str) -> Form:
        """The form of one programme: with these columns required too."""
        return replace(self, required=tuple(dict.fromkeys((*self.required, *names))))

    def of_item(self, columns: Iterable[Mapping[str, Any]]) -> Form:
        """The form with the words of one item's own header (`Programme.columns`).

        Such a word means its field and nothing else, whatever it means elsewhere (期次, 面积); a
        column that is only printed (field '') is known and of no use, whatever it resembles.
        """
        columns = tuple(columns)
        listed = [column for column in columns if column["word"]]
        own = {key: column["field"] for column in listed for key in header_keys(column["word"])}
        if not own:
            return self
        words = {column["field"]: bare_word(column["word"]) for column in listed}
        fields = tuple(
            replace(
                field,
                word=words.get(field.name, field.word),
                headers=(
                    *(
                        header
                        for header in field.headers
                        if own.get(header, field.name) == field.name
                    ),
                    *(key for key, name in own.items() if name == field.name),
                ),
            )
            for field in self.fields
        )
        aside = (self.aside | {key for key, name in own.items() if not name}) - {
            key for key, name in own.items() if name
        }
        return replace(self, fields=fields, aside=aside, columns=columns)

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    @property
    def by_header(self) -> dict[str, Field]:
        return {header: field for field in self.fields for header in field.headers}


_BRACKETS: Final = re.compile(r"[(\[【{（〔].*?[)\]】}）〕]")
_DROP: Final = dict.fromkeys(map(ord, BLANKS + "*＊()（）[]【】〔〕:：/、,，;；.。·-—_'\"“”"))


def header_keys(text: str) -> tuple[str, ...]:
    """What a header may mean: without the content of its brackets, and with it."""
    flat = unicodedata.normalize("NFKC", text).replace("帐", "账").replace("號", "号")
    without = _BRACKETS.sub("", flat).translate(_DROP)
    whole = flat.translate(_DROP)
    return tuple(dict.fromkeys(key for key in (without, whole) if key))


def bare_word(word: str) -> str:
    """An item's word for a column without its unit: 补贴面积（亩） → 补贴面积."""
    return _BRACKETS.sub("", word) or word


_ID_WORDS: Final = tuple(
    f"{whose}{what}"
    for whose, whats in (
        (
            "",
            (
                "身份证",
                "身份证号",
                "身份证号码",
                "身份证件号",
                "身份证件号码",
                "证件号",
                "证件号码",
            ),
        ),
        ("公民", ("身份号码", "身份证号", "身份证号码")),
        ("居民", ("身份证号", "身份证号码")),
    )
    for what in whats
)
_NAME_WORDS: Final = ("", "姓名", "名称", "名字")
PERSON_NAME: Final = "person_name"
PERSON_ID: Final = "person_id"
# what this house wrote into a marked workbook: the rules that the row broke when it was checked
EARLIER: Final = "earlier"
EARLIER_WORD: Final = "校验标识"
# what a template carries for each line that it brought along from the last period
ROW_KEY: Final = "row_key"
ROW_KEY_WORD: Final = "行标识"


def _party(prefix: str, word: str, *called: str) -> tuple[Field, Field]:
    names = tuple(f"{who}{tail}" for who in called for tail in _NAME_WORDS)
    numbers = tuple(f"{who}{tail}" for who in called for tail in _ID_WORDS)
    return (
        Field(f"{prefix}_name", f"{word}姓名", Kind.NAME, names),
        Field(f"{prefix}_id", f"{word}身份证号", Kind.ID, numbers),
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _field(name: str, word: str, kind: Kind, headers: str) -> Field:
    return Field(name, word, kind, (word, *headers.split()))


_HEAD: Final = _party("head", "户主", "户主", "家长")
_PAYEE: Final = _party("payee", "收款人", "收款人", "领款人", "领取人", "代领人")
_BENEFICIARY: Final = _party(
    "beneficiary", "享受人", "享受人", "补贴对象", "补助对象", "受益人", "享受对象", "残疾人"
)
_MEMBER: Final = _party("beneficiary", "家庭成员", "家庭成员", "成员", "享受人", "补贴对象")
_GUARDIAN: Final = _party("guardian", "监护人", "监护人", "监护人代领人")
_PERSON: Final = (
    Field(
        PERSON_NAME,
        "姓名",
        Kind.NAME,
        ("姓名", "名字", "人员姓名", "申请人姓名", "申请人", "农户姓名", "死者姓名", "对象姓名"),
    ),
    Field(
        PERSON_ID,
        "身份证号",
        Kind.ID,
        (*_ID_WORDS, *(f"{who}{word}" for who in ("申请人", "本人") for word in _ID_WORDS)),
    ),
)
_PLACE: Final = (
    _field(
        "town", "乡镇街道", Kind.CODED, "乡镇 镇街 街道 镇 乡 所属乡镇 所在乡镇 镇街道 乡镇名称"
    ),
    _field(
        "village",
        "村居委会",
        Kind.CODED,
        "村委会 居委会 村 村名 村社区 行政村 社区 村居 所在村 村居民委员会 村社 村名称 村委员会",
    ),
    _field(
        "group", "村居民小组", Kind.CODED, "村民小组 居民小组 小组 组 组别 社 村组 村小组 村居小组"
    ),
    _field("phone", "联系电话", Kind.PHONE, "电话 手机 手机号 手机号码 联系方式 电话号码"),
)
_ACCOUNT: Final = (
    _field(
        "account_no",
        "银行账号",
        Kind.ACCOUNT,
        "银行卡号 账号 卡号 一卡通账号 一卡通卡号 惠农卡号 存折账号 收款账号 "
        "收款人账号 收款人银行账号 "
        "开户账号 社保卡银行账号 银行卡账号 一卡通银行账号 账户号码 卡折号 "
        "社保卡账号 社保卡卡号 社保卡号 社会保障卡账号 社会保障卡卡号 社会保障卡号 银行卡折号 "
        "一卡通号 存折号 惠农一卡通账号 惠农一卡通卡号 银行存折账号 享受人银行账号 户主银行账号",
    ),
    _field("account_name", "账户名称", Kind.NAME, "户名 账户户名 开户名 开户人 收款户名 银行户名"),
    _field("account_kind", "卡种", Kind.CODED, "账户类型 卡折类型 账户种类 卡类型"),
    _field(
        "bank_name",
        "开户银行",
        Kind.TEXT,
        "开户行 银行名称 银行 开户银行名称 代发银行 金融机构 开户行名称 收款银行 开户银行全称",
    ),
)
_TAIL: Final = (
    _field("seq", "序号", Kind.TEXT, "排序序号 顺序号 编号 排序 NO No no"),
    _field("remark", "备注", Kind.TEXT, "说明 备注说明"),
    _field("filled_on", "填报日期", Kind.DAY, "日期 填表日期 采集日期 申报日期"),
)
_RIGHT: Final = (
    _field(
        "quantity",
        "数量",
        Kind.NUMBER,
        "面积 补贴面积 种植面积 亩数 台数 人数 保障人数 户人数 核定面积 耕地面积 承包面积 验收面积 "
        "补助面积 享受人数 家庭人口 面积亩 补贴面积亩 种粮面积 合计面积 间数",
    ),
    _field(
        "object_key",
        "标的编号",
        Kind.KEY,
        "地块 地块编号 地块编码 出厂编号 机具编号 个案号 案件号 小班 小班号 核定编号 房屋编号 房屋",
    ),
    _field(
        "grade",
        "等级",
        Kind.CODED,
        "类别 等级类别 残疾等级 失能等级 自理等级 保障类别 低保类别 鉴定等级 级别 "
        "残疾级别 对象类别",
    ),
)

DISBURSEMENT: Final = Form(
    code="disbursement",
    title="补贴发放清册",
    fields=(
        *_HEAD,
        *_PAYEE,
        *_BENEFICIARY,
        *_PERSON,
        *_ACCOUNT,
        *_PLACE,
        *_RIGHT,
        _field("months", "月数", Kind.NUMBER, "补贴月数 发放月数 享受月数 补助月数"),
        _field(
            "supplement", "增发金额", Kind.MONEY, "分类增发 分类施保 分类施保金额 分类增发金额 增发"
        ),
        _field(
            "standard", "补贴标准", Kind.NUMBER, "标准 补助标准 发放标准 补贴标准元亩 月补贴标准"
        ),
        _field(
            "amount",
            "补贴金额",
            Kind.MONEY,
            "金额 补助金额 发放金额 应发金额 补贴资金 发放资金 本次发放金额 实际发放金额 金额元 "
            "补贴金额元 实发金额 应补金额 差额 差额补助金额",
        ),
        _field("sex", "性别", Kind.CODED, ""),
        _field("age", "年龄", Kind.NUMBER, "周岁"),
        _field("relation", "与户主关系", Kind.CODED, "关系 家庭关系"),
        _field(EARLIER, EARLIER_WORD, Kind.TEXT, "校验标识系统填写"),
        _field(ROW_KEY, ROW_KEY_WORD, Kind.TEXT, "行标识系统填写"),
        *_TAIL,
    ),
    required=(PERSON_NAME, PERSON_ID, "amount"),
    person=("beneficiary", "payee"),
    aside=frozenset(
        {"务工地点", "交通工具", "年度", "项目名称", "补贴项目", "期次", "签字", "签名"}
    ),
)

ACCOUNT_COLLECTION: Final = Form(
    code="account_collection",
    title="个人一卡通账户收集表",
    fields=(
        *_HEAD,
        *_MEMBER,
        *_GUARDIAN,
        *_PERSON,
        *_ACCOUNT,
        *_PLACE,
        _field("status", "状态", Kind.CODED, "人员状态"),
        _field("household_no", "农户编码", Kind.TEXT, "户编号 户号 农户编号 家庭编号"),
        _field("sex", "性别", Kind.CODED, ""),
        _field("age", "年龄", Kind.NUMBER, "周岁"),
        _field("relation", "与户主关系", Kind.CODED, "关系 家庭关系"),
        _field("since", "生效日期", Kind.DAY, "启用日期"),
        *_TAIL,
    ),
    required=(PERSON_NAME, PERSON_ID, "head_name", "head_id", "village"),
    person=("beneficiary",),
    aside=_words(
        "公共账户名称 公共账户账号 公共账户开户行 公共账户 是否低保户 是否乡村人口 "
        "是否建档立卡户 是否特困人员 "
        "耕地情况 房屋情况 创建人 民族 地址 家庭住址 住址 账户类别 激活状态 本人签字 "
        "承诺 采集人 证件照 "
        "联行号"
    ),
)

ROSTER: Final = Form(
    code="roster",
    title="比对名册",
    fields=(
        *_PERSON,
        *_PLACE,
        *_RIGHT,
        _field(
            "since",
            "起始日期",
            Kind.DAY,
            "开始日期 起始时间 开始时间 死亡日期 死亡时间 认定日期 批准日期 享受起始日期 生效日期 "
            "火化日期 发证日期 纳入日期",
        ),
        _field(
            "until", "截止日期", Kind.DAY, "终止日期 结束日期 截止时间 失效日期 有效期至 停发日期"
        ),
        _field("sex", "性别", Kind.CODED, ""),
        *_TAIL,
    ),
    required=(PERSON_NAME, PERSON_ID, "since"),
    person=("beneficiary",),
    aside=frozenset({"民族", "地址", "住址", "单位", "残疾证号", "残疾类别"}),
)

FORMS: Final = {form.code: form for form in (DISBURSEMENT, ACCOUNT_COLLECTION, ROSTER)}
# columns that this house wrote into a marked workbook; on return they mean nothing
OURS: Final = ("错误说明", "处理建议", "错误说明系统填写")
