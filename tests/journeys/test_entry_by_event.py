"""Coming in by an event: which events, which customers, how often."""

from datetime import timedelta

import pytest

from journeyflow.audience.ingest import record_events
from journeyflow.audience.records import EventRow
from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.reading import states, templates
from tests.journeys.writing import POLICY


def journey(again: str) -> str:
    return f"""
    journey: thanks
    enter:
      event: order.completed
      where: {{total: {{at_least: 100}}, currency: {{is: SEK}}}}
      when: {{consent: email}}
      again: {again}
    steps:
      - wait: 1 hour
      - send: {{email: thanks}}
    """


async def buyer(trip: Trip, key: str, consent: str = "granted") -> None:
    await trip.customer(key, email=f"{key}@example.com", consents={"email": consent})


@on_both_stores
async def test_where_asks_the_event_and_when_asks_the_customer(trip: Trip, apply: Apply) -> None:
    await apply(journey("never"))
    await buyer(trip, "ann")
    await buyer(trip, "ben")
    await buyer(trip, "eve", consent="denied")
    await trip.event("ann", "order.completed", total=100, currency="SEK")
    await trip.event("ben", "order.completed", total=99.5, currency="SEK")
    await trip.event("ben", "order.completed", total=500, currency="EUR")
    await trip.event("ben", "order.completed", total="500", currency="SEK")  # a text is no number
    await trip.event("ben", "order.started", total=500, currency="SEK")
    await trip.event("eve", "order.completed", total=100, currency="SEK")
    assert len(await trip.enrollments("ann")) == 1
    assert await trip.enrollments("ben") == await trip.enrollments("eve") == []


@pytest.mark.parametrize(
    ("again", "times"), [("never", 1), ("always", 3), ("after 30 days", 2), ("after 10 minutes", 3)]
)
async def test_how_often(trip: Trip, apply: Apply, again: str, times: int) -> None:
    """On day 0, again while inside, on day 10, on day 31."""
    await apply(journey(again))
    await buyer(trip, "ann")
    for rest in (timedelta(0), timedelta(minutes=30), timedelta(days=10), timedelta(days=21)):
        await trip.skip(seconds=rest.total_seconds())
        await trip.event("ann", "order.completed", total=100, currency="SEK")
    await trip.skip(days=1)
    assert await templates(trip, "ann") == ["thanks"] * times
    assert await states(trip, "ann") == [("finished", None)] * times


async def test_two_events_in_one_turn_are_one_entry_while_inside(trip: Trip, apply: Apply) -> None:
    await apply(journey("always"))
    await buyer(trip, "ann")
    now = await trip.now()
    await trip.events(("ann", "order.completed", now, {"total": 200, "currency": "SEK"}) for _ in range(3))
    assert await states(trip, "ann") == [("active", None)]


OLD = """
    journey: old
    enter: {event: visited}
    steps:
      - branch:
          - when: {event: visited, count: {at_least: 2}}
            then: [{send: {email: again}}]
          - otherwise: [{send: {email: first}}]
"""


async def test_an_old_event_brings_nobody_in_but_counts_as_history(trip: Trip, apply: Apply) -> None:
    await apply(OLD, policy=POLICY.replace("locale: en", "locale: en, max_event_age: 2 hours"))
    await buyer(trip, "ann")
    await trip.event("ann", "visited", at=await trip.now() - timedelta(hours=2))
    assert await trip.enrollments("ann") == []
    await trip.event("ann", "visited", at=await trip.now() - timedelta(hours=1))
    assert await templates(trip, "ann") == ["again"]


async def test_the_same_event_sent_twice_has_one_effect(trip: Trip, apply: Apply) -> None:
    await apply(OLD.replace("{event: visited}", "{event: visited, again: always}", 1))
    await buyer(trip, "ann")
    for _ in range(2):
        await record_events(
            trip.store, [EventRow("receipt-1", "ann", "visited", await trip.now())], await trip.now()
        )
        await trip.settle()
    assert await templates(trip, "ann") == ["first"]


async def test_whoever_is_inside_keeps_the_version_they_entered(trip: Trip, apply: Apply) -> None:
    await apply(journey("always"))
    await buyer(trip, "ann")
    await trip.event("ann", "order.completed", total=100, currency="SEK")
    await apply(journey("always").replace("email: thanks", "email: many-thanks"))
    await buyer(trip, "ben")
    await trip.event("ben", "order.completed", total=100, currency="SEK")
    await trip.skip(hours=1)  # the programme has no "thanks" any more, but there is somebody on the way to it
    assert await templates(trip, "ben") == ["many-thanks"]
    assert await templates(trip, "ann") == ["thanks"]


async def test_a_journey_whose_file_is_gone_takes_nobody_in_and_lets_nobody_down(
    trip: Trip, apply: Apply
) -> None:
    await apply(journey("always"))
    await buyer(trip, "ann")
    await trip.event("ann", "order.completed", total=100, currency="SEK")
    await apply(OLD)
    await buyer(trip, "ben")
    await trip.event("ben", "order.completed", total=100, currency="SEK")
    await trip.skip(hours=1)
    assert await templates(trip, "ann") == ["thanks"]
    assert await trip.enrollments("ben") == []
