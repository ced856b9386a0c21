"""How many customers a test of a rate needs, said before it begins."""

from dataclasses import dataclass
from math import ceil
from statistics import NormalDist

from journeyflow.errors import JourneyflowError
from journeyflow.inference.differences import at_every_look, needed
from journeyflow.inference.samples import Sample


@dataclass(frozen=True, slots=True)
class Wish:
    baseline: float  # the rate of the first variant, between 0 and 1
    lift: float  # that has to be found, in parts of it; may be negative
    power: float = 0.8  # how likely it is found if it is there
    alpha: float = 0.05  # how likely one is found that is not there

    @property
    def other(self) -> float:
        """The rate of the other variant."""
        return self.baseline * (1 + self.lift)


@dataclass(frozen=True, slots=True)
class Size:
    """Customers in each of two variants."""

    fixed: int
    usual: int | None  # a sequential test has ended by then in half of all cases; None: more than 10**9
    latest: int | None  # ... with the power wished for, or more


def size(wish: Wish) -> Size:
    """The fixed one is statsmodels' (the difference of two proportions, by Cohen's h).

    Raises JourneyflowError where that is not installed, or one of the rates is none.
    """
    if not (0 < wish.baseline < 1 and 0 < wish.other < 1):
        raise JourneyflowError(
            f"a baseline of {wish.baseline:.2%} and a lift of {wish.lift:+.2%} make a rate of "
            f"{wish.other:.2%}; both rates have to lie between 0% and 100%"
        )
    if wish.lift == 0:
        raise JourneyflowError(
            "a lift of 0% is no difference; give the smallest one that would matter to you"
        )
    radius, extra = at_every_look(wish.alpha), NormalDist().inv_cdf(wish.power)
    one, other = _sample(wish.other), _sample(wish.baseline)
    usual = needed(one, other, radius)
    latest = needed(one, other, lambda count: radius(count) + extra)
    return Size(_fixed(wish), _each(usual), _each(latest))


def _fixed(wish: Wish) -> int:
    try:
        # Not at the top: it is an extra, and takes a second to import.
        from statsmodels.stats.power import NormalIndPower  # type: ignore[import-untyped]
        from statsmodels.stats.proportion import proportion_effectsize  # type: ignore[import-untyped]
    except ImportError:
        raise JourneyflowError(
            "sizes are computed with statsmodels, which is not installed; "
            'run: pip install "journeyflow[results]"'
        ) from None
    effect = proportion_effectsize(wish.other, wish.baseline)
    return ceil(float(NormalIndPower().solve_power(effect, alpha=wish.alpha, power=wish.power)))


def _sample(rate: float) -> Sample:
    """Of any size: only how much one customer varies is used."""
    return Sample(1_000, rate, rate * (1 - rate))


def _each(both: int | None) -> int | None:
    return None if both is None else ceil(both / 2)
