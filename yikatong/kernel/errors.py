"""The three ways in which the house says no. Anything else is a bug and crashes loudly.

`Refused` and `IllegalStep` carry a Chinese sentence for the person at the desk: what, where,
what to do. `TryAgain` speaks to the queue only.
"""


class Refused(Exception):
    """The request is understood and not allowed. `str(error)` is shown to the person."""


class IllegalStep(Refused):
    """The step does not start from here, or is not this person's to take."""


class TryAgain(Exception):
    """An answer from elsewhere is still missing; the queue asks again later."""
