"""Whether Temporal carries all who are inside a journey."""

from collections.abc import Collection

from sqlalchemy import exists, select
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from journeyflow.engine.outbox import workflow_id
from journeyflow.store.database import Store
from journeyflow.store.passages import enrollments, starts

_RUNNING = 'WorkflowType="Cohort" AND ExecutionStatus="Running"'


async def not_carried(store: Store, client: Client) -> list[int]:
    """Cohorts with people inside, whose workflow was started and does not run."""
    inside = await _inside(store)
    running = {one.id async for one in client.list_workflows(_RUNNING)}
    # What is listed is some seconds old, so whoever is missing there is asked for by name.
    asked = [one for one in inside if workflow_id(one) not in running]
    missing = [one for one in asked if not await _runs(client, one)]
    return sorted(set(missing) & set(await _inside(store))) if missing else []


async def _inside(store: Store) -> Collection[int]:
    to_start = exists().where(starts.c.cohort_id == enrollments.c.cohort_id)
    query = select(enrollments.c.cohort_id).distinct().where(enrollments.c.state == "active", ~to_start)
    async with store.reading() as connection:
        return (await connection.execute(query)).scalars().all()


async def _runs(client: Client, cohort: int) -> bool:
    try:
        found = await client.get_workflow_handle(workflow_id(cohort)).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return found.status is WorkflowExecutionStatus.RUNNING
