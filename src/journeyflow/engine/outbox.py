"""The outboxes towards Temporal: cohorts to start and events to signal, each removed once Temporal has it.

A crash in between repeats the call, which does nothing: a workflow id is used once, and a cohort
remembers which event woke a member last.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, exists, func, or_, select
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from journeyflow.engine.travel import outcome_of
from journeyflow.instants import to_ms
from journeyflow.members import first, to_hex
from journeyflow.store.customers import events
from journeyflow.store.database import Store
from journeyflow.store.passages import cohorts, enrollments, starts, wakeups
from journeyflow.workflows.contracts import JOURNEYS_QUEUE, START, CohortState, Rest, WakeUp
from journeyflow.workflows.state import place

_STARTS = 50  # starts a flush, side by side
_SIGNAL_SIZE = 500  # wake-ups a signal
_WAKEUPS = 5_000  # wake-ups a flush


def workflow_id(cohort: int) -> str:
    return f"cohort-{cohort}"


async def flush(store: Store, client: Client) -> int:
    """Empties the outboxes as far as one go takes; gives how many rows it took out."""
    return await _start(store, client) + await _signal(store, client)


async def _start(store: Store, client: Client) -> int:
    async with store.reading() as connection:
        query = select(starts.c.cohort_id).order_by(starts.c.cohort_id).limit(_STARTS)
        waiting = list((await connection.execute(query)).scalars())
        states = [await _state(connection, cohort) for cohort in waiting]
    await asyncio.gather(*(_start_workflow(client, state) for state in states if _has_work(state)))
    await _remove(store, starts.c.cohort_id, waiting)
    return len(waiting)


async def _state(connection: Any, cohort: int) -> CohortState:
    query = (
        select(cohorts.c.size, func.min(enrollments.c.since).label("since"))
        .join_from(cohorts, enrollments, enrollments.c.cohort_id == cohorts.c.id)
        .where(cohorts.c.id == cohort)
        .group_by(cohorts.c.size)
    )
    row = (await connection.execute(query)).one()
    since = to_ms(row.since)
    outcome = await outcome_of(connection, cohort, 0)
    if outcome is None:
        return CohortState(cohort, 0, [Rest(START, since, since, to_hex(first(row.size)))])
    state = CohortState(cohort, 0, [])
    place(state, outcome, since)
    return state


def _has_work(state: CohortState) -> bool:
    """Nobody rests and nothing is to be sent when all members ended in their first leg."""
    return bool(state.resting or state.deliveries)


async def _start_workflow(client: Client, state: CohortState) -> None:
    # Already started: an earlier flush got this far.
    with contextlib.suppress(WorkflowAlreadyStartedError):
        await client.start_workflow(
            "Cohort",
            state,
            id=workflow_id(state.cohort),
            task_queue=JOURNEYS_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )


async def _signal(store: Store, client: Client) -> int:
    async with store.reading() as connection:
        query = (
            select(wakeups)
            .where(wakeups.c.cohort_id.not_in(select(starts.c.cohort_id)))
            .order_by(wakeups.c.id)
            .limit(_WAKEUPS)
        )
        rows = (await connection.execute(query)).all()
    by_cohort: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_cohort[row.cohort_id].append(row)
    await asyncio.gather(*(_signal_workflow(client, cohort, mine) for cohort, mine in by_cohort.items()))
    await _remove(store, wakeups.c.id, [row.id for row in rows])
    return len(rows)


async def _signal_workflow(client: Client, cohort: int, rows: Sequence[Any]) -> None:
    news = [WakeUp(row.member, row.step, row.event_id, to_ms(row.event_at)) for row in rows]
    handle = client.get_workflow_handle(workflow_id(cohort))
    try:
        for begin in range(0, len(news), _SIGNAL_SIZE):
            await handle.signal("wake", news[begin : begin + _SIGNAL_SIZE])
    except RPCError as error:
        # A cohort that has ended is not there any more; its members wait for nothing.
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def pending(store: Store) -> bool:
    """Whether there is anything to route or to tell Temporal; cheap enough to ask every few milliseconds."""
    unrouted = exists().where(events.c.routed_at.is_(None))
    query = select(or_(unrouted, exists().select_from(starts), exists().select_from(wakeups)))
    async with store.reading() as connection:
        return bool((await connection.execute(query)).scalar_one())


async def _remove(store: Store, column: Any, ids: list[int]) -> None:
    if ids:
        async with store.writing() as connection:
            await connection.execute(delete(column.table).where(column.in_(ids)))
