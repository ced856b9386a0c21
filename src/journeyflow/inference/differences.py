"""The difference between two arms, with intervals: one that may be looked at once, one that may be looked at
every day.

The first is the usual large-sample interval (Welch). It holds for one look whose moment was fixed beforehand;
looked at daily, it lets chance win in a quarter of all tests in two months.

The second is an asymptotic confidence sequence: with probability 1 - alpha it covers the true difference at
every look at once, so a test may be ended whenever it excludes zero. It is the normal mixture of Robbins
(1970) with estimated variances: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform
central limit theory and asymptotic confidence sequences" (Annals of Statistics 52, 2024), theorem 2.2.

Both are for many outcomes. A small arm in which nobody has converted so far varies by nothing, which is no
knowledge. So the error is never taken for less than if both arms were alike, with one variance for both; and
nothing is said as long as so few have converted that the smaller arm could not have `ENOUGH` of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from journeyflow.inference.samples import Sample, pooled_variance

_NORMAL = NormalDist()
ENOUGH = 10  # customers who converted are to be expected in each arm, if the arms are alike
TUNED_FOR = 5_000  # customers in both arms for whom the sequence is narrowest, if nobody says otherwise


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Difference:
    """What the arm brings more than the control; `relative` is in parts of the control's mean."""

    absolute: float
    interval: Interval
    relative: float | None  # None: the control has brought nothing
    relative_interval: Interval | None  # None: the control's mean may be nothing as well


Radius = Callable[[int], float]  # of an interval, in standard errors, for so many customers in both arms


def once(alpha: float) -> Radius:
    """For a single look, at a moment that was fixed before the test began."""
    return lambda _count: _NORMAL.inv_cdf(1 - alpha / 2)


def at_every_look(alpha: float, tuned_for: int = TUNED_FOR) -> Radius:
    """For as many looks as one likes."""
    rho = _tuned(alpha, tuned_for)

    def radius(count: int) -> float:
        scale = count * rho * rho
        return math.sqrt(2 * (scale + 1) / scale * math.log(math.sqrt(scale + 1) / alpha))

    return radius


def difference(arm: Sample, control: Sample, radius: Radius) -> Difference:
    absolute, errors = arm.mean - control.mean, _errors(arm, control)
    times = radius(arm.count + control.count) if _is_enough(arm, control) else math.inf
    interval = _around(absolute, math.hypot(*errors), times)
    if control.mean == 0:
        return Difference(absolute, interval, None, None)
    relative = absolute / abs(control.mean)
    return Difference(
        absolute, interval, relative, _ratio(arm.mean, control.mean, times * errors[0], times * errors[1])
    )


def needed(arm: Sample, control: Sample, radius: Radius) -> int | None:
    """About how many customers in both arms exclude zero, if the arms go on so; None: more than 10**9.

    That the difference is what it looks like now is a guess, which early in a test is often too good.
    """
    count = arm.count + control.count
    variance = math.hypot(*_errors(arm, control)) ** 2 * count
    distance = abs(arm.mean - control.mean)
    if not distance or not math.isfinite(variance):
        return None
    least = max(2, math.ceil(count * ENOUGH / _expected(arm, control)))

    def excludes(many: int) -> bool:
        return radius(many) * math.sqrt(variance / many) < distance

    many = 2
    while not excludes(many):
        many *= 2
        if many > 10**9:
            return None
    low = many // 2
    while many - low > 1:
        middle = (low + many) // 2
        low, many = (low, middle) if excludes(middle) else (middle, many)
    return max(many, least)


def _tuned(alpha: float, tuned_for: int) -> float:
    """The mixture's parameter with which the sequence is narrowest there (section 3.5 of the same paper)."""
    surprise = -2 * math.log(alpha)
    return math.sqrt((surprise + math.log(surprise + 1)) / tuned_for)


def _errors(arm: Sample, control: Sample) -> tuple[float, float]:
    """Of both means: their own, or as if both arms were alike, whichever is more."""
    own = (arm.error, control.error)
    if not math.isfinite(math.hypot(*own)):
        return own
    variance = pooled_variance(arm, control)
    alike = (math.sqrt(variance / arm.count), math.sqrt(variance / control.count))
    return max(own, alike, key=lambda errors: math.hypot(*errors))


def _is_enough(arm: Sample, control: Sample) -> bool:
    return min(arm.count, control.count) > 1 and _expected(arm, control) >= ENOUGH


def _expected(arm: Sample, control: Sample) -> float:
    """How many have converted in the smaller arm, if the arms are alike."""
    if arm.hits is None or control.hits is None:
        return math.inf
    return (arm.hits + control.hits) * min(arm.count, control.count) / (arm.count + control.count)


def _around(middle: float, error: float, times: float) -> Interval:
    reach = error * times if times < math.inf else math.inf
    return Interval(middle - reach, middle + reach)


def _ratio(arm: float, control: float, reach: float, spread: float) -> Interval | None:
    """Of the arm's mean to the control's, less one. E. C. Fieller (JRSS B 16, 1954): those ratios r for which
    nothing speaks against `arm - r * control` being zero, so it holds at every look if the radius does."""
    known = control**2 - spread**2
    if not known > 0 or not math.isfinite(reach):
        return None
    middle = arm * control / known
    half = math.sqrt(max(0.0, middle**2 - (arm**2 - reach**2) / known))
    low, high = middle - half - 1, middle + half - 1
    return Interval(low, high) if control > 0 else Interval(-high, -low)
