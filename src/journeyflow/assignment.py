"""Which variant of an experiment a customer gets: computed from names alone, so nothing has to be kept.

The same customer gets the same variant in every store, version and run, and the variants of two
experiments are independent of each other.
"""

from bisect import bisect
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import accumulate

SLOTS = 10_000  # shares are whole hundredths of a percent


def slot(experiment: str, customer: str) -> int:
    """0 to SLOTS - 1, uniform over customers. `customer` is the id that the user gave."""
    return slots(experiment, [customer])[0]


def slots(experiment: str, customers: Iterable[str]) -> list[int]:
    """In the order of the customers."""
    # The length keeps ("ab", "c") and ("a", "bc") apart.
    prefix, number = f"{len(experiment)}:{experiment}:".encode(), int.from_bytes
    return [number(sha256(prefix + one.encode()).digest()[:8], "big") % SLOTS for one in customers]


def assigned(experiment: str, customer: str, shares: Sequence[int]) -> int:
    """The number of the share, in their order, that the customer falls into; they add up to SLOTS."""
    return assigned_each(experiment, [customer], shares)[0]


def assigned_each(experiment: str, customers: Iterable[str], shares: Sequence[int]) -> list[int]:
    """In the order of the customers."""
    ends = list(accumulate(shares))
    if not ends or ends[-1] != SLOTS:
        raise ValueError(f"the shares of {experiment} do not add up to {SLOTS}")
    return [bisect(ends, one) for one in slots(experiment, customers)]


def salt(experiment: str, generation: int) -> str:
    """What stands for the experiment in `slot`: started anew, it draws anew. No name has a "#"."""
    return experiment if generation == 1 else f"{experiment}#{generation}"


def is_held_out(customer: str, holdout: int) -> bool:
    """Whether the customer is of the `holdout` hundredths of a percent that the programme leaves alone."""
    return held_out([customer], holdout)[0]


def held_out(customers: Sequence[str], holdout: int) -> list[bool]:
    """`is_held_out` of each, in their order."""
    if not holdout:
        return [False] * len(customers)
    return [one < holdout for one in slots(_PROGRAMME, customers)]


_PROGRAMME = "#programme"  # no experiment's name, from which it has to be independent
