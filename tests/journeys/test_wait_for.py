"""Waiting for an event: which ones, until when, and what an event can and cannot do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from temporalio.client import WorkflowHandle

from journeyflow.audience.ingest import record_customers, record_events
from journeyflow.audience.records import CustomerRow, EventRow
from journeyflow.engine import outbox, route
from journeyflow.engine.programme import Programme
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments, wakeups
from journeyflow.testing.travel import Trip
from journeyflow.workflows.cohort import Cohort
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.reading import ledger, states, templates

REVIEW = """
    journey: review
    enter: {event: ordered}
    steps:
      - wait_for:
          event: reviewed
          where: {rating: {at_least: 4}}
          timeout: 7 days
          then: [{send: {email: came}}]
          otherwise: [{send: {email: timed-out}}]
"""
TWO_WAITS = """
    journey: two
    enter: {event: ordered}
    steps:
      - wait_for:
          event: [reviewed, visited]
          timeout: 7 days
          then: [{send: {email: first-came}}]
      - wait_for:
          event: reviewed
          timeout: 7 days
          then: [{send: {email: second-came}}]
          otherwise: [{send: {email: second-timed-out}}]
"""

RACING = """
    journey: racing
    enter: {event: ordered}
    steps:
      - wait: 1 hour
      - update: {asked: true}
      - wait_for: {event: reviewed, timeout: 1 day, then: [{send: {email: came}}]}
"""

HELD_UP = """
    journey: held-up
    enter: {event: ordered}
    steps:
      - branch:
          - when: {attribute: fast, is: true}
            then: [{wait: 3600 seconds}]
          - otherwise:
              - wait_for:
                  event: reviewed
                  timeout: 3601 seconds
                  then: [{send: {email: came}}]
                  otherwise: [{send: {email: timed-out}}]
"""


async def reader(trip: Trip, *keys: str) -> None:
    for key in keys:
        await trip.customer(key, {"email": "granted"}, email=f"{key}@example.com")


@on_both_stores
async def test_the_event_or_the_timeout_decides_for_each_member(trip: Trip, apply: Apply) -> None:
    await apply(REVIEW)
    keys = ("ann", "ben", "eve")
    await reader(trip, *keys)
    now = await trip.now()
    await trip.events((key, "ordered", now, {}) for key in keys)
    await trip.skip(days=1)
    await trip.event("ann", "reviewed", rating=5)
    await trip.event("ben", "reviewed", rating=3)
    await trip.event("eve", "visited")
    assert [await templates(trip, key) for key in keys] == [["came"], [], []]
    await trip.skip(days=6)
    assert [await templates(trip, key) for key in keys] == [["came"], ["timed-out"], ["timed-out"]]


@pytest.mark.parametrize("name", ["reviewed", "visited"])
async def test_any_of_several_events_will_do(trip: Trip, apply: Apply, name: str) -> None:
    await apply(TWO_WAITS)
    await reader(trip, "ann")
    await trip.event("ann", "ordered")
    await trip.event("ann", name)
    assert await templates(trip, "ann") == ["first-came"]


@on_both_stores
async def test_an_event_satisfies_one_wait_and_the_next_event_the_next(trip: Trip, apply: Apply) -> None:
    await apply(TWO_WAITS)
    await reader(trip, "ann", "ben")
    now = await trip.now()
    await trip.events((key, "ordered", now, {}) for key in ("ann", "ben"))
    now = await trip.now()
    await trip.events(
        [("ann", "reviewed", now, {}), ("ben", "reviewed", now, {}), ("ben", "reviewed", now, {})]
    )
    assert await templates(trip, "ann") == ["first-came"]
    assert await templates(trip, "ben") == ["first-came", "second-came"]
    await trip.skip(days=7)
    assert await templates(trip, "ann") == ["first-came", "second-timed-out"]


async def test_an_event_from_before_the_wait_does_not_count(trip: Trip, apply: Apply) -> None:
    await apply("""
        journey: late
        enter: {event: ordered}
        steps:
          - wait: 1 day
          - wait_for: {event: reviewed, timeout: 1 day, then: [{send: {email: came}}]}
    """)
    await reader(trip, "ann", "ben")
    now = await trip.now()
    await trip.events((key, "ordered", now, {}) for key in ("ann", "ben"))
    await trip.skip(hours=12)
    await trip.event("ann", "reviewed")
    await trip.skip(hours=13)
    await trip.event("ben", "reviewed")
    await trip.skip(days=1)
    assert await templates(trip, "ann") == []
    assert await templates(trip, "ben") == ["came"]


async def test_an_event_at_the_instant_of_entry_counts(trip: Trip, apply: Apply) -> None:
    """And so does one that comes in the same routing turn: first it enters, then it wakes."""
    await apply(REVIEW)
    await reader(trip, "ann", "ben")
    now = await trip.now()
    before = now - timedelta(milliseconds=1)
    await trip.events(
        [
            ("ann", "ordered", now, {}),
            ("ann", "reviewed", now, {"rating": 5}),
            ("ben", "reviewed", before, {"rating": 5}),
            ("ben", "ordered", now, {}),
        ]
    )
    assert await templates(trip, "ann") == ["came"]
    assert await templates(trip, "ben") == []


@on_both_stores
@pytest.mark.parametrize(
    ("before", "expected"),
    [(timedelta(milliseconds=1), "came"), (timedelta(0), "timed-out"), (timedelta(seconds=-1), "timed-out")],
    ids=["just before", "at the same instant", "just after"],
)
async def test_a_signal_that_is_later_than_the_timer_counts_by_the_events_own_time(
    trip: Trip, apply: Apply, before: timedelta, expected: str
) -> None:
    """Ann's leg is held up beyond Ben's deadline: the cohort finds his timer and his event together."""
    await apply(HELD_UP)
    await reader(trip, "ann", "ben")
    await trip.customer("ann", fast=True)
    now = await trip.now()
    await trip.events((key, "ordered", now, {}) for key in ("ann", "ben"))
    [ann], [ben] = await trip.enrollments("ann"), await trip.enrollments("ben")
    await record(trip, "ben", "reviewed", at=ben.wake_at - before)
    await route.route(trip.store, Programme(), await trip.now())
    cohort = cohort_of(trip)
    async with holding_up(trip):
        await trip.environment.sleep(ann.wake_at - await trip.now())
        await until(lambda: is_under_way(cohort, "travel"))
        await until(lambda: is_past(trip, ben.wake_at))
        signalling = asyncio.create_task(outbox.flush(trip.store, trip.environment.client))
        await until(lambda: has_wakeup(cohort))
    await signalling
    await trip.settle()
    assert await templates(trip, "ben") == [expected]


async def test_after_the_timeout_has_been_handled_an_event_comes_too_late(trip: Trip, apply: Apply) -> None:
    await apply(REVIEW)
    await reader(trip, "ann")
    await trip.event("ann", "ordered")
    deadline = (await trip.enrollments("ann"))[0].wake_at
    await trip.skip(days=7, hours=1)
    await trip.event("ann", "reviewed", at=deadline - timedelta(hours=1), rating=5)
    assert await templates(trip, "ann") == ["timed-out"]
    assert await states(trip, "ann") == [("finished", None)]


async def test_an_event_signalled_twice_has_one_effect(trip: Trip, apply: Apply) -> None:
    """A crash after the signal and before its row is removed from the outbox repeats the signal."""
    await apply(TWO_WAITS)
    await reader(trip, "ann")
    await trip.event("ann", "ordered")
    now = await trip.now()
    await record(trip, "ann", "reviewed", at=now)
    await route.route(trip.store, Programme(), now)
    async with trip.store.reading() as connection:
        rows = [dict(row._mapping) for row in await connection.execute(select(wakeups))]
    assert len(rows) == 2, "one for each wait that it may satisfy"
    await outbox.flush(trip.store, trip.environment.client)
    async with trip.store.writing() as connection:
        await connection.execute(wakeups.insert(), rows)
    await trip.settle()
    assert await templates(trip, "ann") == ["first-came"]
    await trip.skip(days=7)
    assert await templates(trip, "ann") == ["first-came", "second-timed-out"]


async def test_an_event_that_wakes_and_exits_exits(trip: Trip, apply: Apply) -> None:
    await apply(REVIEW.replace("enter:", "exit: [{event: reviewed, where: {rating: {is: 5}}}]\n    enter:"))
    await reader(trip, "ann", "ben")
    now = await trip.now()
    await trip.events((key, "ordered", now, {}) for key in ("ann", "ben"))
    await trip.event("ann", "reviewed", rating=5)
    await trip.event("ben", "reviewed", rating=4)
    await trip.skip(days=7)
    assert await states(trip, "ann") == [("exited", "exit/0")]
    assert await ledger(trip, "ann") == []
    assert await templates(trip, "ben") == ["came"]


@on_both_stores
async def test_an_event_that_is_signalled_while_a_leg_runs_is_used_where_the_leg_leads(
    trip: Trip, apply: Apply
) -> None:
    await apply(RACING)
    await reader(trip, "ann")
    await trip.event("ann", "ordered")
    due = (await trip.enrollments("ann"))[0].wake_at
    await record(trip, "ann", "reviewed", at=due + timedelta(milliseconds=1))
    await route.route(trip.store, Programme(), await trip.now())
    cohort = cohort_of(trip)
    async with holding_up(trip):
        await trip.environment.sleep(due - await trip.now())
        await until(lambda: is_under_way(cohort, "travel"))
        signalling = asyncio.create_task(outbox.flush(trip.store, trip.environment.client))
        await until(lambda: has_wakeup(cohort))
        assert await trip.messages("ann") == []
    await signalling
    await trip.settle()
    assert await templates(trip, "ann") == ["came"]


@on_both_stores
async def test_a_thousand_events_at_once(trip: Trip, apply: Apply) -> None:
    """Two for each of 500 customers: the first wakes, the second finds nobody waiting any more."""
    await apply(TWO_WAITS.replace("event: reviewed", "event: never-happens"))
    keys = [f"c{number}" for number in range(500)]
    consents = {"email": "granted"}
    rows = [CustomerRow(key, {"email": f"{key}@example.com"}, {}, consents) for key in keys]
    await record_customers(trip.store, rows, await trip.now(), "test")
    now = await trip.now()
    await trip.events((key, "ordered", now, {}) for key in keys)
    now = await trip.now()
    await trip.events((key, "visited", now, {}) for key in keys * 2)
    async with trip.store.reading() as connection:
        query = select(messages.c.template, messages.c.state, func.count()).group_by(
            messages.c.template, messages.c.state
        )
        assert [tuple(row) for row in await connection.execute(query)] == [("first-came", "sent", 500)]
        assert (await connection.execute(select(func.count()).select_from(wakeups))).scalar() == 0


async def record(trip: Trip, customer: str, name: str, at: datetime, **properties: Any) -> None:
    """Taken in, and neither routed nor told to anybody."""
    await record_events(trip.store, [EventRow("a-receipt", customer, name, at, properties)], await trip.now())


@asynccontextmanager
async def holding_up(trip: Trip) -> AsyncIterator[None]:
    """No leg gets on: we hold the writer's lock, or the rows of the enrollments."""
    async with trip.store.writing() as connection:
        await connection.execute(select(enrollments.c.id).with_for_update())
        yield


def cohort_of(trip: Trip) -> WorkflowHandle[Cohort, None]:
    """The only one there is."""
    return trip.environment.client.get_workflow_handle_for(Cohort.run, outbox.workflow_id(1))


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await holds():
            await asyncio.sleep(0.01)


async def is_past(trip: Trip, moment: datetime) -> bool:
    return await trip.now() > moment


async def is_under_way(cohort: WorkflowHandle[Cohort, None], activity: str) -> bool:
    pending = (await cohort.describe()).raw_description.pending_activities
    return any(one.activity_type.name == activity for one in pending)


async def has_wakeup(cohort: WorkflowHandle[Cohort, None]) -> bool:
    return bool((await cohort.query(Cohort.state)).wakeups)
