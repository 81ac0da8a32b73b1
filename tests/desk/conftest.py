"""Two counties set up as `init` does it, one with people and a draft; and clients that sign in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connections
from django.test import Client

from tests import database, session_home
from yikatong.catalogue.pack import load_towns
from yikatong.cli import demo, session, setup
from yikatong.cli.lists import store_list
from yikatong.cli.sample import books
from yikatong.cli.sample.lists import disbursement_list
from yikatong.kernel.home import CHECKOUT
from yikatong.kernel.period import Period
from yikatong.organisation.queries import actor_of
from yikatong.vault.access import the_vault

PERIOD = Period(2026, 10)
PEOPLE = 300
SEED = 7
COUNTIES = ("pengshui", "dadukou")

SignIn = Callable[[str], Client]


def page(client: Client, path: str) -> str:
    """The page at this path, which is there."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


@pytest.fixture(scope="module")
def county(committing: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The number of a draft of 李霞's town in 彭水; 大渡口 has its posts and nothing else."""
    for slug in COUNTIES:
        setup.make_home(session_home.home(), setup.pack_of(slug).code)
    the_vault.cache_clear()
    set_up(committing)
    pack = setup.pack_of("pengshui")
    setup._register_people(pack, people=PEOPLE, seed=SEED)
    PASSWORDS.update(demo.give_passwords())
    listed = disbursement_list(
        setup.sample_population(pack, people=PEOPLE, seed=SEED),
        "P01",
        period=PERIOD,
        seed=SEED,
        town_code=load_towns(session.PACKS, pack.code)[0].code,
        most_lines=60,
    )
    path = tmp_path_factory.mktemp("lists") / "名单.xlsx"
    books.write_disbursement(path, listed, filled_on=setup.today())
    LISTS["pengshui"] = path
    return store_list(path, actor_of("pengshui-town-clerk", via="cli"), "P01", PERIOD)


PASSWORDS: dict[str, str] = {}
LISTS: dict[str, Path] = {}


def set_up(name: str) -> None:
    """The owner's own process, as `init` runs it, on this module's database."""
    environ = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "YKT_PROCESS": "owner",
        "YKT_DATABASE_NAME": name,
        "YKT_SOCKET_DIR": str(session_home.server().socket_dir),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "yikatong.cli.setup", *COUNTIES],
        cwd=CHECKOUT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def sign_in(county: str) -> SignIn:
    """`sign_in("pengshui-town-clerk")`: a client in whose browser that person sits."""

    def sign_in(username: str) -> Client:
        client = Client()
        answer = client.post("/sign-in", {"username": username, "password": PASSWORDS[username]})
        assert answer.status_code == 302, answer.content.decode()
        return client

    return sign_in


@pytest.fixture
def citizen(county: str, settings: object) -> Iterator[Client]:
    """A visitor of the public process: its own login, its own URL table, no session."""
    settings.ROOT_URLCONF = "config.public_urls"  # type: ignore[attr-defined]
    settings.MIDDLEWARE = [  # type: ignore[attr-defined]
        "yikatong.desk.middleware.content_security_policy",
        "yikatong.public.middleware.PublicScope",
    ]
    name = connections["default"].settings_dict["NAME"]
    with database.pointed_at(name, role="ykt_public"):
        yield Client()
