"""Whole journeys that are entered and left together with segments."""

import pytest

from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.reading import states, templates

SEGMENTS = """
    buyer: {event: order.completed}
    active: {event: order.completed, within: 30 days}
    gold: {attribute: tier, is: gold}
    willing: {consent: sms}
    quiet: {all: [{segment: buyer}, {not: {segment: active}}]}
"""


def on_joining(segment: str, more: str = "") -> str:
    return f"""
    journey: on-{segment}
    enter: {{segment: {segment}}}
    {more}
    steps:
      - send: {{email: joined-{segment}}}
      - wait: 10 days
      - send: {{email: still-{segment}}}
    """


GREETED = """
    greeted: {message: {template: hello, was: sent}}
"""
GREETS = """
    journey: greets
    enter: {event: member.joined}
    steps: [{send: {email: hello}}]
"""


@on_both_stores
async def test_joining_by_whatever_happens_enters_at_once(trip: Trip, apply: Apply) -> None:
    names = ("buyer", "gold", "willing", "greeted")
    await apply(GREETS, *map(on_joining, names), segments=SEGMENTS + GREETED)
    await trip.customer("ann", {"email": "granted"}, email="ann@example.com")
    await trip.settle()
    assert await templates(trip, "ann") == []
    await trip.event("ann", "order.completed")
    assert await templates(trip, "ann") == ["joined-buyer"]
    await trip.customer("ann", tier="gold")
    await trip.settle()
    await trip.customer("ann", {"sms": "granted"})
    await trip.settle()
    assert await templates(trip, "ann") == ["joined-buyer", "joined-gold", "joined-willing"]
    await trip.event("ann", "member.joined")
    assert await templates(trip, "ann") == [
        "joined-buyer", "joined-gold", "joined-willing", "hello", "joined-greeted",
    ]  # fmt: skip


@pytest.mark.parametrize("again", [False, True])
async def test_who_comes_back_leaves_the_journey_for_the_quiet(trip: Trip, apply: Apply, again: bool) -> None:
    await apply(on_joining("quiet", "exit: [{leaves: quiet}]"), segments=SEGMENTS)
    await trip.customer("ann", {"email": "granted"}, email="ann@example.com")
    await trip.event("ann", "order.completed")
    await trip.skip(days=29)
    assert await trip.sweep() == 0
    await trip.skip(days=2)
    assert await trip.sweep() == 1, "time alone has brought them in"
    await trip.skip(days=5)
    if again:
        await trip.event("ann", "order.completed")
    await trip.skip(days=6)
    sent = ["joined-quiet"] if again else ["joined-quiet", "still-quiet"]
    assert await templates(trip, "ann") == sent
    assert await states(trip, "ann") == [("exited", "exit/0") if again else ("finished", None)]
