"""The pages of docs/generated/: journeys, permissions, data dictionary, rules. In Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.apps import apps
from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import connection
from django.db.models import (
    BaseConstraint,
    CheckConstraint,
    Field,
    ForeignKey,
    Model,
    Q,
    UniqueConstraint,
)
from django.db.models.options import Options

from yikatong.catalogue.pack import load_packs
from yikatong.catalogue.specs import CountyPack
from yikatong.journey.steps import JOURNEYS
from yikatong.kernel.home import CHECKOUT
from yikatong.kernel.steps import PUBLIC_WORD, SEAT_WORD, STATUS_WORD, Limit, Status, Step
from yikatong.law.apply import (
    ALL_ROLES,
    ANY_DEPARTMENT,
    APPEND_ONLY,
    EXTRA_POLICIES,
    FOLDER,
    IN_BANK,
    IN_COUNTY,
    IN_DEPARTMENT,
    IN_UNITS,
    NOT_TABLES,
    WHOLE_COUNTY,
    TableGrants,
    matrix,
    scope_expression,
)
from yikatong.validation.row_rules import ROW_RULES, example
from yikatong.validation.rulebook import Law, laws
from yikatong.validation.rules import SEVERITY_WORD

MADE: Final = "<!-- 由 ./ykt docs 生成，请勿手工修改 -->\n"
HOUSE: Final = "本系统"
ROLE_WORD: Final = {
    "village": "村",
    "town": "镇街",
    "department": "部门",
    "finance": "财政",
    "bank": "银行",
    "audit": "审计",
    "sysadmin": "系统管理",
    "secadmin": "安全管理",
    "auditadmin": "审计管理",
    "web": "网站登录",
    "worker": "后台",
    "public": "公众站",
    "backup": "备份",
}
VIEW: Final = re.compile(r"CREATE VIEW (inv_\w+)")
TITLE: Final = re.compile(r"^-- (I\d+) (.+)$", re.MULTILINE)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped, a line break becomes a blank."""
    lines = [_row(heads), _row(["---"] * len(heads)), *(_row(row) for row in rows)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    clean = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(clean)} |"


# -- journeys.md --------------------------------------------------------------------------------


def journeys() -> str:
    """办理流程: both counties' tables and a picture of each."""
    parts = [MADE, "# 办理流程\n"]
    parts.append(
        "每个区县一张表，在 `yikatong/journey/` 里；批次状态只由它改写。"
        "时限为数字的是工作日；“包内”表示由 `packs/<区县>/pack.toml` 覆盖。\n"
    )
    for pack in sorted(load_packs(CHECKOUT / "packs").values(), key=lambda pack: pack.slug):
        steps = tuple(JOURNEYS[pack.code].values())
        parts += [
            f"## {pack.name}（{pack.slug}，{pack.code}）\n",
            f"依据：{pack.source}\n",
            table(
                ("代号", "步骤", "起点", "由谁", "办结后", "退回到", "须换人", "依据", "时限"),
                (_step_row(step, pack, steps) for step in steps),
            ),
            _picture(steps),
        ]
    parts += ["## 状态用词\n", _status_table()]
    return "\n".join(parts)


def _step_row(step: Step, pack: CountyPack, steps: Sequence[Step]) -> tuple[str, ...]:
    titles = {one.name: one.title for one in steps}
    return (
        f"`{step.name}`",
        step.title,
        "、".join(STATUS_WORD[status] for status in step.starts_at),
        SEAT_WORD[step.seat],
        STATUS_WORD[step.passes],
        STATUS_WORD[step.back] if step.back else "",
        f"与“{titles[step.apart]}”不同人" if step.apart else "",
        HOUSE if step.basis == "house" else step.basis,
        _limit(step, pack),
    )


def _limit(step: Step, pack: CountyPack) -> str:
    own = pack.deadlines.get(step.name)
    limit: Limit = own or step.time_limit
    if limit.days is None:
        return "不限"
    if limit.days == 0:
        return "即时"
    word = f"{limit.days} 个{'自然日' if limit.is_natural else '工作日'}"
    return f"{word}（包内）" if own else word


def _picture(steps: Sequence[Step]) -> str:
    lines = ["```mermaid", "stateDiagram-v2"]
    used = dict.fromkeys(
        status
        for step in steps
        for status in (*step.starts_at, step.passes, *([step.back] if step.back else []))
    )
    lines += [f'    state "{STATUS_WORD[status]}" as {status.value}' for status in used]
    lines.append(f"    [*] --> {Status.DRAFT.value}")
    for step in steps:
        for start in step.starts_at:
            lines.append(f"    {start.value} --> {step.passes.value}: {step.title}")
            if step.back:
                lines.append(f"    {start.value} --> {step.back.value}: {step.title}·退回")
    left = {status for step in steps for status in step.starts_at}
    lines += [f"    {status.value} --> [*]" for status in used if status not in left]
    return "\n".join([*lines, "```", ""])


def _status_table() -> str:
    rows = ((f"`{one.value}`", STATUS_WORD[one], PUBLIC_WORD[one]) for one in Status)
    return table(("状态", "工作人员看到", "公众看到"), rows)


# -- permissions.md -----------------------------------------------------------------------------


def permissions() -> str:
    """权限矩阵, from law/grants.toml and the policies that the law writes."""
    grants = matrix()
    parts = [
        MADE,
        "# 权限矩阵\n",
        "来源是 `yikatong/law/grants.toml`，由数据库角色直接执行，程序绕不过去。"
        "查＝SELECT，增＝INSERT，改＝UPDATE（括号内为仅可改的列，* 为全部），删＝DELETE。"
        "没有写出的一律没有。\n",
        table(
            ("表", *(ROLE_WORD[role] for role in ALL_ROLES)),
            (
                (f"`{one.table}`", *(_allowed(one, role) for role in ALL_ROLES))
                for one in sorted(grants, key=lambda one: one.table)
            ),
        ),
        "## 只有后台可查的列\n",
        table(
            ("表", "列"),
            (
                (f"`{one.table}`", "、".join(f"`{column}`" for column in one.all_but))
                for one in sorted(grants, key=lambda one: one.table)
                if one.all_but
            ),
        ),
        "备份角色可查全部表。不变量视图 `inv_*` 由后台和审计查询。\n",
        "## 行级范围\n",
        "下列表启用并强制行级安全：未进入区县范围时一行也看不到。\n",
        table(("表", "能看到哪些行"), _scopes(grants)),
        "另有的策略：\n",
        table(
            ("表", "策略", "内容"),
            ((f"`{name}`", f"`{policy}`", f"`{body}`") for name, policy, body in EXTRA_POLICIES),
        ),
        "## 只增不改的表\n",
        "下列表由触发器拒绝 UPDATE、DELETE、TRUNCATE，表的所有者也不例外：\n",
        "".join(f"- `{name}`（{_comments()[name]}）\n" for name in APPEND_ONLY),
        "## 不变量\n",
        "每条一个视图，查出的是违反它的行；空即成立。\n",
        table(("编号", "内容", "视图"), _invariants()),
    ]
    return "\n".join(parts)


def _allowed(grants: TableGrants, role: str) -> str:
    words = []
    if role in grants.read or role == "backup":
        words.append("查")
    if role in grants.insert:
        words.append("增")
    if role in grants.update:
        words.append(f"改（{', '.join(grants.update[role])}）")
    if role in grants.delete:
        words.append("删")
    return "；".join(words)


def _scopes(grants: Sequence[TableGrants]) -> list[tuple[str, str]]:
    columns = {
        meta(model).db_table: tuple(field.column or "" for field in meta(model).concrete_fields)
        for model in apps.get_models()
    }
    words = {
        IN_COUNTY: "本区县",
        IN_UNITS: "机构在本人所辖范围",
        IN_DEPARTMENT: "本主管部门",
        IN_BANK: "本银行",
        ANY_DEPARTMENT: "任一主管部门",
        WHOLE_COUNTY: "范围为全区县",
    }
    found = []
    for name in sorted({one.table for one in grants} & set(columns) - NOT_TABLES):
        if "county" in columns[name]:
            text = scope_expression(name, columns[name])
            for expression, word in words.items():
                text = text.replace(expression, word)
            found.append((f"`{name}`", text.replace(" AND ", "，且").replace(" OR ", " 或 ")))
    return found


def _invariants() -> list[tuple[str, str, str]]:
    script = (FOLDER / "invariants.sql").read_text(encoding="utf-8")
    titles = TITLE.findall(script)
    return [
        (number, title.strip(), f"`{view}`")
        for (number, title), view in zip(titles, VIEW.findall(script), strict=True)
    ]


# -- data-dictionary.md -------------------------------------------------------------------------


def our_models() -> list[type[Model]]:
    """Our tables and views, app by app in the order of the river, as they stand in the code."""
    return [model for model in apps.get_models() if model.__module__.startswith("yikatong.")]


def meta(model: type[Model]) -> Options[Any]:
    """Django's documented register of a model's facts."""
    return model._meta  # noqa: SLF001 - public by its documentation, whatever its name


def _comments() -> dict[str, str]:
    return {meta(model).db_table: meta(model).db_table_comment or "" for model in our_models()}


def data_dictionary() -> str:
    """数据字典: every table with its columns and constraints."""
    parts = [
        MADE,
        "# 数据字典\n",
        "金额一律以分为单位、整数存放；密文列只有后台能读；盲索引只用于等值查找。\n",
    ]
    for model in our_models():
        facts = meta(model)
        comment = facts.db_table_comment or "视图"
        parts += [
            f"## {comment} `{facts.db_table}`\n",
            f"模型 `{model.__name__}`（`{model.__module__}`）\n",
            table(
                ("列", "类型", "可空", "说明"),
                (
                    (
                        f"`{field.column}`",
                        _kind(field),
                        "可空" if field.null else "",
                        field.db_comment or "",
                    )
                    for field in facts.concrete_fields
                ),
            ),
        ]
        held = []
        if len(facts.pk_fields) > 1:
            held.append(f"- 主键：({', '.join(str(one.column) for one in facts.pk_fields)})")
        held += [_constraint(one) for one in facts.constraints] + [
            f"- 唯一：`{field.column}`"
            for field in facts.concrete_fields
            if field.unique and not field.primary_key
        ]
        if held:
            parts.append("\n".join(["约束：", "", *held, ""]))
    return "\n".join(parts)


def _kind(field: Field[object, object]) -> str:
    kind = field.db_type(connection) or ""
    if isinstance(field, ForeignKey):
        return f"{kind} → `{meta(field.related_model).db_table}`"
    return f"{kind}，主键" if field.primary_key else kind


def _constraint(one: BaseConstraint) -> str:
    match one:
        case UniqueConstraint():
            condition = f"，当 {_condition(one.condition)}" if one.condition else ""
            return f"- `{one.name}`：({', '.join(one.fields)}) 唯一{condition}"
        case CheckConstraint():
            return f"- `{one.name}`：须 {_condition(one.condition)}"
        case ExclusionConstraint():
            pairs = ", ".join(f"{name} {operator}" for name, operator in one.expressions)
            return f"- `{one.name}`：互不相容 ({pairs})"
        case _:
            return f"- `{one.name}`"


def _condition(condition: object) -> str:
    """A Q as a reader of SQL would say it."""
    if not isinstance(condition, Q):
        return f"`{condition}`"
    said = []
    for child in condition.children:
        if isinstance(child, Q):
            said.append(_condition(child))
        elif isinstance(child, tuple):
            name, _, how = str(child[0]).partition("__")
            sign = {"": "=", "gt": ">", "gte": "≥", "isnull": "为空 =", "in": "属于"}[how]
            said.append(f"{name} {sign} {getattr(child[1], 'name', child[1])}")
    text = f" {'且' if condition.connector == Q.AND else '或'} ".join(said)
    return f"非（{text}）" if condition.negated else text


# -- rules.md -----------------------------------------------------------------------------------


FILE_NOTICES: Final = (
    ("COL-1", "系统不认识、没有把握或重复的列，没有采用"),
    ("ER-1", "单元格是错误值，或公式没有保存计算结果，按空白读取"),
    ("HR-1", "名单里有隐藏的或被筛选掉的行，照样读取"),
    ("NC-2", "姓名里有生僻字，请核对开户姓名的写法"),
    ("SH-1", "另一张工作表也是名单，这次没有读取"),
    ("TOT-1", "合计与逐行相加不一致（行号是合计所在的行）"),
    ("TP-1", "用的是别的项目或期次的模板"),
    ("UN-1", "单位、符号、万元已折算，只按数字读取"),
)


def rules() -> str:
    """验证规则: the row rules and the cross rules, with a sentence of each."""
    parts = [
        MADE,
        "# 验证规则\n",
        "一行的结论看它最重的问题：错误阻断本行；提醒须写明理由、由第二人复核；提示不影响通过。"
        "没能比对的写“未比对”，不算通过。同一代码有几种严重程度的，各占一行。\n",
        "## 单行规则（`yikatong/validation/row_rules.py`）\n",
        table(
            ("代码", "名称", "严重程度", "依据", "谁修正", "示例句"),
            (
                (
                    rule.code,
                    rule.name,
                    SEVERITY_WORD[rule.severity],
                    HOUSE if rule.basis == "house" else rule.basis,
                    rule.fixes,
                    example(rule),
                )
                for rule in sorted(ROW_RULES, key=lambda rule: rule.code)
            ),
        ),
        "## 交叉规则（`yikatong/validation/laws/`，一条规则一个文件）\n",
        table(
            ("代码", "名称", "严重程度", "依据", "谁修正", "示例句", "文件"),
            (_law_row(law) for law in sorted(laws(), key=lambda law: (law.code, law.severity))),
        ),
        "## 文件提示（整个文件的事，不属于哪一行，都不影响通过）\n",
        table(("代码", "说的是"), FILE_NOTICES),
    ]
    return "\n".join(parts)


def _law_row(law: Law) -> tuple[str, ...]:
    trimmed = f"（证据属于其他单位时：{law.trimmed}）" if law.trimmed else ""
    return (
        law.code,
        law.title,
        f"{SEVERITY_WORD[law.severity]}{'·未比对' if law.verdict == '未比对' else ''}",
        law.basis,
        law.fixes,
        law.example + trimmed,
        f"`{law.file}`",
    )
