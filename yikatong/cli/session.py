"""What every command needs first: home, database, login, actor. Refusals are sentences."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NoReturn

from yikatong.cli import database
from yikatong.kernel.actor import Actor, Duty, Scope
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT, Home
from yikatong.law.logins import refuse_powerful_login

LOGINS: Final = {"web": "ykt_web", "worker": "ykt_worker", "public": "ykt_public"}
PACKS: Final = CHECKOUT / "packs"
VIA: Final = "cli"
UNREADABLE: Final = 2
ADMINISTRATORS: Final = frozenset({Duty.SYSADMIN, Duty.SECADMIN, Duty.AUDITADMIN})


def home() -> Home:
    return Home.from_environ(os.environ)


def log_in(process: str) -> None:
    """Bring the database up and log in as this process's role; a second call logs in anew.

    Raises:
        Refused: no home yet, or a login that row security does not bind.
    """
    if not (home().keys / "keys.json").exists():
        raise Refused(
            f"{home().root} 还没有初始化。请先运行 ./ykt init --county pengshui，或 ./ykt demo。"
        )
    database.bring_up(home())
    from django.apps import apps

    if not apps.ready:
        database.setup_django(process)
    from django.db import connections

    connection = connections["default"]
    if connection.settings_dict["USER"] != LOGINS[process]:
        connection.close()
        connection.settings_dict["USER"] = LOGINS[process]
    connection.ensure_connection()
    refuse_powerful_login(connection.connection)


def county_code(slug: str) -> str:
    """The six digits of `pengshui` or `dadukou`, or of the digits themselves.

    Raises:
        Refused: not a county of this home.
    """
    from yikatong.organisation.queries import counties_of_home

    known = {county.slug: county.county for county in counties_of_home()}
    if slug in known.values():
        return slug
    if slug not in known:
        raise Refused(f"这个数据目录里没有区县“{slug}”。已有：{'、'.join(known) or '无'}。")
    return known[slug]


def acting_for_batch(username: str, number: str) -> Actor:
    """The person at that one of their posts which sees this batch."""
    from yikatong.organisation.queries import actors_of
    from yikatong.organisation.scoping import acting
    from yikatong.submission.queries import batches

    actors = actors_of(username, via=VIA)
    for actor in actors:
        if actor.duty in ADMINISTRATORS:
            raise Refused("三员（系统、安全、审计管理员）不办理业务。")
        with acting(actor):
            if batches(scope=actor.scope).filter(number=number).exists():
                return actor
    raise Refused(f"没有批次“{number}”，或不在 {username} 的办理范围内。")


def machine_for(county: str) -> Actor:
    """The worker in one county, for checks and reads that are nobody's own."""
    from yikatong.organisation.machines import machine

    return machine(county)


def find_batch(number: str) -> tuple[Any, Actor]:
    """A batch in whichever county of the home has it, and the worker's actor there."""
    from yikatong.organisation.queries import counties_of_home
    from yikatong.organisation.scoping import acting
    from yikatong.submission.queries import batches

    for county in counties_of_home():
        actor = machine_for(county.county)
        with acting(actor):
            batch = batches(scope=actor.scope).filter(number=number.strip()).first()
        if batch is not None:
            return batch, actor
    raise Refused(f"没有批次“{number}”。")


def owner_scope(county: str) -> Actor:
    """Set-up acts in a county's scope too: the owner's tables force row security on it."""
    from yikatong.organisation.machines import machine

    actor = machine(county)
    return Actor(0, "", "初始化", actor.duty, Scope(county), via=VIA)


def whole_county(actor: Actor) -> Actor:
    """The same person over every township of the county: made-up people are registered at once."""
    return replace(actor, scope=Scope(actor.scope.county))


@contextmanager
def refusals() -> Iterator[None]:
    """A refusal is one Chinese sentence on stderr and exit 2, never a traceback."""
    try:
        yield
    except Refused as error:
        fail(str(error))


def fail(sentence: str, code: int = UNREADABLE) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(code)


def say(sentence: str) -> None:
    """A line for people; stdout stays free for `--json`."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def show_json(content: object) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2, default=str) + "\n")


def read_bytes(path: Path) -> bytes:
    """The bytes of a file that the user named. Raises Refused as `must_be_readable`."""
    must_be_readable(path)
    return path.read_bytes()


def must_be_readable(path: Path) -> None:
    """Raises Refused: no such file, a folder, or not ours to read."""
    try:
        path.open("rb").close()
    except FileNotFoundError:
        raise Refused(f"找不到文件 {path}，请核对路径。") from None
    except IsADirectoryError:
        raise Refused(f"{path} 是文件夹，请给出表格文件。") from None
    except OSError as error:
        raise Refused(f"读不了文件 {path}（{error.strerror}）。") from None


Command = Callable[..., None]
