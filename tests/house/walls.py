"""The rules of the house that are about Python: each takes a tree and names its breaches."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.tree import Source, Tree, last_name, room

THE_WRITER = "yikatong/journey/steps.py"
ONLY_THE_JOURNEY = "只有 journey/steps.py 可以改写批次状态"
BATCH_NAMES = re.compile(r"batch|draft|origin", re.IGNORECASE)
STATUS_SQL = re.compile(
    r"UPDATE\s+(?:ONLY\s+)?(?:submission_)?batch\b.*?\bSET\b.*?\bstatus\s*=", re.I | re.S
)
MACHINES = frozenset({"SYSTEM", "BANK_MESSAGE", "TREASURY", "CLOCK"})
COUNTY_NAMES = frozenset({"county", "county_code"})
FLOATS = frozenset({"FloatField", "Float64", "Float32"})
CLOCKS = frozenset({"now", "today", "utcnow", "localdate"})
LONGEST_FUNCTION = 70

# reads that come before there is an actor, or are the same for everyone; each says why
WITHOUT_SCOPE: dict[str, str] = {
    "organisation.actor_of": "sign-in and the command line learn the scope from its answer",
    "organisation.actor_of_user": "as actor_of: the scope comes out of it",
    "organisation.actors_of": "as actor_of: every post of one person, before a scope is chosen",
    "organisation.users_of_county": "accounts for the demo and 安全管理员, before any scope",
    "organisation.counties_of_home": "names of counties: for sign-in, the public site, the workers",
    "disclosure.notice_by_slug": "a notice is public: its slug is all that a citizen has",
    "audit.prove_chain": "the chain is one for the whole home, and is proved as a whole",
}


def only_the_journey_writes_a_status(tree: Tree) -> list[str]:
    """house.md §2: `land` in journey/steps.py holds the only assignment of `Batch.status`."""
    places = [
        file.at(node, ONLY_THE_JOURNEY)
        for file in tree.python("yikatong")
        if file.name != THE_WRITER and "/migrations/" not in file.name
        for node in ast.walk(file.syntax)
        if _assigns_status(node) or _updates_status(node) or _is_status_sql(node)
    ]
    places += [
        f"{file.name}:1 {ONLY_THE_JOURNEY}"
        for file in tree.ending(".sql")
        if STATUS_SQL.search(file.text)
    ]
    return places


def _assigns_status(node: ast.AST) -> bool:
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign | ast.AugAssign):
        targets = [node.target]
    return any(
        isinstance(target, ast.Attribute)
        and target.attr == "status"
        and BATCH_NAMES.search(last_name(target.value))
        for target in targets
    )


def _updates_status(node: ast.AST) -> bool:
    """`.update(status=…)`, `create(status=…)`, `setattr(batch, "status")`, `bulk_update`."""
    if not isinstance(node, ast.Call) or not BATCH_NAMES.search(ast.unparse(node)):
        return False
    called = last_name(node.func)
    if called in {"update", "create", "Batch", "update_or_create", "get_or_create"}:
        is_named = any(word.arg == "status" for word in node.keywords)
        # Share.objects.filter(batch=…).update(status=…) is another machine's status
        subject = ast.unparse(node.func).split("(", maxsplit=1)[0]
        return is_named and bool(BATCH_NAMES.search(subject))
    if called in {"setattr", "bulk_update"}:
        return any(
            isinstance(inner, ast.Constant) and inner.value == "status" for inner in ast.walk(node)
        )
    return False


def _is_status_sql(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and bool(STATUS_SQL.search(node.value))
    )


def actions_take_their_actor_by_keyword(tree: Tree) -> list[str]:
    return [
        file.at(function, f"{function.name} 必须有仅限关键字的 actor")
        for file, function in _public_functions(tree, "actions")
        if "actor" not in {argument.arg for argument in function.args.kwonlyargs}
    ]


def queries_take_a_scope(tree: Tree) -> list[str]:
    found = []
    for file, function in _public_functions(tree, "queries"):
        arguments = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
        key = f"{file.name.split('/')[1]}.{function.name}"
        if "scope" not in {argument.arg for argument in arguments} and key not in WITHOUT_SCOPE:
            found.append(file.at(function, f"{function.name} 必须有 scope"))
    return found


def _public_functions(tree: Tree, name: str) -> Iterator[tuple[Source, ast.FunctionDef]]:
    for file in tree.python("yikatong"):
        if room(file, name):
            for node in file.syntax.body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                    yield file, node


def machine_actors_are_made_by_jobs_only(tree: Tree) -> list[str]:
    """A request must never become the bank, the treasury or the clock."""
    return [
        file.at(node, "机器身份只能由 jobs 造出")
        for file in tree.python("yikatong")
        if not room(file, "jobs") and file.name != "yikatong/kernel/actor.py"
        for node in ast.walk(file.syntax)
        if isinstance(node, ast.Call) and last_name(node.func) == "Actor" and _names_machine(node)
    ]


def _names_machine(call: ast.Call) -> bool:
    return any(
        isinstance(inner, ast.Attribute)
        and inner.attr in MACHINES
        and last_name(inner.value) == "Duty"
        for inner in ast.walk(call)
    )


def no_function_is_longer_than_seventy_lines(tree: Tree) -> list[str]:
    found = []
    for file in tree.python("yikatong", "config", "simulators", "tests"):
        for node in ast.walk(file.syntax):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    found.append(
                        file.at(node, f"{node.name} 有 {lines} 行，最多 {LONGEST_FUNCTION} 行")
                    )
    return found


def counties_differ_by_data_only(tree: Tree) -> list[str]:
    """No `if county == …`: a difference is a row of a journey or a line of a pack."""
    return [
        file.at(node, "区县差异写在 packs 或 journey 里，不写 if county ==")
        for file in tree.python("yikatong")
        for node in ast.walk(file.syntax)
        if (isinstance(node, ast.Compare) and _compares_county(node))
        or (isinstance(node, ast.Match) and last_name(node.subject) in COUNTY_NAMES)
    ]


def _compares_county(node: ast.Compare) -> bool:
    """`county == "500243"`, `pack.county in ("500104",)`; not `row["level"] == county`."""
    sides = [node.left, *node.comparators]
    return any(last_name(side) in COUNTY_NAMES for side in sides) and any(
        isinstance(inner, ast.Constant) and isinstance(inner.value, str) and inner.value != ""
        for side in sides
        for inner in (side.elts if isinstance(side, ast.Tuple | ast.List | ast.Set) else [side])
    )


def only_jobs_catch_everything(tree: Tree) -> list[str]:
    return [
        file.at(node, "不得捕获一切异常（jobs 除外）")
        for file in tree.python()
        if not room(file, "jobs")
        for node in ast.walk(file.syntax)
        if isinstance(node, ast.ExceptHandler) and (node.type is None or _catches_all(node.type))
    ]


def _catches_all(caught: ast.expr) -> bool:
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(last_name(kind) in {"Exception", "BaseException"} for kind in kinds)


def money_is_never_a_float(tree: Tree) -> list[str]:
    """No float(), no float column, no float frame. Seconds may be floats: they need no cast."""
    return [
        file.at(node, "金额和数量不得用浮点数")
        for file in tree.python()
        for node in ast.walk(file.syntax)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "float"
        )
        or (isinstance(node, ast.Attribute | ast.Name) and last_name(node) in FLOATS)
    ]


def there_are_no_signals(tree: Tree) -> list[str]:
    found = []
    for file in tree.python():
        for node in ast.walk(file.syntax):
            modules = []
            if isinstance(node, ast.ImportFrom):
                modules = [
                    node.module or "",
                    *(f"{node.module}.{name.name}" for name in node.names),
                ]
            elif isinstance(node, ast.Import):
                modules = [name.name for name in node.names]
            if any(
                module == "django.dispatch" or module.endswith(".signals") for module in modules
            ):
                found.append(file.at(node, "不用信号：在流程表里加一行"))
    return found


def views_do_not_query(tree: Tree) -> list[str]:
    return [
        file.at(node, f"视图不得出现 .{node.attr}")
        for file in tree.python("yikatong")
        if room(file, "views")
        for node in ast.walk(file.syntax)
        if isinstance(node, ast.Attribute) and node.attr in {"objects", "filter"}
    ]


def models_do_not_override_save(tree: Tree) -> list[str]:
    return [
        file.at(node, "模型不重写 save 和 delete")
        for file in tree.python("yikatong")
        if room(file, "models")
        for node in ast.walk(file.syntax)
        if isinstance(node, ast.FunctionDef) and node.name in {"save", "delete"}
    ]


def decisions_do_not_read_the_clock(tree: Tree) -> list[str]:
    """Rules and the kernel are given dates (house.md §7.3)."""
    return [
        file.at(node, "规则不看钟，日期由调用者给出")
        for file in tree.python("yikatong")
        if room(file, "rules") or file.name.startswith("yikatong/kernel/")
        for node in ast.walk(file.syntax)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
    ]


WALLS = (
    only_the_journey_writes_a_status,
    actions_take_their_actor_by_keyword,
    queries_take_a_scope,
    machine_actors_are_made_by_jobs_only,
    no_function_is_longer_than_seventy_lines,
    counties_differ_by_data_only,
    only_jobs_catch_everything,
    money_is_never_a_float,
    there_are_no_signals,
    views_do_not_query,
    models_do_not_override_save,
    decisions_do_not_read_the_clock,
)
