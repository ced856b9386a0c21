"""Whether customers came into the arms in the shares that were meant; if not, somebody was lost on the way.

The test may be looked at every day: it is the Bayes factor of a multinomial with Dirichlet prior against the
shares meant, which exceeds 1/alpha at any time with a probability of alpha at most. M. Lindon, A. Malek,
"Anytime-valid inference for multinomial count data" (NeurIPS 2022).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

ALPHA = 0.001  # a mismatch is a fault of ours, so it has to be beyond doubt before it stops a verdict
_CONCENTRATION = 1_000.0  # of the prior around the shares meant: the mismatches that matter are small


def evidence(counts: Sequence[int], shares: Sequence[float]) -> float:
    """The natural logarithm of the Bayes factor against the shares, which need not add up to one."""
    total, whole = sum(counts), sum(shares)
    prior = [_CONCENTRATION * share / whole for share in shares]
    weight = math.lgamma(_CONCENTRATION) - math.lgamma(_CONCENTRATION + total)
    for count, share, start in zip(counts, shares, prior, strict=True):
        if not share:
            if count:
                return math.inf
            continue
        weight += math.lgamma(start + count) - math.lgamma(start) - count * math.log(share / whole)
    return weight


def is_off(counts: Sequence[int], shares: Sequence[float], alpha: float = ALPHA) -> bool:
    return evidence(counts, shares) > -math.log(alpha)


@dataclass(frozen=True, slots=True)
class Missing:
    place: int  # of the share
    expected: float


def missing(counts: Sequence[int], shares: Sequence[float]) -> Missing:
    """Of the arms the one that is shortest of what it should have, in standard errors."""
    total, whole = sum(counts), sum(shares)
    expected = [total * share / whole for share in shares]
    short = [
        (count - wanted) / math.sqrt(wanted) if wanted else math.inf
        for count, wanted in zip(counts, expected, strict=True)
    ]
    place = short.index(min(short))
    return Missing(place, expected[place])
