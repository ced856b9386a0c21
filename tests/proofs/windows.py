"""How full the windows of a cap were, from what left and when; written without the gate's own code.

A message left at some moment between two, so each is counted wherever it may have been.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from journeyflow.policy import Cap


@dataclass(frozen=True, slots=True)
class Left:
    message: int
    customer: int
    channel: str
    category: str
    topic: str
    journey: str
    earliest: datetime
    latest: datetime


def fullest(cap: Cap, left: Iterable[Left], tz: ZoneInfo) -> int:
    """The most messages of one customer that any window of the cap may have seen."""
    theirs = [one for one in left if concerns(cap, one)]
    return (
        _rolling(theirs, timedelta(seconds=cap.per))
        if isinstance(cap.per, int)
        else _calendar(theirs, cap.per, tz)
    )


def concerns(cap: Cap, one: Left) -> bool:
    """But for the country, which is a matter of the customer."""
    scope = [(cap.channel, one.channel), (cap.category, one.category), (cap.topic, one.topic)]
    return all(wanted in (None, has) for wanted, has in [*scope, (cap.journey, one.journey)])


def _rolling(left: Sequence[Left], length: timedelta) -> int:
    """Among the windows that begin as some message leaves at its latest is a fullest one."""
    return max(
        (
            sum(one.latest >= first.latest and one.earliest < first.latest + length for one in left)
            for first in left
        ),
        default=0,
    )


def _calendar(left: Iterable[Left], period: str, tz: ZoneInfo) -> int:
    periods: Counter[str] = Counter()
    for one in left:
        periods.update({_name(moment.astimezone(tz), period) for moment in (one.earliest, one.latest)})
    return max(periods.values(), default=0)


def _name(local: datetime, period: str) -> str:
    return local.strftime({"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}[period])
