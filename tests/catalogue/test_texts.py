"""到账短信: one message at its longest, nobody named, a short form that fits a short field."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.catalogue.pack import load_pack
from yikatong.catalogue.pack_checks import LONGEST_SHORT_NAME, check_text
from yikatong.catalogue.specs import ProgrammeSpec
from yikatong.catalogue.texts import MOST_NOTE, short_note
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT
from yikatong.kernel.money import Money

GOOD = "【{bank}】您的{short}补贴{amount}元已于{date}发放至尾号{tail}账户。咨询{phone}。"


@pytest.fixture(scope="module")
def item() -> ProgrammeSpec:
    return load_pack(CHECKOUT / "packs" / "pengshui").programme("P01")


def test_the_usual_text_fits_with_the_longest_name(item: ProgrammeSpec) -> None:
    check_text(replace(item, sms=GOOD, short_name="一二三四五六七"), "本项")


@pytest.mark.parametrize(
    ("sms", "why"),
    [
        (GOOD.replace("【{bank}】", "{bank}："), "签名"),
        (GOOD.replace("您的", "{name}您好，您的"), "姓名"),
        (GOOD.replace("您的", "{0}您的"), "别的字段"),
        (GOOD.replace("{phone}", ""), "应含"),
        (GOOD.replace("{amount}", "{amount!r:>20}"), "只写字段名"),
        (GOOD.replace("您的", "{您的"), "花括号"),
        (GOOD + "详情http://a.cn", "链接"),
        (GOOD + "回T退订", "退订"),
        (GOOD + "请以实际到账为准，谢谢。", "最长 70 字"),
    ],
)
def test_a_text_that_names_or_runs_over_is_refused(item: ProgrammeSpec, sms: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        check_text(replace(item, sms=sms), "本项")


def test_an_item_whose_name_is_too_long_for_the_short_field(item: ProgrammeSpec) -> None:
    sms = GOOD.replace("咨询", "")
    with pytest.raises(Refused, match="短格式"):
        check_text(replace(item, sms=sms, short_name="一二三四五六七八"), "本项")


@given(fen=st.integers(1, 999_999_999), name=st.text("地力补贴", min_size=1, max_size=7))
def test_the_short_form_always_fits(fen: int, name: str) -> None:
    assert len(name) <= LONGEST_SHORT_NAME
    assert len(short_note(name, str(Money(fen)))) <= MOST_NOTE
