"""`./ykt docs`: writes docs/generated/ from what the program itself holds. Needs no database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from django.apps import apps

from yikatong.cli.database import setup_django
from yikatong.kernel.home import CHECKOUT

FOLDER: Final = CHECKOUT / "docs" / "generated"


def rendered() -> dict[str, str]:
    """Every generated page by its file name. The same program gives the same bytes."""
    if not apps.ready:
        setup_django("web")
    from yikatong.cli import generated, generated_faults

    return {
        "journeys.md": generated.journeys(),
        "permissions.md": generated.permissions(),
        "data-dictionary.md": generated.data_dictionary(),
        "rules.md": generated.rules(),
        "faults.md": generated_faults.faults(),
    }


def write_docs(folder: Path) -> list[str]:
    """Write what is missing or stale, take away what is no longer made; gives the names changed."""
    stale = check_docs(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pages = rendered()
    for name in stale:
        if name in pages:
            (folder / name).write_text(pages[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return stale


def check_docs(folder: Path) -> list[str]:
    """Names of the pages in `folder` that are missing, stale or no longer made; empty is fresh."""
    pages = rendered()
    kept = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return sorted(name for name in pages.keys() | kept.keys() if pages.get(name) != kept.get(name))


def main(*, check: bool) -> int:
    """The command: 0 if the pages are fresh or were written, 1 if `check` finds a stale one."""
    if check:
        stale = check_docs(FOLDER)
        if stale:
            sys.stderr.write(
                f"生成的文档已过时：{'、'.join(stale)}。请运行 ./ykt docs 重新生成并提交。\n"
            )
        return 1 if stale else 0
    written = write_docs(FOLDER)
    sys.stdout.write(f"已更新：{'、'.join(written)}\n" if written else "文档都是最新的。\n")
    return 0
