"""Entry that somebody asks for: on the command line, or by a step of another journey."""

from datetime import timedelta

import pytest

from journeyflow.engine.programme import Programme
from journeyflow.engine.requests import request_entry
from journeyflow.engine.timeline import story
from journeyflow.errors import JourneyflowError
from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.reading import states, templates

INVITED = """
    journey: invited
    enter: {manual: true, when: {consent: email}}
    steps: [{send: {email: invitation}}]
"""
ORDERS = """
    journey: orders
    enter: {event: ordered, where: {total: {at_least: 10}}, again: after 30 days}
    steps: [{send: {email: thanks}}]
"""
FIRST = """
    journey: first
    enter: {event: began, again: always}
    steps:
      - journey: invited
      - wait: 1 day
      - branch:
          - when: {attribute: leaves, is: true}
            then: [{journey: second}, end]
      - send: {email: stayed}
"""
SECOND = """
    journey: second
    enter: {segment: nobody}
    steps: [{send: {email: second}}]
"""


async def reader(trip: Trip, *keys: str, consent: str = "granted", **attributes: bool) -> None:
    for key in keys:
        await trip.customer(key, {"email": consent}, email=f"{key}@example.com", **attributes)


async def ask(trip: Trip, journey: str, *keys: str, request: str = "1") -> None:
    await request_entry(trip.store, journey, keys, await trip.now(), request)
    await trip.settle()


@on_both_stores
async def test_whoever_is_asked_for_enters_together_if_the_rules_let_them(trip: Trip, apply: Apply) -> None:
    await apply(INVITED)
    await reader(trip, "ann", "ben")
    await reader(trip, "eve", consent="denied")
    await ask(trip, "invited", "ann", "ben", "eve", "ann")
    assert await templates(trip, "ann") == await templates(trip, "ben") == ["invitation"]
    assert await states(trip, "eve") == [], "`when` is asked"
    [ann], [ben] = await trip.enrollments("ann"), await trip.enrollments("ben")
    assert ann.cohort_id == ben.cohort_id
    await ask(trip, "invited", "ann", request="2")
    assert await templates(trip, "ann") == ["invitation"], "`again` is asked: never"


@on_both_stores
async def test_a_journey_with_another_entry_can_be_asked_for_too(trip: Trip, apply: Apply) -> None:
    await apply(ORDERS, INVITED)
    await reader(trip, "ann")
    await ask(trip, "orders", "ann")
    assert await templates(trip, "ann") == ["thanks"]
    await trip.event("ann", "ordered", total=20)
    assert await templates(trip, "ann") == ["thanks"], "again after 30 days"
    await trip.skip(days=30)
    await trip.event("ann", "ordered", total=20)
    assert await templates(trip, "ann") == ["thanks", "thanks"]


async def test_a_request_that_the_router_finds_late_still_counts(trip: Trip, apply: Apply) -> None:
    await apply(INVITED)
    await reader(trip, "ann")
    long_ago = await trip.now() - timedelta(days=30)
    await request_entry(trip.store, "invited", ["ann"], long_ago, "1")
    await trip.settle()
    assert await templates(trip, "ann") == ["invitation"]


async def test_nobody_is_asked_for_where_something_is_unknown(trip: Trip, apply: Apply) -> None:
    await apply(INVITED)
    await reader(trip, "ann")
    with pytest.raises(JourneyflowError, match='no journey in force is called "invite"; these are: invited'):
        await ask(trip, "invite", "ann")
    with pytest.raises(JourneyflowError, match="no customer has the id eve, joe; nobody was enrolled"):
        await ask(trip, "invited", "ann", "eve", "joe")
    await apply(ORDERS)
    with pytest.raises(JourneyflowError, match="no journey in force"):
        await ask(trip, "invited", "ann")
    assert await states(trip, "ann") == []


@on_both_stores
async def test_a_step_hands_over_and_the_customer_goes_on(trip: Trip, apply: Apply) -> None:
    segments = "nobody: {attribute: nobody, is: true}"
    await apply(FIRST, INVITED, SECOND, segments=segments)
    await reader(trip, "ann")
    await reader(trip, "ben", leaves=True)
    now = await trip.now()
    await trip.events((key, "began", now, {}) for key in ("ann", "ben"))
    assert await templates(trip, "ann") == await templates(trip, "ben") == ["invitation"]
    await trip.skip(days=1)
    assert await templates(trip, "ann") == ["invitation", "stayed"]
    assert await templates(trip, "ben") == ["invitation", "second"], "a hand-over in a later leg"
    found = await story(trip.store, Programme(), "ben")
    assert found is not None
    told = [moment.text for moment in found.moments if moment.text.startswith("journey: ")]
    assert told == ["journey: handed over to invited", "journey: handed over to second"]
