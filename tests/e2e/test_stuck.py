"""What cannot go on for a while does not hold up anything else, and goes on afterwards."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select
from temporalio.client import Client, WorkflowExecutionStatus

from journeyflow.bootstrap import channel_worker, journeys_worker
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.engine.outbox import flush, pending, workflow_id
from journeyflow.members import enrollment_id
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import wakeups
from journeyflow.testing.servers import dev_server
from tests.e2e.installation import until
from tests.engine.programmes import World, keys

JOURNEY = """
    journey: letters
    enter: {event: began}
    steps:
      - send: {email: hello}
      - wait_for: {event: first, timeout: 1 day}
      - send: {email: hello}
      - wait_for: {event: second, timeout: 1 day}
      - send: {email: hello}
"""
HELLO = {"hello/email.html": "---\nsubject: Hello\n---\n<p>Hello</p>"}
PEOPLE = keys(30)


@asynccontextmanager
async def world_with(store: Store, folder: Path, client: Client) -> AsyncIterator[World]:
    world = World(store, folder / "programme", now=datetime.now(UTC))
    await world.apply(JOURNEY, templates=HELLO)
    await world.customers(*PEOPLE)
    async with journeys_worker(store, client):
        yield world


async def test_a_cohort_continues_as_new_also_while_nobody_delivers(
    sqlite_store: Store, tmp_path: Path
) -> None:
    config = {"limit.historyCount.suggestContinueAsNew": 40}
    async with dev_server(dynamic_config=config) as server:
        client = await Client.connect(server.address)
        async with world_with(sqlite_store, tmp_path, client) as world:
            await world.enter(*PEOPLE)
            for name in ("first", "second"):
                for key in PEOPLE:
                    await _happens(world, client, name, key)
            await until(lambda: _has_messages(world, 3 * len(PEOPLE)), "all legs have been travelled")
            runs = client.list_workflows(f'WorkflowId="{workflow_id(1)}"')
            assert WorkflowExecutionStatus.CONTINUED_AS_NEW in [run.status async for run in runs]
            async with channel_worker(sqlite_store, client, "email", Outbox(tmp_path / "outbox")):
                await client.get_workflow_handle(workflow_id(1)).result()
            states = Counter(row.state for row in await world.rows(select(messages)))
            assert states == {"sent": 3 * len(PEOPLE)}
            assert len(list((tmp_path / "outbox").glob("*.eml"))) == 3 * len(PEOPLE)


async def test_a_cohort_that_temporal_refuses_does_not_hold_up_the_others(
    sqlite_store: Store, tmp_path: Path
) -> None:
    async with dev_server(dynamic_config={"history.maximumSignalsPerExecution": 1}) as server:
        client = await Client.connect(server.address)
        async with world_with(sqlite_store, tmp_path, client) as world:
            await world.enter(*PEOPLE[:10])
            await world.enter(*PEOPLE[10:])
            aside: set[int] = set()
            for key in (PEOPLE[0], PEOPLE[1], PEOPLE[10]):  # two for the first cohort, one for the second
                await world.happen("first", key)
                await world.route()
                while await pending(sqlite_store, world.now, aside):
                    await flush(sqlite_store, client, aside)
            assert aside == {1}
            (refused,) = await world.enrollments(PEOPLE[1])
            left = [enrollment_id(row.cohort_id, row.member) for row in await world.rows(select(wakeups))]
            assert left == [refused.id]
            await until(lambda: _has_messages(world, len(PEOPLE) + 2), "the second cohort has gone on")


async def _happens(world: World, client: Client, name: str, key: str) -> None:
    world.now = datetime.now(UTC)
    await world.happen(name, key)
    await world.route()
    while await flush(world.store, client):
        pass


async def _has_messages(world: World, number: int) -> bool:
    rows = await world.rows(select(func.count().label("number")).select_from(messages))
    return int(rows[0].number) == number
