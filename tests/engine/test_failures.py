"""A failing activity tells Temporal nothing about customers."""

import asyncio
from datetime import timedelta

from sqlalchemy import text
from temporalio import activity, workflow
from temporalio.client import WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

from journeyflow.engine.failures import PrivateFailures
from journeyflow.errors import RenderError
from journeyflow.store.database import Store
from journeyflow.testing.servers import time_skipping

SECRET = "ann.secret@example.com"


@workflow.defn(name="Fails", sandboxed=False)
class Fails:
    @workflow.run
    async def run(self, name: str) -> None:
        await workflow.execute_activity(
            name, start_to_close_timeout=timedelta(seconds=10), retry_policy=RetryPolicy(maximum_attempts=1)
        )


async def history_of_failure(failing: object, name: str) -> str:
    async with time_skipping() as environment:
        worker = Worker(
            environment.client,
            task_queue="failing",
            workflows=[Fails],
            activities=[failing],  # type: ignore[list-item]
            interceptors=[PrivateFailures()],
        )
        async with worker:
            handle = await environment.client.start_workflow(
                Fails.run, name, id="fails", task_queue="failing"
            )
            try:
                await handle.result()
            except WorkflowFailureError:
                return (await handle.fetch_history()).to_json()
    raise AssertionError("the activity should have failed")


async def test_a_databases_own_words_stay_out_of_the_history(postgresql_store: Store) -> None:
    @activity.defn(name="database")
    async def database() -> None:
        async with postgresql_store.reading() as connection:
            await connection.execute(text("SELECT CAST(:value AS integer)"), {"value": SECRET})

    history = await history_of_failure(database, "database")
    assert SECRET not in history
    assert "DataError 22P02 at " in history
    assert "test_failures.py" in history


async def test_what_we_say_ourselves_is_passed_on() -> None:
    @activity.defn(name="ours")
    async def ours() -> None:
        await asyncio.sleep(0)
        raise RenderError('template "welcome" (email) uses "customer.name", which is missing')

    assert "which is missing" in await history_of_failure(ours, "ours")
