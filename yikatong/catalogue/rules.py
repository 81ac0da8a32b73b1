"""The states of an officer's definition and what leads from one to the next. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from yikatong.kernel.steps import Move


class DefinitionState(StrEnum):
    """试填 is being written, 试运行 was tried on a sample as it stands, 生效 may be paid under."""

    DRAFT = "DRAFT"
    TESTED = "TESTED"
    LIVE = "LIVE"
    RETIRED = "RETIRED"


DEFINITION_WORD: Final = {
    DefinitionState.DRAFT: "试填",
    DefinitionState.TESTED: "试运行",
    DefinitionState.LIVE: "生效",
    DefinitionState.RETIRED: "停用",
}
DEFINITION_TONE: Final = {
    DefinitionState.DRAFT: "plain",
    DefinitionState.TESTED: "wait",
    DefinitionState.LIVE: "ok",
    DefinitionState.RETIRED: "error",
}
OPEN: Final = (DefinitionState.DRAFT, DefinitionState.TESTED)
# law/triggers.sql holds the same table
DEFINITION_MOVES: Final = (
    Move(DefinitionState.DRAFT, "tried", DefinitionState.TESTED),
    Move(DefinitionState.TESTED, "edited", DefinitionState.DRAFT),
    Move(DefinitionState.TESTED, "returned", DefinitionState.DRAFT),
    Move(DefinitionState.TESTED, "confirmed", DefinitionState.LIVE),
    Move(DefinitionState.LIVE, "retired", DefinitionState.RETIRED),
    Move(DefinitionState.LIVE, "replaced", DefinitionState.RETIRED),
    Move(DefinitionState.DRAFT, "dropped", DefinitionState.RETIRED),
    Move(DefinitionState.TESTED, "dropped", DefinitionState.RETIRED),
)


def own_code(department_no: int, taken: int) -> str:
    """The code of a department's next own item: N, the department's letter, two digits.

    Departments never meet in one code, so none has to see what another is drafting.
    """
    letters = ""
    rest = department_no
    while rest > 0:
        rest, letter = divmod(rest - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"N{letters}{taken + 1:02d}"
