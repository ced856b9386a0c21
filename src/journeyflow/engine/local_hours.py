"""The hour of a customer's own day at which something happened, in SQL and right through daylight saving.

Databases do not all know timezones, so the statement is told how far each zone in question was from UTC, and
when that changed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Integer, case, literal

from journeyflow.engine.local_time import zone
from journeyflow.store.spans import second_of_day

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_DAY_SECONDS = 86_400

Offsets = tuple[tuple[datetime, int], ...]  # (up to when, seconds ahead of UTC), the last one for ever


def local_hour(
    at: ColumnElement[Any],
    timezone: ColumnElement[Any],
    zones: Collection[str],
    default: ZoneInfo,
    span: tuple[datetime, datetime],
) -> ColumnElement[int]:
    """0 to 23. `zones`: all that `timezone` may be, as far as it is known; any other counts as `default`.

    `span`: where `at` lies.
    """
    alike: dict[Offsets, list[str]] = defaultdict(list)
    for name in sorted(set(zones)):
        if (tz := zone(name)) is not None:
            alike[_offsets(tz, *span)].append(name)
    usual = _offset(at, _offsets(default, *span))
    cases = [(timezone.in_(names), _offset(at, offsets)) for offsets, names in alike.items()]
    ahead = case(*cases, else_=usual) if cases else usual
    # A day is added, since what is below zero has another remainder in SQL than here.
    return (second_of_day(at) + ahead + _DAY_SECONDS) % _DAY_SECONDS // 3_600


def _offset(at: ColumnElement[Any], offsets: Offsets) -> ColumnElement[int]:
    *changes, (_, last) = offsets
    before = [(at < until, literal(ahead, Integer)) for until, ahead in changes]
    return case(*before, else_=literal(last, Integer)) if before else literal(last, Integer)


def _offsets(tz: ZoneInfo, begin: datetime, end: datetime) -> Offsets:
    return (*_changes(tz, begin, end), (end, _ahead(tz, end)))


def _changes(tz: ZoneInfo, begin: datetime, end: datetime) -> Iterator[tuple[datetime, int]]:
    while begin < end:
        next_day = min(begin + _DAY, end)
        if _ahead(tz, begin) != _ahead(tz, next_day):
            yield _change(tz, begin, next_day), _ahead(tz, begin)
        begin = next_day


def _change(tz: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second at which it is what it is at `after`."""
    old = _ahead(tz, before)
    while after - before > _SECOND:
        middle = before + (after - before) / 2
        if _ahead(tz, middle) == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _ahead(tz: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(tz).utcoffset()
    assert offset is not None  # every ZoneInfo knows it
    return int(offset.total_seconds())
