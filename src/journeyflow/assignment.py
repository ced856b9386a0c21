"""Which variant of an experiment a customer gets: computed from names alone, so nothing has to be kept.

The same customer gets the same variant in every store, version and run, and the variants of two
experiments are independent of each other.
"""

import hashlib
from collections.abc import Iterable

SLOTS = 10_000  # shares are whole hundredths of a percent


def slot(experiment: str, customer: str) -> int:
    """0 to SLOTS - 1, uniform over customers. `customer` is the id that the user gave."""
    # The length keeps ("ab", "c") and ("a", "bc") apart.
    text = f"{len(experiment)}:{experiment}:{customer}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % SLOTS


def assigned(experiment: str, customer: str, shares: Iterable[int]) -> int:
    """The number of the share, in their order, that the customer falls into; they add up to SLOTS."""
    left = slot(experiment, customer)
    for number, share in enumerate(shares):
        if left < share:
            return number
        left -= share
    raise ValueError(f"the shares of {experiment} do not add up to {SLOTS}")
