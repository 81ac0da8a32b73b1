"""What an older home is told of its upgrade; settings that a county has changed stay."""

from __future__ import annotations

from yikatong.cli.upgrading import Upgrade, completed

USUAL = {
    "residue": "refund",
    "vouchers": [{"kind": "V1", "debit": "费用"}, {"kind": "V2"}, {"kind": "V5"}],
    "charts": [{"valid_from": "2026-01-01"}],
}


def test_what_is_missing_is_added_and_what_is_there_stays() -> None:
    held = {"residue": "keep", "vouchers": [{"kind": "V1", "debit": "本区县改过"}], "own": 1}
    whole, added = completed(held, USUAL)
    assert added == ["vouchers V2", "vouchers V5", "charts"]
    assert whole["residue"] == "keep"
    assert whole["own"] == 1
    assert whole["vouchers"] == [
        {"kind": "V1", "debit": "本区县改过"}, {"kind": "V2"}, {"kind": "V5"},
    ]  # fmt: skip
    assert completed(whole, USUAL) == (whole, []), "a second time there is nothing to add"
    assert held["vouchers"] == [{"kind": "V1", "debit": "本区县改过"}], (
        "what was held is not touched"
    )


def test_what_the_first_homes_held_by_its_key_becomes_rows() -> None:
    own = {"kind": "V1", "debit": "本区县改过"}
    whole, added = completed({**USUAL, "vouchers": {"V1": own}}, USUAL)
    assert added == ["vouchers V2", "vouchers V5"]
    assert whole["vouchers"] == [own, {"kind": "V2"}, {"kind": "V5"}]


def test_the_sentence_says_what_was_done_or_that_nothing_was() -> None:
    done = Upgrade(
        migrations=3, postings={"彭水": 12, "大渡口": 0}, settings={"彭水": ["vouchers V2"]}
    )
    assert done.sentence() == (
        "已升级到本版：数据库升级 3 项；彭水补记台账 12 笔；彭水补上设置 vouchers V2。"
    )
    assert Upgrade(postings={"彭水": 0}, settings={"彭水": []}).sentence() == (
        "数据库和设置已是本版，没有改动。"
    )
