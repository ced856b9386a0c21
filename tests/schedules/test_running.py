"""What the schedules start is there and does its part, on a real server with real workers."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from temporalio.client import (
    Client,
    DescribeScheduleInput,
    Interceptor,
    OutboundInterceptor,
    ScheduleActionExecutionStartWorkflow,
    ScheduleDescription,
)

from journeyflow.bootstrap import QUEUES, keep_going, working
from journeyflow.engine.programme import Programme
from journeyflow.schedules.settle import look
from journeyflow.schedules.wanted import wanted_now
from journeyflow.settings import Settings
from journeyflow.store.database import Store
from journeyflow.store.installation import name_of
from journeyflow.store.passages import enrollments
from journeyflow.testing.servers import dev_server
from tests.engine.programmes import World, keys
from tests.journeys.writing import POLICY

PURCHASES = POLICY + "    purchases: {event: bought, value: total}\n"


def daily(journey: str, at: datetime) -> str:
    return f"""
    journey: {journey}
    enter: {{schedule: "{at.minute} {at.hour} * * *", when: {{attribute: number, is: 1}}}}
    steps: [{{wait: 1 day}}]
    """


async def test_every_schedule_starts_what_it_says(sqlite_store: Store, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    world = World(sqlite_store, tmp_path / "programme", now - timedelta(hours=2))
    hour_ago = now - timedelta(hours=1)
    await world.apply(daily("mine", hour_ago), daily("other", hour_ago), policy=PURCHASES)
    await world.customers(*keys(3), number=1)
    async with dev_server() as server:
        client = await Client.connect(server.address)
        async with working(Settings(outbox=tmp_path / "outbox"), world.store, client, QUEUES):
            assert (await result(client, "sweep-mine"))["entered"] == 3
            inside = await world.rows(select(enrollments.c.journey).distinct())
            assert [row.journey for row in inside] == ["mine"]
            assert (await result(client, "sweeps"))["entered"] == 3, "of the other journey"
            chosen = [one.id for one in await wanted_now(world.store, Programme())]
            assert "rfm" in chosen
            await asyncio.gather(*(result(client, id) for id in chosen))


async def test_what_is_applied_while_a_worker_settles_is_settled_too(
    sqlite_store: Store, tmp_path: Path
) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply(daily("before", world.now))

    async def meanwhile() -> None:
        await world.apply(daily("after", world.now))

    async with dev_server() as server:
        client = await Client.connect(server.address, interceptors=[AtFirstLook(meanwhile)])
        await keep_going(world.store, client)
        found = await look(client, await name_of(world.store), await wanted_now(world.store, Programme()))
    states = {one.id: one.state for one in found}
    assert states["sweep-after"] == "right"
    assert states.get("sweep-before", "gone") == "gone"  # it is removed as soon as it is listed


class AtFirstLook(Interceptor):
    """Something happens when a schedule is first asked about."""

    def __init__(self, happen: Callable[[], Awaitable[None]]) -> None:
        self.left = [happen]

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Looking(next, self.left)


class _Looking(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, left: list[Callable[[], Awaitable[None]]]) -> None:
        super().__init__(next)
        self.left = left

    async def describe_schedule(self, input: DescribeScheduleInput) -> ScheduleDescription:
        while self.left:
            await self.left.pop()()
        return await super().describe_schedule(input)


async def result(client: Client, id: str) -> Any:
    """Of a run that is asked for now."""
    handle = client.get_schedule_handle(id)
    before = (await handle.describe()).info.num_actions
    await handle.trigger()
    async with asyncio.timeout(60):
        while (info := (await handle.describe()).info).num_actions == before:
            await asyncio.sleep(0.05)
        action = info.recent_actions[-1].action
        assert isinstance(action, ScheduleActionExecutionStartWorkflow)
        run = client.get_workflow_handle(action.workflow_id, run_id=action.first_execution_run_id)
        return await run.result()
