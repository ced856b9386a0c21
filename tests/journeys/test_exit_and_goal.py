"""Leaving early, and reaching the goal."""

from datetime import timedelta

from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.reading import ledger, states, templates

EXITS = """
    journey: exits
    enter: {event: began, again: always}
    exit:
      - event: refunded
        where: {full: {is: true}}
      - when: {attribute: quiet, is: true}
    steps:
      - send: {email: first}
      - wait: 1 day
      - send: {email: second}
"""


async def reader(trip: Trip, key: str) -> None:
    await trip.customer(key, {"email": "granted"}, email=f"{key}@example.com")


@on_both_stores
async def test_an_event_ends_it_at_once_for_that_customer(trip: Trip, apply: Apply) -> None:
    await apply(EXITS)
    now = await trip.now()
    for key in ("ann", "ben", "eve"):
        await reader(trip, key)
    await trip.events((key, "began", now, {}) for key in ("ann", "ben", "eve"))
    await trip.event("ann", "refunded", full=True)
    await trip.event("ben", "refunded", full=False)
    assert await states(trip, "ann") == [("exited", "exit/0")]
    await trip.skip(days=1)
    assert await templates(trip, "ann") == ["first"]
    assert await templates(trip, "ben") == await templates(trip, "eve") == ["first", "second"]


@on_both_stores
async def test_a_condition_is_asked_before_each_leg(trip: Trip, apply: Apply) -> None:
    await apply(EXITS)
    await reader(trip, "ann")
    await reader(trip, "ben")
    now = await trip.now()
    await trip.events((key, "began", now, {}) for key in ("ann", "ben"))
    await trip.customer("ann", quiet=True)
    assert await states(trip, "ann") == [("active", None)], "it is asked when the customer would go on"
    await trip.skip(days=1)
    assert await states(trip, "ann") == [("exited", "exit/1")]
    assert await templates(trip, "ann") == ["first"]
    assert await templates(trip, "ben") == ["first", "second"]


async def test_a_condition_that_holds_at_entry_lets_nothing_be_sent(trip: Trip, apply: Apply) -> None:
    await apply(EXITS)
    await reader(trip, "ann")
    await trip.customer("ann", quiet=True)
    await trip.event("ann", "began")
    assert await states(trip, "ann") == [("exited", "exit/1")]
    assert await ledger(trip, "ann") == []


async def test_an_event_from_before_the_entry_does_not_end_it(trip: Trip, apply: Apply) -> None:
    await apply(EXITS)
    await reader(trip, "ann")
    began = await trip.now()
    await trip.event("ann", "began", at=began)
    await trip.event("ann", "refunded", at=began - timedelta(minutes=1), full=True)
    assert await states(trip, "ann") == [("active", None)]
    await trip.event("ann", "refunded", at=began, full=True)
    assert await states(trip, "ann") == [("exited", "exit/0")], "the same instant, but after it"


async def test_out_and_in_again_in_one_turn(trip: Trip, apply: Apply) -> None:
    await apply(EXITS)
    await reader(trip, "ann")
    await trip.event("ann", "began")
    now = await trip.now()
    await trip.events(
        [
            ("ann", "refunded", now, {"full": True}),
            ("ann", "began", now + timedelta(milliseconds=1), {}),
        ]
    )
    assert await states(trip, "ann") == [("exited", "exit/0"), ("active", None)]
    await trip.skip(days=1)
    assert await templates(trip, "ann") == ["first", "first", "second"]


GOAL = """
    journey: goals
    enter: {event: ordered, again: never}
    goal: {event: ordered, where: {paid: {is: true}}, within: 10 days, value: total}
    steps:
      - wait: 1 day
"""


@on_both_stores
async def test_the_goal_is_noted_with_its_worth_also_after_the_end(trip: Trip, apply: Apply) -> None:
    await apply(GOAL)
    for key in ("ann", "ben", "eve"):
        await reader(trip, key)
        await trip.event(key, "ordered", paid=True, total=1)
    entered = (await trip.enrollments("ann"))[0].since
    assert [row.goal_at for row in await trip.enrollments("ann")] == [None], "what brought her in is no goal"
    await trip.skip(days=5)
    await trip.event("ann", "ordered", paid=False, total=10)
    await trip.event("ann", "ordered", paid=True, total=120.5)
    await trip.event("ann", "ordered", paid=True, total=999)
    await trip.event("ben", "ordered", paid=True, total="much")
    await trip.skip(days=6)
    await trip.event("eve", "ordered", paid=True, total=7)
    [ann], [ben], [eve] = [await trip.enrollments(key) for key in ("ann", "ben", "eve")]
    assert (ann.state, ann.goal_value) == ("finished", 120.5)
    assert timedelta(days=5) <= ann.goal_at - entered < timedelta(days=6)
    assert ben.goal_at is not None
    assert ben.goal_value is None
    assert eve.goal_at is None, "eleven days are too many"
