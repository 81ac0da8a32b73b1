"""`init`, `stop`, and two homes on one machine that never meet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_commands import refused
from tests.journeys.house import House, a_house, end, wait_until
from yikatong.cli import setup


@pytest.fixture(scope="module")
def homes() -> Iterator[tuple[House, House]]:
    """One county in each, nobody registered; the first has its simulators."""
    with a_house(people=0) as one, a_house(people=0) as other:
        for house, slug in ((one, "pengshui"), (other, "dadukou")):
            done = house.ykt("init", "--county", slug, "--people", "0")
            assert done.code == 0, done.err
            assert done.out == ""
        yield one, other


def processes_of(house: House) -> dict[int, str]:
    """Every process of this machine that names the home, or works in it."""
    found = {}
    for place in Path("/proc").iterdir():
        if not place.name.isdigit() or int(place.name) == os.getpid():
            continue
        try:
            command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environ = (place / "environ").read_bytes().decode(errors="replace")
            folder = os.readlink(place / "cwd")
        except OSError:
            continue
        if str(house.root) in command + folder or f"YKT_HOME={house.root}\0" in environ + "\0":
            found[int(place.name)] = command
    return found


def test_a_second_init_of_the_same_county_is_refused(homes: tuple[House, House]) -> None:
    again = ("init", "--county", "pengshui", "--people", "0")
    refused(homes[0].ykt(*again), "已经初始化过", "没有改动", "./ykt serve")


def test_an_older_home_is_brought_up_and_told_so(homes: tuple[House, House]) -> None:
    house = homes[0]
    with house.administrator() as admin:
        admin.execute(
            "UPDATE organisation_county SET settings = (settings - 'charts') || jsonb_build_object("
            " 'residue', 'keep', 'vouchers', (SELECT jsonb_agg(one) FROM jsonb_array_elements("
            "  settings -> 'vouchers') AS one WHERE one ->> 'kind' = 'V1'))"
            " WHERE slug = 'pengshui'"
        )
    again = ("init", "--county", "pengshui", "--people", "0")
    refused(house.ykt(*again), "补上设置", "vouchers V2", "charts")
    with house.administrator() as admin:
        row = admin.execute(
            "SELECT settings ->> 'residue', jsonb_array_length(settings -> 'vouchers') > 1"
            " FROM organisation_county WHERE slug = 'pengshui'"
        ).fetchone()
    assert row == ("keep", True)
    refused(house.ykt(*again), "没有改动")


def test_a_county_without_a_pack_is_refused_and_leaves_no_home(tmp_path: Path) -> None:
    with a_house() as house:
        done = house.ykt("init", "--county", "fuling")
        refused(done, "fuling", "pengshui")
        assert not (house.root / "keys").exists()


def test_before_init_every_command_says_what_to_do(tmp_path: Path) -> None:
    with a_house() as house:
        for words in (("catalogue", "--json"), ("verify", "--json"), ("batch", "X"), ("run",)):
            refused(house.ykt(*words), "init")


def test_people_0_gives_a_home_without_people_and_with_its_posts(
    homes: tuple[House, House],
) -> None:
    house, _ = homes
    assert house.rows("pengshui", "SELECT count(*) FROM registry_person") == [[0]]
    assert len(house.do("catalogue", "--json").json) == 18
    posts = {name for (name,) in house.rows("pengshui", "SELECT username FROM organisation_user")}
    wanted = (
        "town-clerk town-check dept-clerk dept-chief finance bank audit"
        " sysadmin secadmin auditadmin village"
    )
    assert {f"pengshui-{post}" for post in wanted.split()} <= posts


def test_an_empty_home_is_sound(homes: tuple[House, House]) -> None:
    done = homes[0].ykt("verify", "--json")
    assert done.code == 0
    assert done.json["breaches"] == 0


def test_two_homes_side_by_side_never_meet(homes: tuple[House, House]) -> None:
    one, other = homes
    assert {item["county"] for item in one.do("catalogue", "--json").json} == {"pengshui"}
    assert {item["county"] for item in other.do("catalogue", "--json").json} == {"dadukou"}
    refused(
        one.do(
            "check", "x.xlsx", "--county", "dadukou", "--programme", "P01", "--period", "2026-09"
        )
    )
    assert (one.root / "keys" / "keys.json").read_bytes() != (
        other.root / "keys" / "keys.json"
    ).read_bytes()


def test_keys_are_the_owners_alone(homes: tuple[House, House]) -> None:
    for file in (homes[0].root / "keys").iterdir():
        is_public = file.suffix == ".pub"
        assert is_public or file.stat().st_mode & 0o077 == 0, file.name
    assert (homes[0].root / "keys").stat().st_mode & 0o077 == 0


def test_stop_leaves_no_process_of_this_home_and_every_process_of_the_other(
    homes: tuple[House, House],
) -> None:
    one, other = homes
    other.do("catalogue", "--json")
    one.call("start_both", seed=1)
    worker = one.start_worker()
    try:
        noted = one.root / "run" / "worker.pid.json"
        wait_until(noted.exists, "the worker")
        second = one.ykt("run")
        refused(second)
        busy = processes_of(one)
        assert any("simulators.bank" in command for command in busy.values()), busy
        assert any("simulators.budget" in command for command in busy.values()), busy
        one.release_hand()
        done = one.ykt("stop")
        assert done.code == 0, done.err
        assert worker.wait(timeout=30) is not None
        assert processes_of(one) == {}
        assert processes_of(other)
        assert other.do("catalogue", "--json").code == 0
    finally:
        end(worker)
    again = one.ykt("catalogue", "--json")
    assert again.code == 0, "a stopped home starts again by itself"
    assert setup.pack_of("pengshui").code == "500243"
