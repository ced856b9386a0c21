"""Temporal's calendars come whenever the cron expression does, and not much more often."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cronsim import CronSim
from temporalio.client import ScheduleCalendarSpec, ScheduleRange

from journeyflow.schedules.calendars import calendars, everywhere

BEGIN = datetime(2031, 1, 1, tzinfo=UTC)
DAYS = 120
PLAIN = [
    "0 9 * * mon",
    "*/20 8-10 * * *",
    "30 3 1,15 * *",
    "0 12 13 * fri",  # on each 13th and on each Friday, as cron has always had it
    "0 12 */2 * 1-5",
    "5 0 * 2-3 7",
]
BEYOND = ["0 9 L * *", "0 9 LW * *", "0 9 * * fri#2", "0 9 * * 5L"]  # Temporal cannot say these


@pytest.mark.parametrize("cron", PLAIN)
def test_what_temporal_can_say_comes_exactly_then(cron: str) -> None:
    assert _coming(calendars(cron)) == _expected(cron)


@pytest.mark.parametrize("cron", BEYOND)
def test_what_it_cannot_say_comes_more_often_but_at_no_other_hour(cron: str) -> None:
    coming = _coming(calendars(cron))
    assert _expected(cron) < coming
    assert {(at.hour, at.minute) for at in coming} == {(9, 0)}


@pytest.mark.parametrize(("at", "minutes"), [("09:00", {0, 15, 30, 45}), ("23:50", {5, 20, 35, 50})])
def test_an_hour_of_the_day_comes_somewhere_four_times_an_hour(at: str, minutes: set[int]) -> None:
    coming = _coming(everywhere(at))
    assert {moment.minute for moment in coming} == minutes
    assert len(coming) == DAYS * 24 * 4


def _expected(cron: str) -> set[datetime]:
    found = set()
    for at in CronSim(cron, BEGIN - timedelta(minutes=1)):
        if at >= BEGIN + timedelta(days=DAYS):
            break
        found.add(at)
    return found


def _coming(specs: Sequence[ScheduleCalendarSpec]) -> set[datetime]:
    return {at for spec in specs for at in _of(spec)}


def _of(spec: ScheduleCalendarSpec) -> list[datetime]:
    days = [BEGIN + timedelta(days=number) for number in range(DAYS)]
    chosen = [
        day
        for day in days
        if _has(spec.month, day.month)
        and _has(spec.day_of_month, day.day)
        and _has(spec.day_of_week, day.isoweekday() % 7)
    ]
    times = [(hour, minute) for hour in range(24) for minute in range(60)]
    fitting = [(h, m) for h, m in times if _has(spec.hour, h) and _has(spec.minute, m)]
    return [day.replace(hour=hour, minute=minute) for day in chosen for hour, minute in fitting]


def _has(ranges: Sequence[ScheduleRange], value: int) -> bool:
    return any(value in range(one.start, one.end + 1, one.step) for one in ranges)
