"""What a person sees otherwise in an .xlsx than any reader: cells that are taken for blanks (an
error value such as #N/A, a formula whose result nobody saved), and rows that are hidden. Found in
the text of a sheet while `sheets_package` lets it pass by, block by block.
"""

from __future__ import annotations

import html
import posixpath
import re
import zipfile
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

FORMULA_ENDS: Final = (b"</f>", b"<f ", b"<f/")
SHOWN: Final = 5
_ERROR_CELL: Final = re.compile(rb"<(?:\w+:)?c\s[^<>]*\bt=[\"']e[\"'][^<>]*")
_NO_RESULT: Final = re.compile(rb"(?:<f(?: [^<>]*)?/>|</f>)(?:<v ?/>|<v></v>)?</c>")
_PLACE: Final = re.compile(rb"\sr\s*=\s*[\"']([A-Z]{1,3}[0-9]{1,7})[\"']")
_IS_TEXT: Final = re.compile(rb"\st\s*=\s*[\"']str[\"']")
_HIDDEN: Final = (b'hidden="1"', b'hidden="true"', b"hidden='1'", b"hidden='true'")
_ROW: Final = re.compile(rb"<(?:\w+:)?row\s[^<>]*>")
_ROW_NUMBER: Final = re.compile(rb"\sr\s*=\s*[\"']([0-9]{1,7})[\"']")
_LONGEST_TAG_READ: Final = 512
_LONGEST_LIST_READ: Final = 1 << 20
_SHEET: Final = re.compile(r"<(?:\w+:)?sheet\s[^<>]*>")
_RELATION: Final = re.compile(r"<(?:\w+:)?Relationship\s[^<>]*>")


@dataclass(slots=True)
class Cells:
    """`places` are the first of them, as far as each says where it stands."""

    count: int = 0
    places: list[str] = field(default_factory=list)

    def add(self, tags: Iterable[bytes]) -> None:
        """More of them, by their opening tags."""
        for tag in tags:
            self.count += 1
            if len(self.places) < SHOWN and (found := _PLACE.search(tag)):
                self.places.append(found[1].decode("ascii"))


class Unread:
    """The unread cells of one sheet, and its hidden rows."""

    def __init__(self) -> None:
        self.errors, self.unsolved = Cells(), Cells()
        self.hidden = array("L")
        self._opened = b""

    def __bool__(self) -> bool:
        return bool(self.errors.count or self.unsolved.count or self.hidden)

    def look(self, tags: bytes) -> None:
        """The next whole tags of the sheet."""
        if b't="e"' in tags or b"t='e'" in tags:
            self.errors.add(_ERROR_CELL.findall(tags))
        if any(end in tags for end in FORMULA_ENDS):
            self.unsolved.add(self._openings(tags))
        if any(hidden in tags for hidden in _HIDDEN):
            rows = (tag for tag in _ROW.findall(tags) if any(hidden in tag for hidden in _HIDDEN))
            self.hidden.extend(int(found[1]) for row in rows if (found := _ROW_NUMBER.search(row)))
        # the cell that is open where these tags end may be found unread in the next ones
        if (last := tags.rfind(b"<c")) >= 0:
            self._opened = tags[last : last + _LONGEST_TAG_READ].partition(b">")[0]

    def _openings(self, tags: bytes) -> Iterable[bytes]:
        """The opening tag of each cell that ends here with a formula and no result."""
        before = 0
        for found in _NO_RESULT.finditer(tags):
            start = tags.rfind(b"<c", before, found.start())
            tag = tags[start : start + _LONGEST_TAG_READ] if start >= 0 else self._opened
            tag = tag.partition(b">")[0]
            before = found.end()
            # an empty text is a result, and a common one: IF(A2="","",A2)
            if b"<v" not in found[0] or not _IS_TEXT.search(tag):
                yield tag


@dataclass(frozen=True, slots=True)
class Told:
    """The unread cells of one kind in a workbook: by the sheets' own names ('' where a sheet is not
    in the workbook's list), the places of the first ones.
    """

    count: int
    places: Mapping[str, tuple[str, ...]]

    def where(self, first: str) -> str:
        """For a sentence: “名单”的 C7、D12 等处; the sheet called `first` goes first."""
        left, parts = SHOWN, []
        for name in sorted(self.places, key=lambda name: name != first):
            shown = self.places[name][:left]
            left -= len(shown)
            if shown:
                parts.append((f"“{name}”的 " if name else "") + "、".join(shown))
        more = " 等处" if parts and self.count > SHOWN - left else ""
        return "，".join(parts) + more


def told(
    package: zipfile.ZipFile, found: Mapping[str, Unread]
) -> tuple[Told, Told, Mapping[str, Sequence[int]]]:
    """The errors and the formulas without result of a package, `found` in these of its parts; and
    the hidden rows of each sheet by its name.
    """
    names = _sheet_names(package) if found else {}
    kinds = [{part: one.errors for part, one in found.items()},
             {part: one.unsolved for part, one in found.items()}]  # fmt: skip
    errors, unsolved = (_together(kind, names) for kind in kinds)
    hidden = {names.get(part.lower(), ""): one.hidden for part, one in found.items() if one.hidden}
    return errors, unsolved, hidden


def _together(found: Mapping[str, Cells], names: Mapping[str, str]) -> Told:
    places: dict[str, tuple[str, ...]] = {}
    for part, cells in found.items():
        if cells.places:
            name = names.get(part.lower(), "")
            places[name] = (*places.get(name, ()), *cells.places)
    return Told(sum(cells.count for cells in found.values()), places)


def _sheet_names(package: zipfile.ZipFile) -> dict[str, str]:
    """The part of each sheet → what its tab says."""
    targets = {
        _said(tag, "Id"): _said(tag, "Target")
        for tag in _RELATION.findall(_text_of(package, "xl/_rels/workbook.xml.rels"))
    }
    return {
        posixpath.normpath(posixpath.join("/xl", target)).strip("/").lower(): _said(tag, "name")
        for tag in _SHEET.findall(_text_of(package, "xl/workbook.xml"))
        if (target := targets.get(_said(tag, r"\w+:id")))
    }


def _text_of(package: zipfile.ZipFile, part: str) -> str:
    """The beginning of a part: enough for any list of sheets that a person made."""
    entry = next((name for name in package.namelist() if name.lower() == part), None)
    if entry is None:
        return ""
    with package.open(entry) as stream:
        return stream.read(_LONGEST_LIST_READ).decode(errors="replace")


def _said(tag: str, attribute: str) -> str:
    found = re.search(rf"\s{attribute}\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", tag)
    return "" if found is None else html.unescape(found[1] or found[2] or "")
