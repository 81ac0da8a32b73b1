"""A source tree as the house's rules see it: files below a root, read and parsed once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# made at set-up or at run time; nobody wrote them
NOT_OURS = frozenset(
    {".git", ".venv", "var", "node_modules", "__pycache__", "build", "static-built", "test-results"}
)
CODE = ("yikatong", "config", "simulators")


@dataclass(frozen=True)
class Source:
    """One file. `name` is its path from the root, with slashes."""

    path: Path
    name: str

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def syntax(self) -> ast.Module:
        return ast.parse(self.text, filename=self.name)

    def at(self, node: ast.AST, sentence: str) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 1)} {sentence}"


@dataclass(frozen=True)
class Tree:
    root: Path

    @cached_property
    def files(self) -> tuple[Source, ...]:
        return tuple(
            Source(path, path.relative_to(self.root).as_posix())
            for path in sorted(self._walk(self.root))
        )

    def _walk(self, folder: Path) -> Iterator[Path]:
        for path in folder.iterdir():
            if path.name in NOT_OURS or path.is_symlink() or path.name.endswith("_cache"):
                continue
            if path.is_dir():
                yield from self._walk(path)
            else:
                yield path

    def python(self, *folders: str) -> Iterator[Source]:
        """The Python files of these folders; of the code of the product where none is named."""
        wanted = tuple(f"{folder}/" for folder in folders or CODE)
        for file in self.files:
            if file.name.endswith(".py") and file.name.startswith(wanted):
                yield file

    def ending(self, *endings: str) -> Iterator[Source]:
        for file in self.files:
            if file.name.endswith(endings):
                yield file


def last_name(node: ast.AST) -> str:
    """`batch` of `batch`, `self.batch` and `line.batch`; empty where there is no such name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    return ""


def room(file: Source, name: str) -> bool:
    """Whether the file is this room of some app: `actions.py`, or a module of `actions/`."""
    return file.name.endswith(f"/{name}.py") or f"/{name}/" in file.name
