"""The only maker of machine actors; jobs call it, and nobody else (a house test looks)."""

from __future__ import annotations

from yikatong.kernel.actor import DUTY_WORD, Actor, Duty, Scope

MACHINES = frozenset({Duty.SYSTEM, Duty.BANK_MESSAGE, Duty.TREASURY, Duty.CLOCK})


def machine(county: str, duty: Duty = Duty.SYSTEM) -> Actor:
    """The worker in one county: sees all of it, signs as the machine it speaks for."""
    if duty not in MACHINES:
        raise ValueError(f"{duty} is a person's duty")
    return Actor(0, "", DUTY_WORD[duty], duty, Scope(county), via="job")
