"""Waits until the date in an attribute, which may be missing, unreadable, past, or move meanwhile."""

from datetime import UTC, datetime

from journeyflow.engine.programme import Programme
from journeyflow.engine.timeline import story
from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.moving import skip_to
from tests.journeys.reading import local, states, templates, wake_at

RENEWAL = """
    journey: renewal
    enter: {event: began}
    steps:
      - wait: {until: {attribute: renewal_date, offset: -7 days, at: "09:00"}}
      - send: {email: renew}
"""
START = datetime(2031, 5, 1, 12, tzinfo=UTC)


async def begin(trip: Trip, dates: dict[str, object], **values: str) -> None:
    for key, renewal in dates.items():
        attributes = {} if renewal is None else {"renewal_date": renewal}
        await trip.customer(key, {"email": "granted"}, email=f"{key}@example.com", **values, **attributes)
    now = await trip.now()
    await trip.events((key, "began", now, {}) for key in dates)


async def told(trip: Trip, key: str) -> list[str]:
    found = await story(trip.store, Programme(), key)
    assert found is not None
    return [moment.text for moment in found.moments if moment.text.startswith("wait_until_date")]


@on_both_stores
async def test_the_date_moved_by_days_at_that_time_in_the_customers_zone(trip: Trip, apply: Apply) -> None:
    await apply(RENEWAL)
    await skip_to(trip, START)
    dates: dict[str, object] = {"ann": "2031-06-10", "ben": "2031-06-12T23:30:00+02:00"}
    await begin(trip, dates, timezone="America/New_York")
    assert await wake_at(trip, "ann") == datetime(2031, 6, 3, 13, tzinfo=UTC)
    assert await wake_at(trip, "ben") == datetime(2031, 6, 5, 13, tzinfo=UTC), "the date as it is written"
    await trip.skip(days=40)
    [message] = await trip.messages("ann")
    assert local(message.sent_at, "America/New_York") == "Tue 09:00"
    assert await told(trip, "ann") == [
        "wait_until_date: rests",
        "wait_until_date: the date in renewal_date has come",
    ]


@on_both_stores
async def test_without_a_date_to_wait_for_it_goes_on_at_once_and_says_why(trip: Trip, apply: Apply) -> None:
    await apply(RENEWAL)
    await skip_to(trip, START)
    odd: dict[str, object] = {
        "missing": None,
        "word": "soon",
        "number": 20310610,
        "listed": ["2031-06-10"],
        "no-such-day": "2031-02-30",
        "too-early": "0001-01-02",
        "short": "20310610",
        "past": "2031-05-08",
    }
    await begin(trip, odd)
    for key in odd:
        assert await states(trip, key) == [("finished", None)]
        assert await templates(trip, key) == ["renew"]
    assert await told(trip, "missing") == [
        "wait_until_date: the attribute renewal_date is missing, so it goes on at once"
    ]
    assert await told(trip, "past") == [
        "wait_until_date: the date in renewal_date has passed, so it goes on at once"
    ]
    for key in ("word", "number", "listed", "no-such-day", "too-early", "short"):
        assert await told(trip, key) == [
            "wait_until_date: the attribute renewal_date holds no date, so it goes on at once"
        ]


async def test_a_date_that_has_moved_on_meanwhile_is_waited_for_again(trip: Trip, apply: Apply) -> None:
    await apply(RENEWAL)
    await skip_to(trip, START)
    await begin(trip, {"ann": "2031-06-10", "ben": "2031-06-10"})
    await trip.customer("ann", renewal_date="2032-06-10")
    await trip.skip(days=60)
    assert await templates(trip, "ann") == []
    assert await templates(trip, "ben") == ["renew"]
    assert await wake_at(trip, "ann") == datetime(2032, 6, 3, 9, tzinfo=UTC)
    await trip.skip(days=365)
    assert await templates(trip, "ann") == ["renew"]


async def test_a_customer_who_moved_is_written_to_at_the_new_places_time(trip: Trip, apply: Apply) -> None:
    await apply(RENEWAL)
    await skip_to(trip, START)
    await begin(trip, {"ann": "2031-06-10"}, timezone="Europe/Stockholm")
    await trip.customer("ann", timezone="America/New_York")
    await trip.skip(days=60)
    [message] = await trip.messages("ann")
    assert local(message.sent_at, "America/New_York") == "Tue 09:00"


async def test_for_a_customer_who_moved_east_the_time_is_past_when_it_is_looked_at_again(
    trip: Trip, apply: Apply
) -> None:
    await apply(RENEWAL)
    await skip_to(trip, START)
    await begin(trip, {"ann": "2031-06-10"}, timezone="America/New_York")
    due = await wake_at(trip, "ann")
    await trip.customer("ann", timezone="Europe/Stockholm")
    await skip_to(trip, due)
    [message] = await trip.messages("ann")
    assert local(message.sent_at, "Europe/Stockholm") == "Tue 15:00"
    assert (await told(trip, "ann"))[-1] == "wait_until_date: the date in renewal_date has come"


async def test_a_far_date_is_waited_for(trip: Trip, apply: Apply) -> None:
    await apply(RENEWAL)
    await begin(trip, {"ann": "2999-01-08", "ben": "9999-12-31"})
    assert await wake_at(trip, "ann") == datetime(2999, 1, 1, 9, tzinfo=UTC)
    assert await states(trip, "ben") == [("active", None)]
    await trip.skip(days=400)
    assert await templates(trip, "ann") == []
