"""Updates of attributes, set-based, and what cannot be added up."""

from typing import Any

import pytest
from sqlalchemy import select

from journeyflow.conditions import EventMatch
from journeyflow.plan import Change, End, EnterByEvent, Plan, Update
from journeyflow.store.applying import PlannedJourney, apply_programme
from journeyflow.store.customers import customers
from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.reading import states, templates

UPDATE = """
    journey: update
    enter: {event: began, again: always}
    steps:
      - update: {points: {add: 50}, reviewer: true, level: "two", note: null, locale: sv}
      - send: {email: hello}
"""


async def attributes(trip: Trip, key: str) -> dict[str, Any]:
    async with trip.store.reading() as connection:
        query = select(customers).where(customers.c.key == key)
        row = (await connection.execute(query)).one()
    found: dict[str, Any] = row.attributes | {"locale": row.locale}
    return found


async def begin(trip: Trip, *keys: str) -> None:
    now = await trip.now()
    await trip.events((key, "began", now, {}) for key in keys)


@on_both_stores
async def test_values_are_set_added_to_and_removed(trip: Trip, apply: Apply) -> None:
    await apply(UPDATE)
    await trip.customer("ann", {"email": "granted"}, email="a@example.com", points=7.5, note="x", other=1)
    await trip.customer("ben", {"email": "granted"}, email="b@example.com")
    await begin(trip, "ann", "ben")
    changed = {"reviewer": True, "level": "two", "locale": "sv"}
    assert await attributes(trip, "ann") == {"points": 57.5, "other": 1, **changed}
    assert await attributes(trip, "ben") == {"points": 50, **changed}
    await begin(trip, "ann")
    assert (await attributes(trip, "ann"))["points"] == 107.5


LISTS = """
    journey: lists
    enter: {event: began, again: always}
    steps:
      - update: {tags: {append: vip}, seen: {append: 1}, old: {remove: a}, none: {remove: a}}
"""


@on_both_stores
async def test_values_are_put_into_lists_once_and_taken_out(trip: Trip, apply: Apply) -> None:
    await apply(LISTS)
    await trip.customer("ann")
    await trip.customer("ben", tags=["new"], seen=[True, "1", 1.0], old=["a", 5, "b", "a"])
    for _ in range(2):
        await begin(trip, "ann", "ben")
    assert await attributes(trip, "ann") == {"tags": ["vip"], "seen": [1], "locale": None}
    ben = {"tags": ["new", "vip"], "seen": [True, "1", 1.0], "old": [5, "b"], "locale": None}
    assert await attributes(trip, "ben") == ben
    assert [type(value) for value in (await attributes(trip, "ben"))["seen"]] == [bool, str, float]


@on_both_stores
async def test_what_is_no_list_fails_that_member_alone(trip: Trip, apply: Apply) -> None:
    await apply(LISTS)
    values: dict[str, dict[str, Any]] = {
        "ann": {"tags": "vip"},
        "ben": {"old": {"a": 1}},
        "eve": {"tags": []},
    }
    for key, given in values.items():
        await trip.customer(key, **given)
    await begin(trip, *values)
    assert await states(trip, "ann") == [("failed", "steps/0: the attribute to append to is not a list")]
    assert await states(trip, "ben") == [("failed", "steps/0: the attribute to remove from is not a list")]
    assert await states(trip, "eve") == [("finished", None)]
    assert await attributes(trip, "ben") == {"old": {"a": 1}, "locale": None}, "all or nothing"


@on_both_stores
async def test_adding_to_a_text_fails_that_member_alone_and_does_not_quote_it(
    trip: Trip, apply: Apply
) -> None:
    await apply(UPDATE)
    values: dict[str, Any] = {"ann": 1, "ben": "secret-value", "eve": True, "joe": 2}
    for key, points in values.items():
        await trip.customer(key, {"email": "granted"}, email=f"{key}@example.com", points=points)
    await begin(trip, *values)
    for key in ("ann", "joe"):
        assert await states(trip, key) == [("finished", None)]
        assert await templates(trip, key) == ["hello"]
    for key in ("ben", "eve"):
        assert await states(trip, key) == [("failed", "steps/0: the attribute to add to is not a number")]
        assert await templates(trip, key) == []
        assert await attributes(trip, key) == {"points": values[key], "locale": None}, "all or nothing"


@pytest.mark.parametrize("change", [Change("timezone", "set", 5), Change("timezone", "append", "UTC")])
@on_both_stores
async def test_what_is_no_text_in_an_older_plan_fails_with_its_reason_and_breaks_no_leg(
    trip: Trip, change: Change
) -> None:
    """The check refuses it now; a version that was applied before may hold it."""
    steps = (Update("steps/0", 1, (change,)), End("end"))
    plan = Plan("update", "", "marketing", 50, EnterByEvent(EventMatch("began")), steps)
    planned = PlannedJourney(plan.journey, plan.digest, plan.to_json(), "")
    await apply_programme(trip.store, {}, [], [planned], await trip.now())
    await trip.customer("ann")
    await begin(trip, "ann")
    assert await states(trip, "ann") == [("failed", "steps/0: the attribute timezone has to be a text")]
