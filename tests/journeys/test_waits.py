"""Waits for a duration, and until a local time."""

from datetime import UTC, date, datetime, timedelta

import pytest

from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply
from tests.journeys.moving import skip_to, sunday_of
from tests.journeys.reading import local, states, templates, wake_at

DURATION = """
    journey: waits
    enter: {event: began}
    steps:
      - wait: 90 minutes
      - send: {email: first}
      - wait: 2 days
      - send: {email: second}
"""
MONDAY_EVENING = """
    journey: evening
    enter: {event: began}
    steps:
      - wait: {until: "20:00", days: [mon]}
      - send: {email: hello}
"""
HALF_PAST_TWO = """
    journey: night
    enter: {event: began, again: always}
    steps:
      - wait: {until: "02:30"}
      - send: {email: hello}
"""


async def reader(trip: Trip, key: str, **values: str) -> None:
    await trip.customer(key, email=f"{key}@example.com", consents={"email": "granted"}, **values)


async def test_a_duration_begins_where_the_last_one_ended(trip: Trip, apply: Apply) -> None:
    await apply(DURATION)
    await reader(trip, "ann")
    await trip.event("ann", "began")
    entered = (await trip.enrollments("ann"))[0].entered_at
    assert await wake_at(trip, "ann") == entered + timedelta(minutes=90)
    await trip.skip(minutes=89)
    assert await templates(trip, "ann") == []
    await trip.skip(minutes=1)
    assert await templates(trip, "ann") == ["first"]
    [first] = await trip.messages("ann")
    assert await wake_at(trip, "ann") == first.at + timedelta(days=2)
    await trip.skip(days=2)
    assert await templates(trip, "ann") == ["first", "second"]
    assert await states(trip, "ann") == [("finished", None)]


async def test_a_time_of_day_is_the_customers_own(trip: Trip, apply: Apply) -> None:
    await apply(MONDAY_EVENING)
    zones = {"ann": "America/New_York", "ben": "Europe/Stockholm", "eve": "Asia/Kolkata"}
    for key, zone in zones.items():
        await reader(trip, key, timezone=zone)
    await reader(trip, "nowhere")
    now = await trip.now()
    await trip.events((key, "began", now, {}) for key in [*zones, "nowhere"])
    for key, zone in zones.items():
        assert local(await wake_at(trip, key), zone) == "Mon 20:00"
    assert local(await wake_at(trip, "nowhere"), "UTC") == "Mon 20:00", "the programme's default zone"
    await trip.skip(days=8)
    for key, zone in zones.items():
        [message] = await trip.messages(key)
        assert local(message.sent_at, zone) == "Mon 20:00"


async def test_a_cohort_that_was_split_by_zones_still_sends_each_message_once(
    trip: Trip, apply: Apply
) -> None:
    await apply(MONDAY_EVENING)
    zones = ["America/New_York", "Europe/Stockholm", "Pacific/Auckland"]
    for number in range(30):
        await reader(trip, f"c{number}", timezone=zones[number % 3])
    now = await trip.now()
    await trip.events((f"c{number}", "began", now, {}) for number in range(30))
    await trip.skip(days=8)
    assert [await templates(trip, f"c{number}") for number in range(30)] == [["hello"]] * 30


@pytest.mark.parametrize(
    ("night", "expected"),
    [(sunday_of(3, 2), "Sun 03:00"), (sunday_of(11, 1), "Sun 02:30")],
    ids=["clocks go forward", "clocks go back"],
)
async def test_the_nights_when_the_clocks_change(
    trip: Trip, apply: Apply, night: date, expected: str
) -> None:
    await apply(HALF_PAST_TWO)
    await skip_to(trip, datetime(night.year, night.month, night.day, 4, tzinfo=UTC))  # evening there
    await reader(trip, "ann", timezone="America/New_York")
    await trip.event("ann", "began")
    assert local(await wake_at(trip, "ann"), "America/New_York") == expected
    await trip.skip(days=1)
    await trip.event("ann", "began")
    assert local(await wake_at(trip, "ann"), "America/New_York") == "Mon 02:30"


SATURDAY_NIGHT = """
    journey: saturday
    enter: {event: began}
    steps:
      - wait: {until: "23:30", days: [sat]}
      - send: {email: hello}
"""


async def test_a_time_that_the_clocks_leave_out_before_midnight_comes_at_midnight(
    trip: Trip, apply: Apply
) -> None:
    await apply(SATURDAY_NIGHT)
    saturday = datetime(2031, 3, 29, 12, tzinfo=UTC)  # in Nuuk it ends an hour early
    await skip_to(trip, saturday)
    await reader(trip, "ann", timezone="America/Nuuk")
    await trip.event("ann", "began")
    assert local(await wake_at(trip, "ann"), "America/Nuuk") == "Sun 00:00"
    await trip.skip(days=1)
    [message] = await trip.messages("ann")
    assert local(message.sent_at, "America/Nuuk") == "Sun 00:00"
    assert message.sent_at - saturday < timedelta(days=1)


async def test_days_go_by_the_customers_calendar_and_not_by_ours(trip: Trip, apply: Apply) -> None:
    await apply(MONDAY_EVENING)
    await skip_to(trip, datetime(2031, 6, 2, 23, 30, tzinfo=UTC))  # Monday 19:30 there, Tuesday in Europe
    await reader(trip, "ann", timezone="America/New_York")
    await trip.event("ann", "began")
    assert await wake_at(trip, "ann") == datetime(2031, 6, 3, 0, tzinfo=UTC)


TEN = """
    journey: ten
    enter: {event: began}
    steps:
      - wait: {until: "10:00"}
      - send: {email: hello}
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [("Europe/Stockholm", "America/New_York"), ("America/New_York", "Europe/Stockholm")],
    ids=["westwards", "eastwards"],
)
async def test_whoever_moves_while_waiting_is_written_to_at_the_hour_of_the_new_place(
    trip: Trip, apply: Apply, before: str, after: str
) -> None:
    await apply(TEN)
    await reader(trip, "ann", timezone=before)
    await reader(trip, "ben", timezone=before)
    await trip.event("ann", "began")
    await trip.event("ben", "began")
    due = await wake_at(trip, "ann")
    await trip.customer("ann", timezone=after)
    await skip_to(trip, due + timedelta(minutes=1))
    assert await templates(trip, "ben") == ["hello"]
    assert await templates(trip, "ann") == []
    await trip.skip(days=1)
    [message] = await trip.messages("ann")
    assert local(message.at, after).endswith("10:00")


@pytest.mark.parametrize(
    ("before", "after", "written_to"),
    [
        # Monday 20:00 in Stockholm is afternoon in New York: the same evening there.
        ("Europe/Stockholm", "America/New_York", datetime(2031, 6, 3, 0, tzinfo=UTC)),
        # Monday 20:00 in New York is Tuesday in Stockholm: the next Monday.
        ("America/New_York", "Europe/Stockholm", datetime(2031, 6, 9, 18, tzinfo=UTC)),
    ],
    ids=["westwards", "eastwards"],
)
async def test_whoever_moves_while_waiting_for_a_day_is_written_to_on_that_day_of_the_new_place(
    trip: Trip, apply: Apply, before: str, after: str, written_to: datetime
) -> None:
    await apply(MONDAY_EVENING)
    await skip_to(trip, datetime(2031, 6, 1, 12, tzinfo=UTC))
    await reader(trip, "ann", timezone=before)
    await trip.event("ann", "began")
    assert local(await wake_at(trip, "ann"), before) == "Mon 20:00"
    await trip.customer("ann", timezone=after)
    await skip_to(trip, written_to - timedelta(minutes=1))
    assert await templates(trip, "ann") == []
    assert await wake_at(trip, "ann") == written_to
    await trip.skip(minutes=1)
    assert await templates(trip, "ann") == ["hello"]
