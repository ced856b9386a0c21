"""Cron expressions as Temporal's calendars, so that what was made can be compared with what is there.

Temporal reads cron strings otherwise than we do (day of month and weekday must both fit), and gives them
back in another form.
"""

from collections.abc import Iterable
from datetime import datetime

from cronsim import CronSim
from temporalio.client import ScheduleCalendarSpec, ScheduleRange

QUARTER = 15  # minutes; all zones are whole quarters of an hour from UTC
_ALL_DAYS = (ScheduleRange(1, 31),)
_ALL_WEEKDAYS = (ScheduleRange(0, 6),)
_SOME_TIME = datetime(2024, 1, 1)  # noqa: DTZ001 - only the expression is asked for


def calendars(cron: str) -> list[ScheduleCalendarSpec]:
    """All its times; more of them where Temporal cannot say it, as with "the last Friday".

    Coming too often does no harm: a sweep looks itself what is due.
    """
    read = CronSim(cron, _SOME_TIME)
    days = _ranges(read.days) or _ALL_DAYS
    weekdays = _ranges(day if isinstance(day, tuple) else day % 7 for day in read.weekdays) or _ALL_WEEKDAYS
    pairs = [(days, weekdays)] if read.day_and else [(days, _ALL_WEEKDAYS), (_ALL_DAYS, weekdays)]
    return [
        ScheduleCalendarSpec(
            minute=_ranges(read.minutes),
            hour=_ranges(read.hours),
            day_of_month=on,
            month=_ranges(read.months),
            day_of_week=named,
        )
        for on, named in pairs
    ]


def everywhere(at: str) -> list[ScheduleCalendarSpec]:
    """The moments at which it may be `at` o'clock in some zone of the world."""
    first = int(at.partition(":")[2]) % QUARTER
    return [ScheduleCalendarSpec(minute=(ScheduleRange(first, 59, QUARTER),), hour=(ScheduleRange(0, 23),))]


def _ranges(values: Iterable[int | tuple[int, int]]) -> tuple[ScheduleRange, ...]:
    """Neighbours as one; none at all if some value is no plain number (negative: counted from the end)."""
    found: list[ScheduleRange] = []
    chosen = list(values)
    plain = sorted({value for value in chosen if isinstance(value, int) and value >= 0})
    if not all(value in plain for value in chosen):
        return ()
    for value in plain:
        if found and value == found[-1].end + 1:
            found[-1] = ScheduleRange(found[-1].start, value)
        else:
            found.append(ScheduleRange(value))
    return tuple(found)
