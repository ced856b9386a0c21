"""Who sets out later has come in all the same: exits, goals and waits, on Temporal."""

from datetime import UTC, datetime, timedelta

from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.moving import YEAR, skip_to
from tests.journeys.reading import states, templates

NOON = datetime(YEAR, 5, 7, 12, tzinfo=UTC)
JOURNEY = """
    journey: spread
    enter: {schedule: "0 12 * * *", when: {attribute: invited, is: true}, spread: 2 hours}
    exit: [{event: ordered}]
    goal: {event: ordered}
    steps:
      - send: {email: hello}
      - wait_for:
          event: answered
          timeout: 1 day
          then: [{send: {email: thanks}}]
          otherwise: [{send: {email: reminder}}]
"""


@on_both_stores
async def test_four_set_out_half_an_hour_apart(trip: Trip, apply: Apply) -> None:
    await skip_to(trip, NOON - timedelta(hours=1))
    await apply(JOURNEY)
    for key in ("ann", "ben", "cleo", "dan"):
        consents = {"email": "granted"}
        await trip.customer(key, consents, email=f"{key}@example.com", invited=True)
    await skip_to(trip, NOON)
    assert await trip.sweep() == 4
    assert [await templates(trip, key) for key in ("ann", "ben", "cleo", "dan")] == [["hello"], [], [], []]

    await trip.skip(minutes=10)
    await trip.event("ben", "ordered")
    await trip.event("cleo", "answered")  # nobody has asked yet
    await trip.skip(minutes=55)
    assert [await templates(trip, key) for key in ("ben", "cleo", "dan")] == [[], ["hello"], []]
    [left] = await trip.enrollments("ben")
    assert (left.state, left.reason, f"{left.goal_at:%H:%M}") == ("exited", "exit/0", "12:10")

    await trip.event("cleo", "answered")
    assert await templates(trip, "cleo") == ["hello", "thanks"]
    await trip.skip(days=2)
    assert await templates(trip, "ben") == []
    assert await templates(trip, "dan") == ["hello", "reminder"]
    assert [f"{row.at:%d %H:%M}" for row in await trip.messages("dan")] == ["07 13:30", "08 13:30"]
    assert await states(trip, "cleo") == [("finished", None)]
