"""`/v1/journeys`: numbers, entry by hand and pausing, over HTTP on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import insert, select

from journeyflow.store.audit import audit_log
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.segments import rfm, segment_members
from tests.api.ingest.calling import NOW, Caller, calling
from tests.engine.programmes import World

LETTERS = """
    journey: letters
    title: Letters of all kinds
    enter: {event: began, again: always}
    exit: [{event: stopped}]
    steps:
      - send: {email: hello}
      - wait: 1 day
"""
OTHER = """
    journey: other
    enter: {segment: gold}
    steps: [{wait: 1 day}]
"""
SEGMENTS = "gold: {attribute: tier, is: gold}\n"
ENROLL = "/v1/journeys/letters/enroll"


@pytest_asyncio.fixture
async def world(store: Store, tmp_path: Path) -> World:
    world = World(store, tmp_path / "programme", NOW)
    await world.apply(LETTERS, OTHER, segments=SEGMENTS)
    await world.customers("ann", "ben", "eve")
    return world


@pytest_asyncio.fixture
async def caller(world: World) -> AsyncIterator[Caller]:
    async with calling(world.store) as found:
        yield found


async def enroll(caller: Caller, status: int = 202, **options: Any) -> Any:
    return (await caller.ask("POST", ENROLL, "manage", status, **options)).json()


async def requests(world: World) -> int:
    return len(await world.rows(select(events.c.id).where(events.c.name == "journeyflow.enroll")))


async def test_journeys_are_told_in_numbers(caller: Caller, world: World) -> None:
    await world.enter("ann", "ben")
    await world.enter("ben", name="stopped")
    letters, other = (await caller.ask("GET", "/v1/journeys")).json()["journeys"]
    assert letters == {
        "name": "letters", "title": "Letters of all kinds", "version": letters["version"], "enabled": True,
        "paused_since": None, "entered": 2, "inside": 1, "finished": 0, "exited": 1, "failed": 0,
        "reached_goal": 0,
    }  # fmt: skip
    assert (other["name"], other["entered"]) == ("other", 0)
    whole = (await caller.ask("GET", "/v1/journeys/letters")).json()
    assert whole == letters | {
        "exited_by": {"exit/0": 1},
        "resting": [
            {
                "version": letters["version"], "step": "steps/1", "kind": "wait", "members": 1,
                "first_due": "2026-03-02T12:00:00+00:00", "last_due": "2026-03-02T12:00:00+00:00",
            }
        ],
        "messages": [{"channel": "email", "state": "queued", "reason": "", "number": 2}],
    }  # fmt: skip
    await caller.ask("GET", "/v1/journeys/lettres", status=404)


async def test_a_customer_is_told_with_where_they_are(caller: Caller, world: World) -> None:
    await world.enter("ann")
    [ann] = await world.rows(select(customers.c.id).where(customers.c.key == "ann"))
    member = {"segment": "gold", "customer_id": ann.id, "joined_at": NOW}
    quintiles = {"recency": 5, "frequency": 4, "monetary": 3, "class": "loyal"}
    async with world.store.writing() as connection:
        await connection.execute(insert(segment_members), member)
        await connection.execute(insert(rfm), {"customer_id": ann.id, "at": NOW, **quintiles})
    found = (await caller.ask("GET", "/v1/customers/ann")).json()
    assert found["segments"] == [{"segment": "gold", "joined_at": NOW.isoformat()}]
    assert found["rfm"] == {**quintiles, "at": NOW.isoformat()}
    [inside] = found["journeys"]
    assert (inside["journey"], inside["step"]) == ("letters", "steps/1")
    assert (inside["entered_at"], inside["wake_at"]) == (NOW.isoformat(), "2026-03-02T12:00:00+00:00")


async def test_customers_enter_by_hand(caller: Caller, world: World) -> None:
    await world.enter("eve")
    answer = await enroll(caller, json={"customers": ["ann", "joe", "eve", "ann"]})
    assert answer == {
        "asked": 1, "inside": 1, "unknown": 1,
        "results": [
            {"customer": "ann", "outcome": "asked"}, {"customer": "joe", "outcome": "unknown"},
            {"customer": "eve", "outcome": "inside"},
        ],
    }  # fmt: skip
    await world.route()
    assert [row.state for row in await world.enrollments("ann")] == ["active"]
    [noted] = await world.rows(select(audit_log).where(audit_log.c.action == "enroll"))
    assert (noted.actor, noted.subject, noted.detail) == ("manage", "letters", {"customers": 1})


async def test_what_is_sent_again_under_its_key_is_answered_alike_and_asks_nobody_twice(
    caller: Caller, world: World
) -> None:
    first = await enroll(caller, json={"customers": ["ann"]}, headers={"Idempotency-Key": "42"})
    await world.route()
    again = await enroll(caller, json={"customers": ["ann", "ben"], "idempotency_key": "42"})
    assert (first["results"][0], again["asked"]) == (again["results"][0], 2)
    assert await requests(world) == 2
    await enroll(caller, json={"customers": ["ben"]})
    assert await requests(world) == 3, "without a key each call is one of its own"


async def test_a_whole_segment_enters(caller: Caller, world: World) -> None:
    assert (await enroll(caller, json={"segment": "gold"}))["asked"] == 0
    await caller.ask("POST", "/v1/journeys/lettres/enroll", "manage", 404, json={"segment": "gold"})
    rows = await world.rows(select(customers.c.id).where(customers.c.key.in_(["ann", "ben"])))
    async with world.store.writing() as connection:
        await connection.execute(
            insert(segment_members),
            [
                {"segment": "gold", "customer_id": rows[0].id, "joined_at": NOW, "left_at": None},
                {"segment": "gold", "customer_id": rows[1].id, "joined_at": NOW, "left_at": NOW},
            ],
        )
    answer = await enroll(caller, json={"segment": "gold"}, headers={"Idempotency-Key": "x"})
    assert answer == {"asked": 1, "inside": 0, "unknown": 0}
    assert await enroll(caller, json={"segment": "gold"}, headers={"Idempotency-Key": "x"}) == answer
    assert await requests(world) == 1


_BAD: dict[str, tuple[Any, str]] = {
    "nobody": ({}, "either customers or segment"),
    "both": ({"customers": ["ann"], "segment": "gold"}, "either customers or segment"),
    "an empty list": ({"customers": []}, "list of 1 to 1000"),
    "too many": ({"customers": [str(number) for number in range(1_001)]}, "list of 1 to 1000"),
    "no list": ({"customers": "ann"}, "list of 1 to 1000"),
    "an id that is none": ({"customers": [{"secret": 1}]}, "customers must be text"),
    "an unknown field": ({"customers": ["ann"], "secret": 1}, "a field that is none of"),
    "an unknown segment": ({"segment": "secret"}, "no segment in force has this name; these are: gold"),
    "a key that is none": ({"customers": ["ann"], "idempotency_key": ""}, "idempotency_key is missing"),
}


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_what_cannot_be_asked_for(caller: Caller, world: World) -> None:
    for name, (body, told) in _BAD.items():
        answer = await enroll(caller, 422, json=body)
        assert told in answer["detail"], name
        assert "secret" not in answer["detail"], name
    assert await requests(world) == 0


async def test_a_journey_is_paused_and_resumed(caller: Caller, world: World) -> None:
    path = "/v1/journeys/letters"
    for _ in range(2):
        answer = await caller.ask("POST", f"{path}/pause", "manage")
        assert answer.json() == {"name": "letters", "paused_since": NOW.isoformat()}
    assert (await caller.ask("GET", path)).json()["paused_since"] == NOW.isoformat()
    await world.enter("ann")
    assert await world.enrollments("ann") == []
    refused = await enroll(caller, 409, json={"customers": ["ann"]})
    assert "is paused" in refused["detail"]
    for _ in range(2):
        answer = await caller.ask("POST", f"{path}/resume", "manage")
        assert answer.json() == {"name": "letters", "went_on": 0}
    await enroll(caller, json={"customers": ["ann"]})
    await world.route()
    assert len(await world.enrollments("ann")) == 1
    for action in ("pause", "resume", "enroll"):
        body = {"json": {"customers": ["ann"]}} if action == "enroll" else {}
        await caller.ask("POST", f"/v1/journeys/lettres/{action}", "manage", 404, **body)
    query = select(audit_log.c.action, audit_log.c.actor).where(audit_log.c.subject == "letters")
    noted = [(row.action, row.actor) for row in await world.rows(query.order_by(audit_log.c.id))]
    assert noted == [("pause", "manage"), ("resume", "manage"), ("enroll", "manage")]
