"""How likely each arm is the best, as of what has been seen; and the shares that a bandit gives by it.

The means are taken for normal around what was measured (a flat prior and many customers). The chance that an
arm is the best is then an integral over one variable, which is computed instead of drawn, so the same numbers
always give the same shares. Giving each arm a share of newcomers equal to that chance is Thompson sampling in
batches (W. R. Thompson, Biometrika 25, 1933; O. Chapelle and L. Li, NIPS 2011, on delayed feedback).
"""

from collections.abc import Sequence
from statistics import NormalDist

from journeyflow.inference.samples import Sample

_STEPS = 400  # of the integral
_REACH = 8.0  # standard errors to each side


def chances(samples: Sequence[Sample], better: int = 1) -> list[float]:
    """`better` is 1 where more is better, -1 where less is.

    All alike as long as an arm has nobody, or nothing varies.
    """
    if len(samples) < 2:
        return [1.0] * len(samples)
    if any(sample.count < 2 for sample in samples) or not any(sample.variance for sample in samples):
        return [1 / len(samples)] * len(samples)
    least = min(sample.error for sample in samples if sample.error) / 1_000
    beliefs = [NormalDist(better * sample.mean, max(sample.error, least)) for sample in samples]
    found = [_chance(number, beliefs) for number in range(len(beliefs))]
    return [one / sum(found) for one in found]


def bandit_shares(samples: Sequence[Sample], floor: float, better: int = 1) -> list[float]:
    """Each arm's chance to be the best, but none below `floor`; they add up to one."""
    if floor * len(samples) > 1:
        raise ValueError("the floors add up to more than everybody")
    rest = 1 - floor * len(samples)
    return [floor + rest * chance for chance in chances(samples, better)]


def _chance(number: int, beliefs: Sequence[NormalDist]) -> float:
    mine, others = beliefs[number], [one for place, one in enumerate(beliefs) if place != number]
    begin, width = mine.mean - _REACH * mine.stdev, 2 * _REACH * mine.stdev / _STEPS
    total = 0.0
    for step in range(_STEPS):
        at = begin + (step + 0.5) * width
        product = mine.pdf(at)
        for other in others:
            product *= other.cdf(at)
        total += product * width
    return total
