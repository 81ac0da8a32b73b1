"""The command contract: what each command prints, and the one sentence with which it refuses."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.journeys.house import Done, House, a_house, with_wrong_amount
from yikatong.cli import setup
from yikatong.cli.sample.lists import Fault, disbursement_list
from yikatong.cli.sample.people import SamplePerson
from yikatong.kernel.card import luhn_digit
from yikatong.kernel.period import Period
from yikatong.kernel.resident_id import check_character

WHERE = ("--county", "pengshui", "--programme", "P01", "--period", "2026-09")
CHECK_KEYS = {"rows", "passed", "blocked", "to_confirm", "amount_fen", "findings"}
FINDING_KEYS = {"row", "field", "rule", "severity", "message"}
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PEOPLE_HEADER = (
    "户主姓名", "户主身份证号", "姓名", "身份证号", "乡镇街道", "村(居)委会", "账户名称",
    "银行账号", "开户银行",
)  # fmt: skip


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Both counties with people; nothing else runs."""
    with a_house() as found:
        found.settle_in("pengshui", "dadukou", simulators=False)
        yield found


def refused(done: Done, *words: str) -> None:
    assert done.code == 2, (done.code, done.out, done.err)
    assert done.out == "", "stdout belongs to the answer"
    assert len(done.err.strip().splitlines()) == 1, done.err
    assert "Traceback" not in done.err
    assert done.err.strip()[-1] in "。）", done.err
    for word in words:
        assert word in done.err, done.err


def sheet(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(list(row))
    book.save(path)
    return path


def sound(house: House, each: int = 2) -> Path:
    return house.write(house.listed("pengshui", "2026-09", banks=("CRC", "ABC"), each=each))


# -- check: files that cannot be read -------------------------------------------------------------

Broken = Callable[[House, Path], Path]


def empty(house: House, at: Path) -> Path:
    (at / "名单.xlsx").write_bytes(b"")
    return at / "名单.xlsx"


def cut_short(house: House, at: Path) -> Path:
    whole = sound(house).read_bytes()
    (at / "名单.xlsx").write_bytes(whole[: len(whole) // 2])
    return at / "名单.xlsx"


def encrypted(house: House, at: Path) -> Path:
    (at / "名单.xlsx").write_bytes(OLE + "EncryptedPackage".encode("utf-16-le") + bytes(600))
    return at / "名单.xlsx"


def a_picture(house: House, at: Path) -> Path:
    (at / "名单.xlsx").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(600))
    return at / "名单.xlsx"


def another_table(house: House, at: Path) -> Path:
    return sheet(at / "会议签到表.xlsx", [("姓名", "单位", "签到"), ("李霞", "桑柘镇", "√")])


def no_amount(house: House, at: Path) -> Path:
    rows = [("姓名", "身份证号", "面积"), ("李霞", "500243199001010011", "1.5")]
    return sheet(at / "名单.xlsx", rows)


def header_only(house: House, at: Path) -> Path:
    return sheet(
        at / "名单.xlsx", [("姓名", "身份证号", "地块编号", "面积", "补贴标准", "补贴金额")]
    )


def a_folder(house: House, at: Path) -> Path:
    return at


def nowhere(house: House, at: Path) -> Path:
    return at / "没有.xlsx"


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "words"])
@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (empty, "空"), (cut_short, "损坏"), (encrypted, "密码"), (a_picture, ""),
        (another_table, ""), (no_amount, "补贴金额"), (header_only, "没有数据"),
        (a_folder, "文件夹"), (nowhere, "找不到文件"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(
    house: House, tmp_path: Path, broken: Broken, says: str, as_json: bool
) -> None:
    file = broken(house, tmp_path)
    refused(house.do("check", str(file), *WHERE, *(["--json"] if as_json else [])), says)


def test_the_refusal_is_the_same_in_an_interpreter_of_its_own(house: House, tmp_path: Path) -> None:
    refused(house.ykt("check", str(cut_short(house, tmp_path)), *WHERE, "--json"), "损坏")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("check {} --json --county fuling --programme P01 --period 2026-09", "fuling"),
        ("check {} --json --county pengshui --programme P99 --period 2026-09", "P99"),
        ("check {} --json --county pengshui --programme P01 --period 2026-13", "2026-13"),
        ("check {} --json --county pengshui --programme P01 --period 去年", "去年"),
        ("submit {} --county pengshui --programme P01 --period 2099-01", "最多提前 12 个月"),
        ("reissue --as pengshui-town-clerk --programme P01 --period 2099-01", "最多提前 12 个月"),
    ],
)
def test_a_county_item_or_period_that_is_not_there(house: House, words: str, says: str) -> None:
    refused(house.do(*words.format(sound(house)).split()), says)


# -- check: what it finds -------------------------------------------------------------------------


def test_a_sound_list_passes_and_nothing_is_stored(house: House) -> None:
    before = house.rows("pengshui", "SELECT count(*) FROM submission_batch")
    listed = house.listed("pengshui", "2026-09", banks=("CRC", "ABC"), each=2)
    done = house.do("check", str(house.write(listed)), *WHERE, "--json")
    assert done.code == 0, done.out
    told = done.json
    assert told.keys() >= CHECK_KEYS
    assert (told["rows"], told["passed"], told["blocked"], told["to_confirm"]) == (4, 4, 0, 0)
    assert told["amount_fen"] == listed.total.fen
    (not_compared,) = [one for one in told["findings"] if one["rule"].startswith("AC-1")]
    assert not_compared["severity"] == "info", "no bank was asked: 未比对, once per file"
    assert "未比对" in not_compared["message"]
    assert house.rows("pengshui", "SELECT count(*) FROM submission_batch") == before


def test_every_planted_fault_is_found_in_its_row_and_the_rows_add_up(house: House) -> None:
    town = setup.load_towns(setup.session.PACKS, "500243")[0].code
    listed = disbursement_list(
        house.population("pengshui"), "P01", period=Period.parse("2026-09"), seed=3, town_code=town
    )
    for ending in ("xlsx", "csv"):
        done = house.do("check", str(house.write(listed, ending)), *WHERE, "--json")
        assert done.code == 1
        told = done.json
        assert told["rows"] == len(listed.lines)
        assert told["rows"] == told["passed"] + told["blocked"] + told["to_confirm"]
        blocking = {
            (one["row"], one["rule"]) for one in told["findings"] if one["severity"] == "block"
        }
        assert {(one.row, one.rule) for one in listed.expected} <= blocking
        twins = {row for row, rule in blocking if rule == "DU-1"}
        assert len(twins) == 2, "which of the two is right, a person decides"
        assert {row for row, _ in blocking} == {one.row for one in listed.expected} | twins
        assert told["blocked"] == len({row for row, _ in blocking})
        for finding in told["findings"]:
            assert finding.keys() >= FINDING_KEYS
            assert finding["severity"] in {"block", "confirm", "info"}
    assert {one.fault for one in listed.expected} >= {Fault.DUPLICATE, Fault.LOST_DIGITS}


def test_no_finding_shows_an_identity_number(house: House) -> None:
    town = setup.load_towns(setup.session.PACKS, "500243")[0].code
    listed = disbursement_list(
        house.population("pengshui"), "P01", period=Period.parse("2026-09"), seed=3, town_code=town
    )
    said = house.do("check", str(house.write(listed)), *WHERE)
    for person in (line.beneficiary for line in listed.lines):
        assert person.id_number not in said.out + said.err
        assert person.account is None or person.account.number not in said.out + said.err


def test_a_column_that_nobody_knows_is_set_aside_with_a_notice(house: House) -> None:
    file = sound(house)
    book = openpyxl.load_workbook(file)
    page = book.active
    assert page is not None
    page.cell(row=3, column=page.max_column + 1, value="院坝会意见")
    book.save(file)
    done = house.do("check", str(file), *WHERE, "--json")
    assert done.code == 0, done.out
    (notice,) = [one for one in done.json["findings"] if "院坝会意见" in one["message"]]
    assert notice["severity"] == "info"
    assert done.json["passed"] == done.json["rows"] == 4


def test_check_for_people_says_the_sums_on_stderr(house: House) -> None:
    listed = with_wrong_amount(house.listed("pengshui", "2026-09", banks=("CRC",), each=3), 1)
    done = house.do("check", str(house.write(listed)), *WHERE)
    assert done.code == 1
    assert done.out == ""
    assert "共 3 行" in done.err
    assert "错误 1" in done.err


def test_the_marked_workbook_names_the_fault_beside_its_row(house: House, tmp_path: Path) -> None:
    listed = with_wrong_amount(house.listed("pengshui", "2026-09", banks=("CRC",), each=3), 1)
    marked = tmp_path / "标注.xlsx"
    done = house.do("check", str(house.write(listed)), *WHERE, "--json", "--marked", str(marked))
    assert done.code == 1
    json.loads(done.out)
    page = openpyxl.load_workbook(marked).active
    assert page is not None
    rows = {
        number: " ".join(str(cell.value) for cell in row if cell.value)
        for number, row in enumerate(page.rows, 1)
    }
    said = next(one["message"] for one in done.json["findings"] if one["rule"] == "AM-1")
    assert said in rows[5], rows[5]
    assert said not in rows[4] + rows[6]


# -- submit, catalogue ----------------------------------------------------------------------------


def test_submit_prints_the_number_alone_and_the_batch_is_a_draft(house: House) -> None:
    done = house.do("submit", str(sound(house)), *WHERE)
    assert done.code == 0
    assert done.out.strip() == done.out.strip().split()[0]
    assert house.batch(done.out.strip())["status"] == "DRAFT"
    told = house.do(
        "submit", str(sound(house)), *WHERE, "--json", "--as", "pengshui-town-clerk"
    ).json
    assert told["status"] == "DRAFT"
    assert told["number"] != done.out.strip()


def test_a_column_may_be_named_by_the_person_who_submits(house: House, tmp_path: Path) -> None:
    """`submit --map` as `check --map`: a header that nobody knows, said once for this file."""
    book = openpyxl.load_workbook(sound(house))
    page = book.active
    assert page is not None
    for row in page.iter_rows():
        for cell in row:
            if isinstance(cell.value, str) and cell.value.startswith("补贴金额"):
                cell.value = "本轮款项"
    book.save(tmp_path / "名单.xlsx")
    file = str(tmp_path / "名单.xlsx")
    refused(house.do("submit", file, *WHERE), "补贴金额")
    done = house.do("submit", file, *WHERE, "--map", "本轮款项=补贴金额", "--json")
    whole = house.do("check", file, *WHERE, "--map", "本轮款项=amount", "--json").json
    told = house.batch(done.json["number"])
    assert told["lines"] == whole["rows"]
    assert whole["amount_fen"] > 0
    refused(house.do("submit", file, *WHERE, "--map", "本轮款项"), "列名=字段")


def test_submit_is_not_everybodys(house: House) -> None:
    count = "SELECT count(*) FROM submission_batch"
    before = house.rows("pengshui", count)
    posts = ("pengshui-finance", "pengshui-town-check", "pengshui-audit", "dadukou-town-clerk")
    for username in (*posts, "pengshui-nobody"):
        done = house.do("submit", str(sound(house)), *WHERE, "--as", username)
        assert (done.code, done.out) == (2, ""), username
        assert done.err.strip().splitlines()[-1].endswith("。")
    assert house.rows("pengshui", count) == before


def test_the_catalogue_has_eighteen_items_in_each_county(house: House) -> None:
    listed = house.do("catalogue", "--json").json
    assert len(listed) == 36
    for slug in ("pengshui", "dadukou"):
        one = house.do("catalogue", "--json", "--county", slug).json
        assert len(one) == 18
        for item in one:
            assert item["code"]
            assert item["name"]
            assert item["department"]
        assert len({item["code"] for item in one}) == 18
        fifth, sixth = one[4], one[5]
        assert fifth["name"] == sixth["name"], "printed twice in the source"
        assert fifth["flag"] or sixth["flag"]


def test_a_batch_that_is_not_there(house: House) -> None:
    refused(house.do("batch", "PE000000P0100000", "--json"), "PE000000P0100000")
    refused(
        house.do("step", "PE000000P0100000", "compile", "--as", "pengshui-town-clerk"),
        "PE000000P0100000",
    )


def test_a_step_that_is_not_in_the_journey_names_those_that_are(house: House) -> None:
    number = house.do("submit", str(sound(house)), *WHERE).out.strip()
    refused(house.step(number, "send", "pengshui-town-clerk"), "compile")
    refused(house.step(number, "compile", "pengshui-town-clerk", "随便写写"), "不需要")
    refused(house.step(number, "compile", "pengshui-sysadmin"), "三员")


# -- load -----------------------------------------------------------------------------------------


def a_person(house: House, name: str, serial: int) -> dict[str, str]:
    """A row of the collection form for somebody new in the first township."""
    near: SamplePerson = house.population("pengshui").people[0]
    town = setup.load_towns(setup.session.PACKS, "500243")[0]
    body = f"50024319720304{serial:03d}"
    card = f"621700050024300{serial:03d}"
    number = body + check_character(body)
    assert near.id_number != number
    return {
        "户主姓名": name, "户主身份证号": number, "姓名": name, "身份证号": number,
        "乡镇街道": town.name, "村(居)委会": town.villages[0].name,
        "账户名称": name, "银行账号": card + luhn_digit(card),
        "开户银行": house.bank_name("pengshui", "CCB"),
    }  # fmt: skip


def load_people(house: House, *people: dict[str, str]) -> Done:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(
        [PEOPLE_HEADER, *([one[key] for key in PEOPLE_HEADER] for one in people)]
    )
    file = house.root / "收集表.csv"
    file.write_bytes(text.getvalue().encode("gb18030"))
    return house.do("load", "people", str(file), "--county", "pengshui")


def test_people_are_registered_and_rows_with_trouble_are_told_by_row(house: House) -> None:
    good = a_person(house, "钱大娘", 801)
    bad_id = a_person(house, "孙二", 802)
    bad_id["身份证号"] = bad_id["身份证号"][:-1] + ("1" if bad_id["身份证号"][-1] != "1" else "2")
    lost = a_person(house, "李三", 803) | {"村(居)委会": "桃花源村"}
    stranger = a_person(house, "周四", 804) | {"开户银行": "瑞士信贷银行"}
    done = load_people(house, good, bad_id, lost, stranger)
    assert done.code == 1
    assert done.out == ""
    lines = done.err.strip().splitlines()
    assert {"登记 1 人，账户 1 个", "未登记 3 行。"} <= set(lines[-1].split("；"))
    for row, word in ((3, "身份证号"), (4, "桃花源村"), (5, "瑞士信贷银行")):
        assert any(f"第 {row} 行" in line and word in line for line in lines), lines
    again = load_people(house, good)
    assert again.code == 0
    assert "登记 0 人，账户 0 个；已登记 1 人" in again.err
    changed = load_people(house, good | {"姓名": "钱大妈", "银行账号": stranger["银行账号"]})
    assert "登记的姓名与表内不同，没有更改" in changed.err
    assert f"尾号 {good['银行账号'][-4:]}）与表内账号不同，没有更改" in changed.err


def test_another_townships_people_are_not_entered(house: House) -> None:
    other = setup.load_towns(setup.session.PACKS, "500243")[1]
    row = a_person(house, "吴外", 805) | {
        "乡镇街道": other.name,
        "村(居)委会": other.villages[0].name,
    }
    done = load_people(house, row)
    assert done.code == 1
    assert other.name in done.err


def test_a_roster_of_an_unknown_kind_day_or_person_is_refused(house: House) -> None:
    file = house.root / "名册.csv"
    file.write_text("身份证号,姓名,起始日期\n500243197203048013,钱大娘,2026-01-01\n", "utf-8")
    at = ("--county", "pengshui", "--as-of")
    refused(
        house.do("load", "roster", "millionaires", str(file), *at, "2026-10-31"), "millionaires"
    )
    refused(house.do("load", "roster", "orphan", str(file), *at, "昨天"), "昨天")
    refused(house.do("load", "roster", "orphan", str(file), *at, "2099-01-01"), "2099-01-01")
    refused(
        house.do(
            "load", "roster", "orphan", str(file), *at, "2026-10-31", "--as", "pengshui-finance"
        )
    )
    refused(house.do("load", "roster", "entitled:P99", str(file), *at, "2026-10-31"), "P99")
    done = house.do("load", "roster", "orphan", str(file), *at, "2020-10-31")
    assert done.code in {0, 1}
    assert "名册 orphan" in done.err
    assert "比对时用较新" in done.err
