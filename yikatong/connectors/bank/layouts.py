"""The layouts by the names that profiles use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from yikatong.connectors.bank.codecs.base import Codec
from yikatong.connectors.bank.codecs.bcp import BcpText
from yikatong.connectors.bank.codecs.cmb import CmbJson
from yikatong.connectors.bank.codecs.iso20022 import Iso20022
from yikatong.connectors.bank.codecs.json_api import ApiJson
from yikatong.connectors.bank.codecs.txt import BareText
from yikatong.connectors.bank.codecs.voucher8207 import Voucher8207
from yikatong.connectors.bank.messages import Msg
from yikatong.connectors.bank.profiles import BankProfile

CODECS: Final[Mapping[str, Codec]] = MappingProxyType(
    {
        "bcp": BcpText(),
        "json": ApiJson(),
        "txt": BareText(),
        "cmb": CmbJson(),
        "voucher8207": Voucher8207(),
        "iso20022": Iso20022(),
    }
)


def codec_of(msg: Msg, profile: BankProfile) -> Codec:
    """The layout in which this bank exchanges that message."""
    return CODECS[profile.layout(msg)]
