"""The difference between two arms, with intervals: one that may be looked at once, one that may be looked at
every day.

The first is the usual large-sample interval (Welch). It holds for one look whose moment was fixed beforehand;
looked at daily, it lets chance win in a quarter of all tests in two months.

The second is an asymptotic confidence sequence: with probability 1 - alpha it covers the true difference at
every look at once, so a test may be ended whenever it excludes zero. It is the normal mixture of Robbins
(1970) with estimated variances: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform
central limit theory and asymptotic confidence sequences" (Annals of Statistics 52, 2024), theorem 2.2.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from journeyflow.inference.samples import Sample

_NORMAL = NormalDist()
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
    absolute, error = arm.mean - control.mean, math.hypot(arm.error, control.error)
    times = radius(arm.count + control.count) if arm.count and control.count else math.inf
    interval = _around(absolute, error, times)
    if control.mean == 0:
        return Difference(absolute, interval, None, None)
    relative = absolute / abs(control.mean)
    return Difference(absolute, interval, relative, _ratio(arm, control, times))


def needed(arm: Sample, control: Sample, radius: Radius) -> int | None:
    """About how many customers in both arms exclude zero, if the arms go on so; None: more than 10**9.

    That the difference is what it looks like now is a guess, which early in a test is often too good.
    """
    count = arm.count + control.count
    variance = (arm.error**2 + control.error**2) * count
    distance = abs(arm.mean - control.mean)
    if not distance or not math.isfinite(variance):
        return None

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
    return many


def _tuned(alpha: float, tuned_for: int) -> float:
    """The mixture's parameter with which the sequence is narrowest there (section 3.5 of the same paper)."""
    surprise = -2 * math.log(alpha)
    return math.sqrt((surprise + math.log(surprise + 1)) / tuned_for)


def _around(middle: float, error: float, times: float) -> Interval:
    reach = error * times if error else 0.0
    return Interval(middle - reach, middle + reach)


def _ratio(arm: Sample, control: Sample, times: float) -> Interval | None:
    """Of the arm's mean to the control's, less one. E. C. Fieller (JRSS B 16, 1954): those ratios r for which
    nothing speaks against `arm - r * control` being zero, so it holds at every look if the radius does."""
    reach, spread = (times * arm.error) ** 2, (times * control.error) ** 2
    known = control.mean**2 - spread
    if not known > 0 or not math.isfinite(reach):
        return None
    middle = arm.mean * control.mean / known
    half = math.sqrt(max(0.0, middle**2 - (arm.mean**2 - reach) / known))
    low, high = middle - half - 1, middle + half - 1
    return Interval(low, high) if control.mean > 0 else Interval(-high, -low)
