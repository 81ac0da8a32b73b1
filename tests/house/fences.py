"""The rules of the house that are about files: their length, names, and what they must not hold."""

from __future__ import annotations

import re

from tests.house.tree import Tree

LONGEST_FILE = 400
LENGTH_COUNTS = (".py", ".html", ".css", ".js")
TEXT = (
    ".py",
    ".md",
    ".toml",
    ".sql",
    ".html",
    ".css",
    ".js",
    ".json",
    ".txt",
    ".csv",
    ".lock",
    "ykt",
    "/run",
)
MIGRATION = re.compile(r"/migrations/\d{4}_(?P<words>[a-z0-9_]+)\.py$")
FEWEST_WORDS = 3

# written in pieces, so that this file does not hold what it looks for
ADDRESSES = re.compile(
    r"pypi\." r"org|python" r"hosted|registry\.npm" r"js|npm" r"mirror\.com|/pypi/" r"simple"
    r"|--(?:extra-)?index" r"-url|--trusted" r"-host|mirrors?\.[a-z]+\.(?:edu|com)"
)  # fmt: skip
PLACES = re.compile(r"/ro" r"ot/|/ho" r"me/[a-z]|/wo" r"rk/[a-z]|/Us" r"ers/[a-z]")  # fmt: skip
ANY_ADDRESS = re.compile(r"[a-z]+://|@\s")
SCRIPT_IN_PAGE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>|\son[a-z]{4,}\s*=|\sstyle\s*=|javascript:|<style\b",
    re.IGNORECASE,
)
ELSEWHERE = re.compile(r"""(?:src|href|action|url)\s*[=(]\s*["']?(?:https?:)?//""", re.IGNORECASE)
# screens.md §1: what Chrome 86 does not know
TOO_NEW_CSS = re.compile(
    r"(?<![-\w])inset\s*:|(?:margin|padding)-(?:inline|block)\s*:|:(?:is|where|has)\(|aspect-ratio\s*:"
    r"|@layer|@container|\d(?:d|s|l)v[hw]\b|oklch|color-mix|popover|subgrid|^\s*&",
    re.MULTILINE,
)
TOO_NEW_JS = re.compile(
    r"\.at\(|Object\.hasOwn|structuredClone|\.inert\b|\.replaceAll\(|\?\?=|\|\|=|&&=|eval\("
)


def no_file_is_longer_than_four_hundred_lines(tree: Tree) -> list[str]:
    found = []
    for file in tree.ending(*LENGTH_COUNTS):
        lines = file.text.count("\n")
        if lines > LONGEST_FILE and "/generated/" not in file.name:
            found.append(f"{file.name}:1 有 {lines} 行，最多 {LONGEST_FILE} 行")
    return found


def migrations_are_named_as_sentences(tree: Tree) -> list[str]:
    found = []
    for file in tree.ending(".py"):
        name = MIGRATION.search(file.name)
        if name and (
            name["words"].count("_") + 1 < FEWEST_WORDS or name["words"].startswith("auto_")
        ):
            found.append(f"{file.name}:1 迁移的文件名要像一句话")
    return found


def nothing_names_a_registry_or_a_place_of_one_machine(tree: Tree) -> list[str]:
    return [
        f"{file.name}:{number} 不得写明软件源地址或本机路径"
        for file in tree.ending(*TEXT)
        for number, line in enumerate(file.text.splitlines(), 1)
        if ADDRESSES.search(line) or PLACES.search(line)
    ]


def lock_files_hold_no_address(tree: Tree) -> list[str]:
    return [
        f"{file.name}:{number} 锁定文件不得有地址"
        for file in tree.ending(".lock", "package-lock.json")
        for number, line in enumerate(file.text.splitlines(), 1)
        if ANY_ADDRESS.search(line) or '"resolved"' in line
    ]


def pages_hold_no_script_and_no_style(tree: Tree) -> list[str]:
    """The content security policy allows neither; a page that needs them would just fail."""
    return [
        f"{file.name}:{number} 页面里不写脚本和样式，也不引用外部地址"
        for file in tree.ending(".html")
        for number, line in enumerate(file.text.splitlines(), 1)
        if SCRIPT_IN_PAGE.search(line) or ELSEWHERE.search(line)
    ]


def old_browsers_understand_it(tree: Tree) -> list[str]:
    found = []
    for ending, too_new in ((".css", TOO_NEW_CSS), (".js", TOO_NEW_JS)):
        for file in tree.ending(ending):
            for match in too_new.finditer(file.text):
                line = file.text.count("\n", 0, match.start()) + 1
                found.append(f"{file.name}:{line} Chrome 86 不认识 {match[0].strip()}")
    return found


FENCES = (
    no_file_is_longer_than_four_hundred_lines,
    migrations_are_named_as_sentences,
    nothing_names_a_registry_or_a_place_of_one_machine,
    lock_files_hold_no_address,
    pages_hold_no_script_and_no_style,
    old_browsers_understand_it,
)
