"""The outboxes towards Temporal: cohorts to start and events to signal, each removed once Temporal has it.

A crash in between repeats the call, which does nothing: a workflow id is used once, and a cohort
remembers which event woke a member last.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, or_, select
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from journeyflow.delivery.reports import due
from journeyflow.engine.segments import is_due
from journeyflow.engine.travel import outcome_of
from journeyflow.instants import to_ms
from journeyflow.members import first, to_hex
from journeyflow.store.customers import events
from journeyflow.store.database import Store
from journeyflow.store.passages import cohorts, enrollments, starts, wakeups
from journeyflow.workflows.contracts import JOURNEYS_QUEUE, START, CohortState, Rest, WakeUp
from journeyflow.workflows.state import place

_log = logging.getLogger(__name__)

_STARTS = 50  # starts a flush, side by side
_SIGNAL_SIZE = 500  # wake-ups a signal
_WAKEUPS = 5_000  # wake-ups a flush
_SERVER_TROUBLE = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.CANCELLED,
)


def workflow_id(cohort: int) -> str:
    return f"cohort-{cohort}"


async def flush(store: Store, client: Client, aside: set[int] | None = None) -> int:
    """Empties the outboxes as far as one go takes; gives how many rows it took out.

    A cohort that Temporal refuses is put `aside`, and left alone as long as it is in there: the others go on.
    When the server itself cannot be reached, that error is raised.
    """
    aside = set() if aside is None else aside
    return await _start(store, client, aside) + await _signal(store, client, aside)


async def pending(store: Store, now: datetime, aside: set[int] | None = None) -> bool:
    """Whether there is anything to follow up, to route or to tell Temporal; cheap enough to ask every few
    milliseconds."""
    left = sorted(aside or ())
    query = select(
        or_(
            exists().where(due(now)),
            exists().where(events.c.routed_at.is_(None)),
            exists().where(is_due(now)),
            exists().where(starts.c.cohort_id.not_in(left)),
            exists().where(wakeups.c.cohort_id.not_in(left)),
        )
    )
    async with store.reading() as connection:
        return bool((await connection.execute(query)).scalar_one())


async def _start(store: Store, client: Client, aside: set[int]) -> int:
    async with store.reading() as connection:
        query = select(starts).where(starts.c.cohort_id.not_in(sorted(aside)))
        waiting = (await connection.execute(query.order_by(starts.c.cohort_id).limit(_STARTS))).all()
        states = [await _state(connection, row.cohort_id, row.due_at) for row in waiting]
    calls = {state.cohort: _start_workflow(client, state) for state in states if _has_work(state)}
    told = await _tell(calls, aside)
    done = [state.cohort for state in states if state.cohort not in calls] + told
    await _remove(store, starts.c.cohort_id, done)
    return len(done)


async def _tell(calls: dict[int, Coroutine[Any, Any, None]], aside: set[int]) -> list[int]:
    """The cohorts whose call went through. Raises only when none did, and for no fault of theirs."""
    results = dict(zip(calls, await asyncio.gather(*calls.values(), return_exceptions=True), strict=True))
    for cohort, error in results.items():
        if isinstance(error, RPCError) and error.status not in _SERVER_TROUBLE:
            _log.warning("Temporal refuses cohort %d: %s; it is tried again later", cohort, error.status.name)
            aside.add(cohort)
    told = [cohort for cohort, error in results.items() if error is None]
    trouble = [error for cohort, error in results.items() if error is not None and cohort not in aside]
    if trouble and not told:
        raise trouble[0]
    return told


async def _state(connection: Any, cohort: int, due_at: datetime | None) -> CohortState:
    query = (
        select(cohorts.c.size, func.min(enrollments.c.since).label("since"))
        .join_from(cohorts, enrollments, enrollments.c.cohort_id == cohorts.c.id)
        .where(cohorts.c.id == cohort)
        .group_by(cohorts.c.size)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:  # everybody in it has been erased
        return CohortState(cohort, 0, [])
    outcome = await outcome_of(connection, cohort, 0)
    if outcome is None:
        return CohortState(cohort, 0, [Rest(START, to_ms(due_at or row.since), to_hex(first(row.size)))])
    state = CohortState(cohort, 0, [])
    place(state, outcome)
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


async def _signal(store: Store, client: Client, aside: set[int]) -> int:
    async with store.reading() as connection:
        starting = select(starts.c.cohort_id)
        query = select(wakeups).where(
            wakeups.c.cohort_id.not_in(starting), wakeups.c.cohort_id.not_in(sorted(aside))
        )
        rows = (await connection.execute(query.order_by(wakeups.c.id).limit(_WAKEUPS))).all()
    by_cohort: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_cohort[row.cohort_id].append(row)
    told = await _tell({id: _signal_workflow(client, id, mine) for id, mine in by_cohort.items()}, aside)
    done = [row.id for cohort in told for row in by_cohort[cohort]]
    await _remove(store, wakeups.c.id, done)
    return len(done)


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


async def _remove(store: Store, column: Any, ids: list[int]) -> None:
    if ids:
        async with store.writing() as connection:
            await connection.execute(delete(column.table).where(column.in_(ids)))
