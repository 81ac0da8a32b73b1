"""No identifier rests in clear: not in a dump of the whole database, a log, a file or its name.

Known people are planted through the collection form and a submitted list; then their numbers are
looked for, whole and in the forms that bytes take in a dump.
"""

from __future__ import annotations

import base64
import csv
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_commands import PEOPLE_HEADER, WHERE
from tests.journeys.house import House, a_house, with_wrong_amount
from yikatong.cli import setup
from yikatong.cli.postgres import Server
from yikatong.kernel.card import luhn_digit
from yikatong.kernel.home import Home
from yikatong.kernel.resident_id import check_character

HEADER = (*PEOPLE_HEADER, "联系电话", "监护人姓名", "监护人身份证号")
ID = "50024319720304901"
CARD = "621700012345678"
PHONE = "15498761234"
WRONG_ID = "500243197203049999"  # its check character is wrong: it is told about, and masked


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One county; known people registered, lists checked and submitted, both with faults."""
    with a_house() as found:
        found.settle_in("pengshui", simulators=False)
        plant(found)
        yield found


def secrets_of(house: House) -> list[str]:
    people = house.population("pengshui").people
    made_up = [text for person in people for text in (person.id_number, person.phone)]
    cards = [person.account.number for person in people if person.account]
    return [ID + check_character(ID), CARD + luhn_digit(CARD), PHONE, WRONG_ID, *made_up, *cards]


def plant(house: House) -> None:
    number, card = ID + check_character(ID), CARD + luhn_digit(CARD)
    town = setup.load_towns(setup.session.PACKS, "500243")[0]
    place, bank = (town.name, town.villages[0].name), house.bank_name("pengshui", "CCB")
    row = ("钱大娘", number, "钱大娘", number, *place, "钱大娘", card, bank, PHONE, "", "")
    bad = ("周四", WRONG_ID, "周四", WRONG_ID, *place, "周四", card, bank, PHONE, "", "")
    file = house.root / "收集表.csv"
    with file.open("w", encoding="gb18030", newline="") as stream:
        csv.writer(stream).writerows([HEADER, row, bad])
    assert "登记 1 人" in house.do("load", "people", str(file), "--county", "pengshui").err
    file.unlink()
    listed = with_wrong_amount(house.listed("pengshui", "2026-09", banks=("CRC", "ABC"), each=4), 0)
    sheet = house.write(listed)
    assert house.do("submit", str(sheet), *WHERE).code == 0
    sheet.unlink()
    for word in (number, WRONG_ID, card):
        house.do("check", word, *WHERE)
        house.do("batch", word)


def dump(house: House) -> bytes:
    server = Server(Home(house.root))
    command = [str(server.program("pg_dump")), "--dbname", server.conninfo()]
    return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout


def test_no_planted_number_stands_in_a_dump_in_any_form(house: House) -> None:
    whole = dump(house)
    assert b"COPY public.registry_person" in whole, "the dump is a dump"
    assert "钱大娘".encode() in whole, "names rest in clear, and prove that we looked at the rows"
    for secret in secrets_of(house):
        plain = secret.encode()
        assert plain not in whole, "in clear"
        assert plain.hex().encode() not in whole, "as the hex of a bytea"
        assert base64.b64encode(plain) not in whole, "in base64"


def test_no_long_number_of_a_person_stands_in_a_log(house: House) -> None:
    house.do("catalogue", "--json")
    logs = list((house.root / "logs").iterdir())
    assert any(log.name == "postgres.log" for log in logs)
    for log in logs:
        content = log.read_bytes()
        for secret in secrets_of(house):
            assert secret.encode() not in content, log.name


def test_no_file_of_the_home_is_named_after_a_person_or_holds_a_list_in_clear(house: House) -> None:
    secrets = [secret.encode() for secret in secrets_of(house)[:4]]
    for file in house.root.rglob("*"):
        is_data = file.is_relative_to(house.root / "data")
        if not file.is_file() or (
            is_data and "base" not in file.parts and "pg_wal" not in file.parts
        ):
            continue
        content = file.read_bytes()
        assert not any(secret in content for secret in secrets), file
        assert not any(secret.decode() in file.name for secret in secrets), file


def test_what_is_said_to_people_is_masked(house: House, tmp_path: Path) -> None:
    file = tmp_path / "再来.csv"
    with file.open("w", encoding="gb18030", newline="") as stream:
        wrong = WRONG_ID
        row = (
            "周四",
            wrong,
            "周四",
            wrong,
            "汉葭街道",
            "某村",
            "周四",
            CARD,
            "建设银行",
            PHONE,
            "",
            "",
        )
        csv.writer(stream).writerows([HEADER, row])
    done = house.do("load", "people", str(file), "--county", "pengshui")
    assert done.code == 1
    for secret in (WRONG_ID, CARD, PHONE):
        assert secret not in done.out + done.err


def test_keys_are_readable_by_their_owner_alone(house: House) -> None:
    keys = house.root / "keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    for file in keys.iterdir():
        if file.suffix != ".pub":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    private = [file for file in keys.iterdir() if file.suffix != ".pub"]
    assert len(private) >= 3
