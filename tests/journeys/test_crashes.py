"""Between the store and Temporal: what was committed and not yet told is neither lost nor repeated."""

import pytest
from sqlalchemy import Table, select
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from journeyflow.engine import outbox, route
from journeyflow.engine.programme import Programme
from journeyflow.store.passages import cohorts, legs, starts, wakeups
from journeyflow.store.programme import policies
from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.reading import states, templates, wake_at
from tests.journeys.test_wait_for import record

JOURNEY = """
    journey: told
    enter: {event: ordered}
    steps:
      - send: {email: hello}
      - wait_for: {event: reviewed, timeout: 1 day, then: [{send: {email: came}}]}
"""


async def rows_of(trip: Trip, table: Table) -> list[dict[str, object]]:
    async with trip.store.reading() as connection:
        return [dict(row._mapping) for row in await connection.execute(select(table))]


async def put_back(trip: Trip, table: Table, rows: list[dict[str, object]]) -> None:
    async with trip.store.writing() as connection:
        await connection.execute(table.insert(), rows)


@on_both_stores
async def test_a_cohort_that_was_started_and_is_still_in_the_outbox(trip: Trip, apply: Apply) -> None:
    """The router died after the commit; the next one died after the start and before it removed the row."""
    await apply(JOURNEY)
    await trip.customer("ann", {"email": "granted"}, email="ann@example.com")
    await record(trip, "ann", "ordered", at=await trip.now())
    await route.route(trip.store, Programme(), await trip.now())
    waiting = await rows_of(trip, starts)
    assert len(waiting) == 1
    assert await templates(trip, "ann") == []
    await outbox.flush(trip.store, trip.environment.client)
    await put_back(trip, starts, waiting)
    await trip.settle()
    assert await rows_of(trip, starts) == []
    assert await templates(trip, "ann") == ["hello"]
    await trip.skip(days=1)
    handle = trip.environment.client.get_workflow_handle(outbox.workflow_id(1))
    run = (await handle.describe()).run_id
    await put_back(trip, starts, waiting)  # and once more when the workflow has long ended
    await trip.settle()
    assert (await handle.describe()).run_id == run
    assert await templates(trip, "ann") == ["hello"]
    assert len(await rows_of(trip, legs)) == 2


async def test_a_wake_up_for_a_cohort_that_has_ended_is_dropped(trip: Trip, apply: Apply) -> None:
    await apply(JOURNEY)
    await trip.customer("ann", {"email": "granted"}, email="ann@example.com")
    await trip.event("ann", "ordered")
    await record(trip, "ann", "reviewed", at=await trip.now())
    await route.route(trip.store, Programme(), await trip.now())
    waiting = await rows_of(trip, wakeups)
    await trip.settle()
    assert await templates(trip, "ann") == ["hello", "came"]
    await put_back(trip, wakeups, waiting)
    await trip.settle()
    assert await rows_of(trip, wakeups) == []
    assert await templates(trip, "ann") == ["hello", "came"]


@on_both_stores
async def test_a_first_leg_that_failed_is_travelled_by_the_workflow(trip: Trip, apply: Apply) -> None:
    """The cause, a default zone that does not exist, is mended before the workflow comes to it."""
    until = JOURNEY.replace("- send", '- wait: {until: "09:00"}\n      - send')
    await apply(until)
    await trip.customer("ann", {"email": "granted"}, email="ann@example.com")
    good = await rows_of(trip, policies)
    bad = {**good[0], "id": 2, "body": good[0]["body"] | {"defaults": {"timezone": "Mars/Olympus"}}}
    await put_back(trip, policies, [bad])
    await record(trip, "ann", "ordered", at=await trip.now())
    await route.route(trip.store, Programme(), await trip.now())
    assert await rows_of(trip, legs) == []
    await put_back(trip, policies, [{**good[0], "id": 3}])
    await trip.settle()
    assert f"{await wake_at(trip, 'ann'):%H:%M}" == "09:00"
    await trip.skip(days=1)
    assert await templates(trip, "ann") == ["hello"]


async def test_a_cohort_that_ended_in_its_first_leg_needs_no_workflow(trip: Trip, apply: Apply) -> None:
    await apply("""
        journey: short
        enter: {event: ordered}
        steps: [{update: {seen: true}}]
    """)
    await trip.customer("ann")
    await trip.event("ann", "ordered")
    assert await states(trip, "ann") == [("finished", None)]
    assert len(await rows_of(trip, cohorts)) == 1
    handle = trip.environment.client.get_workflow_handle(outbox.workflow_id(1))
    with pytest.raises(RPCError) as refused:
        await handle.describe()
    assert refused.value.status is RPCStatusCode.NOT_FOUND


async def test_a_workflow_ends_when_its_last_member_does(trip: Trip, apply: Apply) -> None:
    await apply(JOURNEY)
    await trip.customer("ann", {"email": "granted"}, email="ann@example.com")
    await trip.event("ann", "ordered")
    handle = trip.environment.client.get_workflow_handle(outbox.workflow_id(1))
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await trip.skip(days=1)
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_nothing_personal_crosses_into_temporal(trip: Trip, apply: Apply) -> None:
    await apply(JOURNEY)
    await trip.customer("secret-key", {"email": "granted"}, email="secret@example.com", phone="+46700000077")
    await trip.event("secret-key", "ordered", note="secret-note")
    await trip.event("secret-key", "reviewed", note="secret-note")
    handle = trip.environment.client.get_workflow_handle(outbox.workflow_id(1))
    history = b"".join(event.SerializeToString() for event in (await handle.fetch_history()).events)
    assert b'"resting"' in history, "payloads are there to be read"
    for personal in (b"secret", b"46700000077"):
        assert personal not in history
