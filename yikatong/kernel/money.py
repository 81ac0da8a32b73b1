"""Money in fen, rounded once, where a rate meets a quantity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from yikatong.kernel.errors import Refused

FEN_PER_YUAN = 100
ONE_FEN = Decimal("0.01")
MOST_YUAN = Decimal(10) ** 13


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount of CNY as an integer count of fen (1 元 = 100 分). May be negative.

    Raises:
        TypeError: a float, a Decimal or a bool was given where fen are counted.
    """

    fen: int

    def __post_init__(self) -> None:
        if type(self.fen) is not int:
            raise TypeError(f"fen must be an int, not {type(self.fen).__name__}")

    @classmethod
    def from_yuan(cls, text: str | Decimal) -> Money:
        """Exactly the yuan that were written; more than two decimals are refused, not rounded."""
        try:
            yuan = Decimal(text)
        except InvalidOperation:
            raise Refused(f"“{text}”不是金额，请填写数字，例如 120.50。") from None
        if not yuan.is_finite() or abs(yuan) >= MOST_YUAN:
            raise Refused(f"“{text}”不是可用的金额，请填写数字，例如 120.50。")
        if yuan != yuan.quantize(ONE_FEN):
            raise Refused(f"金额 {text} 超过两位小数，请核对到分。")
        return cls(int(yuan * FEN_PER_YUAN))

    @classmethod
    def of_rate(cls, rate_yuan: Decimal, *quantities: Decimal | int) -> Money:
        """Rate × quantities in yuan, rounded half-up to the fen: the only rounding there is.

        登封审计公告 2017-12-23: Σ of rounded rows is what is paid, never a rounded total.
        """
        product = rate_yuan
        for quantity in quantities:
            product *= quantity
        return cls(int(product.quantize(ONE_FEN, rounding=ROUND_HALF_UP) * FEN_PER_YUAN))

    @classmethod
    def total(cls, amounts: Iterable[Money]) -> Money:
        return cls(sum(amount.fen for amount in amounts))

    @property
    def yuan(self) -> Decimal:
        return Decimal(self.fen).scaleb(-2)

    def __add__(self, other: Money) -> Money:
        return Money(self.fen + other.fen)

    def __sub__(self, other: Money) -> Money:
        return Money(self.fen - other.fen)

    def __neg__(self) -> Money:
        return Money(-self.fen)

    def __str__(self) -> str:
        return f"{self.yuan:,.2f}"
