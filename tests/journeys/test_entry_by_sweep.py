"""Coming in without an event: by a date, by joining a segment, on a schedule."""

from datetime import UTC, datetime

import pytest

from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.moving import YEAR, skip_to
from tests.journeys.reading import local, states, templates
from tests.journeys.writing import POLICY


def by_date(attribute: str = "birthday", more: str = "yearly: true", again: str = "always") -> str:
    return f"""
    journey: birthday
    enter: {{date: {{attribute: {attribute}, at: "09:00", {more}}}, when: {{consent: email}}, again: {again}}}
    steps:
      - send: {{email: birthday}}
    """


async def reader(trip: Trip, key: str, **values: object) -> None:
    await trip.customer(key, email=f"{key}@example.com", consents={"email": "granted"}, **values)


async def entered_on(trip: Trip, key: str) -> list[str]:
    return [f"{row.entered_at:%m-%d %H:%M}" for row in await trip.enrollments(key)]


async def sweep_hourly(trip: Trip, first: datetime, hours: int) -> None:
    await skip_to(trip, first)
    for _ in range(hours):
        await trip.sweep()
        await trip.skip(hours=1)


@on_both_stores
async def test_a_birthday_comes_at_nine_where_the_customer_lives(trip: Trip, apply: Apply) -> None:
    await apply(by_date())
    await reader(trip, "ann", birthday="1980-05-07", timezone="America/New_York")
    await reader(trip, "ben", birthday="1990-05-07", timezone="Asia/Tokyo")
    await reader(trip, "eve", birthday="1990-05-07")
    await reader(trip, "other", birthday="1980-05-08")
    await reader(trip, "vague", birthday="in spring")
    await trip.customer("mute", email="mute@example.com", birthday="1980-05-07")
    await sweep_hourly(trip, datetime(YEAR, 5, 6, 22, tzinfo=UTC), hours=26)
    assert await entered_on(trip, "ann") == ["05-07 13:00"]
    assert await entered_on(trip, "ben") == ["05-07 00:00"]
    assert await entered_on(trip, "eve") == ["05-07 09:00"]
    for key in ("other", "vague", "mute"):
        assert await trip.enrollments(key) == []
    await sweep_hourly(trip, datetime(YEAR + 1, 5, 7, 9, tzinfo=UTC), hours=2)
    assert await templates(trip, "eve") == ["birthday", "birthday"]


@pytest.mark.parametrize(
    ("offset", "day", "year"),
    [("-7 days", (12, 28), YEAR), ("2 days", (1, 6), YEAR + 1), ("0 days", (1, 4), YEAR + 1)],
)
async def test_an_offset_may_lead_into_another_year(
    trip: Trip, apply: Apply, offset: str, day: tuple[int, int], year: int
) -> None:
    await apply(by_date(more=f"yearly: true, offset: {offset}"))
    await reader(trip, "ann", birthday="1980-01-04")
    month, number = day
    await sweep_hourly(trip, datetime(year, month, number, 8, tzinfo=UTC), hours=3)
    assert await entered_on(trip, "ann") == [f"{month:02}-{number:02} 09:00"]


@pytest.mark.parametrize(
    ("leap_day", "year", "day"),
    [
        ("feb-28", 2031, "02-28"),
        ("mar-01", 2031, "03-01"),
        ("feb-28", 2032, "02-29"),
        ("mar-01", 2032, "02-29"),
    ],
)
async def test_who_is_born_on_a_leap_day_has_one_birthday_a_year(
    trip: Trip, apply: Apply, leap_day: str, year: int, day: str
) -> None:
    await apply(by_date(more=f"yearly: true, leap_day: {leap_day}"))
    await reader(trip, "ann", birthday="1980-02-29")
    await skip_to(trip, datetime(year, 2, 27, 9, tzinfo=UTC))
    for _ in range(5):
        await trip.sweep()
        await trip.skip(days=1)
    assert [row[:5] for row in await entered_on(trip, "ann")] == [day]


async def test_a_date_that_is_not_yearly_comes_once(trip: Trip, apply: Apply) -> None:
    await apply(by_date("renewal", more="offset: -7 days"))
    await reader(trip, "ann", renewal=f"{YEAR}-09-20T12:00:00Z")
    await reader(trip, "old", renewal=f"{YEAR - 1}-09-20")
    for year in (YEAR, YEAR + 1):
        await sweep_hourly(trip, datetime(year, 9, 13, 8, tzinfo=UTC), hours=3)
    assert await entered_on(trip, "ann") == ["09-13 09:00"]
    assert await trip.enrollments("old") == []


async def test_a_sweep_that_is_late_still_enters_and_one_that_is_too_late_does_not(
    trip: Trip, apply: Apply
) -> None:
    await apply(by_date())
    await reader(trip, "ann", birthday="1980-05-07")
    await reader(trip, "ben", birthday="1980-05-09")
    await skip_to(trip, datetime(YEAR, 5, 7, 20, 30, tzinfo=UTC))
    assert await trip.sweep() == 1
    await skip_to(trip, datetime(YEAR, 5, 9, 21, 30, tzinfo=UTC))
    assert await trip.sweep() == 0


SEGMENTS = """
    big-spenders: {attribute: spent, at_least: 100}
"""


def by_segment(again: str) -> str:
    return f"""
    journey: spenders
    enter: {{segment: big-spenders, again: {again}}}
    steps:
      - wait: 1 day
      - send: {{email: hello}}
    """


@on_both_stores
async def test_joining_a_segment_enters_and_staying_does_not_enter_again(trip: Trip, apply: Apply) -> None:
    await apply(by_segment("always"), segments=SEGMENTS)
    await reader(trip, "ann", spent=50)
    assert await trip.sweep() == 0
    await trip.customer("ann", spent=150)
    assert await trip.sweep() == 1
    await trip.skip(days=2)
    assert await trip.sweep() == 0
    assert await templates(trip, "ann") == ["hello"]


@pytest.mark.parametrize(
    ("again", "times"), [("never", 1), ("always", 2), ("after 30 days", 1), ("after 5 days", 2)]
)
async def test_leaving_a_segment_and_joining_it_again(
    trip: Trip, apply: Apply, again: str, times: int
) -> None:
    await apply(by_segment(again), segments=SEGMENTS)
    await reader(trip, "ann", spent=150)
    await trip.sweep()
    for spent in (10, 150):
        await trip.skip(days=5)
        await trip.customer("ann", spent=spent)
        await trip.sweep()
    await trip.skip(days=2)
    assert await templates(trip, "ann") == ["hello"] * times


async def test_who_joined_unwilling_and_has_left_does_not_enter_any_more(trip: Trip, apply: Apply) -> None:
    willing = by_segment("always").replace("again:", "when: {consent: email}, again:")
    await apply(willing, segments=SEGMENTS)
    for key in ("ann", "ben"):
        await trip.customer(key, {"email": "denied"}, email=f"{key}@example.com", spent=150)
    assert await trip.sweep() == 0
    await trip.customer("ann", spent=10)
    assert await trip.sweep() == 0
    await trip.skip(minutes=1)  # what was said later counts
    for key in ("ann", "ben"):
        await trip.customer(key, {"email": "granted"})
    assert await trip.sweep() == 1, "the one who is still in the segment"
    assert await trip.enrollments("ann") == []


MONDAYS = """
    journey: mondays
    enter: {schedule: "0 9 * * mon", when: {segment: big-spenders}}
    steps:
      - send: {email: hello}
"""


@on_both_stores
async def test_a_schedule_comes_in_the_programmes_zone_and_asks_when_each_time(
    trip: Trip, apply: Apply
) -> None:
    zone = "America/New_York"
    await skip_to(trip, datetime(YEAR, 5, 9, tzinfo=UTC))  # a Friday
    await apply(MONDAYS, segments=SEGMENTS, policy=POLICY.replace("timezone: UTC", f"timezone: {zone}"))
    await reader(trip, "ann", spent=150, timezone="Asia/Tokyo")
    await reader(trip, "ben", spent=10)
    await sweep_hourly(trip, datetime(YEAR, 5, 12, 12, 30, tzinfo=UTC), hours=3)
    assert [local(row.entered_at, zone) for row in await trip.enrollments("ann")] == ["Mon 09:30"]
    assert await trip.enrollments("ben") == []
    await trip.customer("ben", spent=150)
    await sweep_hourly(trip, datetime(YEAR, 5, 19, 12, 30, tzinfo=UTC), hours=3)
    assert await states(trip, "ann") == [("finished", None)] * 2
    assert await states(trip, "ben") == [("finished", None)]


async def test_a_schedule_does_not_reach_back_before_the_journey_was_applied(
    trip: Trip, apply: Apply
) -> None:
    await skip_to(trip, datetime(YEAR, 5, 12, 9, 5, tzinfo=UTC))  # Monday, five past nine
    await apply(MONDAYS, segments=SEGMENTS)
    await reader(trip, "ann", spent=150)
    assert await trip.sweep() == 0
