"""A journey that is paused while people are inside: they rest at their next send, and go on afterwards."""

from datetime import timedelta

from journeyflow.engine.pausing import pause, resume
from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply
from tests.journeys.reading import ledger, states

JOURNEY = """
    journey: letters
    enter: {event: began}
    steps:
      - wait: 1 day
      - send: {email: hello}
      - wait_for: {event: answered, timeout: 10 days, then: [{send: {sms: thanks}}]}
"""


async def test_who_rested_goes_on_when_it_is_resumed(trip: Trip, apply: Apply) -> None:
    await apply(JOURNEY)
    for key in ("ann", "ben"):
        consents = {"email": "granted", "sms": "granted"}
        await trip.customer(key, consents, email=f"{key}@example.com", phone="+46700000001")
    now = await trip.now()
    await trip.events((key, "began", now, {}) for key in ("ann", "ben"))
    await pause(trip.store, "letters", await trip.now(), "test")
    await trip.skip(days=3)
    assert await ledger(trip, "ann") == [("hello", "held", "paused")]
    await resume(trip.store, "letters", await trip.now(), "test")
    await trip.skip(minutes=1)
    assert await ledger(trip, "ann") == [("hello", "sent", None)]
    # An answer from before the letter is none, one from afterwards wakes.
    now = await trip.now()
    await trip.events([("ann", "answered", now, {}), ("ben", "answered", now - timedelta(days=1), {})])
    assert await ledger(trip, "ann") == [("hello", "sent", None), ("thanks", "sent", None)]
    assert await ledger(trip, "ben") == [("hello", "sent", None)]
    assert await states(trip, "ann") == [("finished", None)]
