"""Temporal's schedules become what is wanted, whoever has changed them; those of others stay."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleIntervalSpec,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from journeyflow.plan import End, EnterBySchedule, Plan
from journeyflow.policy import Policy
from journeyflow.schedules.settle import look, settle
from journeyflow.schedules.wanted import Wanted, wanted
from journeyflow.testing.servers import dev_server

HOURLY = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(hours=1))])


@pytest_asyncio.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    async with dev_server() as server:
        yield await Client.connect(server.address)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Of each test's own journey, and of its store."""
    return str(request.node.name)


def sweep(journey: str, cron: str = "0 9 * * mon") -> Wanted:
    plan = Plan(journey, "", "marketing", 50, EnterBySchedule(cron), (End("end"),))
    return wanted([plan], Policy())[0]


async def settled(client: Client, owner: str, *chosen: Wanted) -> list[str]:
    return [one.line for one in await settle(client, owner, chosen)]


async def states(client: Client, owner: str, *chosen: Wanted) -> list[str]:
    return [one.state for one in await look(client, owner, chosen)]


async def test_what_is_missing_is_made_once(client: Client, name: str) -> None:
    one = sweep(name)
    assert await states(client, name, one) == ["missing"]
    assert await settled(client, name, one) == [f"{one.id}: made"]
    assert await states(client, name, one) == ["right"]
    assert await settled(client, name, one) == []


async def test_one_that_somebody_paused_runs_again(client: Client, name: str) -> None:
    one = sweep(name)
    await settled(client, name, one)
    handle = client.get_schedule_handle(one.id)
    await handle.pause(note="on holiday")
    assert await settled(client, name, one) == [f"{one.id}: was paused by hand; running again"]
    assert not (await handle.describe()).schedule.state.paused


def other_times(schedule: Schedule) -> None:
    schedule.spec = HOURLY


def another_journey(schedule: Schedule) -> None:
    action = schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    schedule.action = ScheduleActionStartWorkflow(
        "Sweep", "another", id=action.id, task_queue=action.task_queue
    )


def a_year_to_catch_up(schedule: Schedule) -> None:
    schedule.policy.catchup_window = timedelta(days=365)


def three_runs(schedule: Schedule) -> None:
    schedule.state.limited_actions, schedule.state.remaining_actions = True, 3


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (other_times, "its timetable"),
        (another_journey, "what it starts"),
        (a_year_to_catch_up, "how it catches up"),
        (three_runs, "the number of its runs"),
    ],
)
async def test_what_somebody_changed_is_told_and_put_right(
    client: Client, name: str, change: Callable[[Schedule], None], what: str
) -> None:
    one = sweep(name)
    await settled(client, name, one)

    def changed(there: ScheduleUpdateInput) -> ScheduleUpdate:
        change(there.description.schedule)
        return ScheduleUpdate(there.description.schedule)

    await client.get_schedule_handle(one.id).update(changed)
    assert await settled(client, name, one) == [f"{one.id}: {what} was changed by hand; put right"]
    assert await states(client, name, one) == ["right"]


async def test_a_new_time_in_the_programme_is_nobodys_hand(client: Client, name: str) -> None:
    await settled(client, name, sweep(name))
    one = sweep(name, "30 10 * * tue")
    assert await settled(client, name, one) == [f"{one.id}: its timetable is another one now; put right"]
    assert await states(client, name, one) == ["right"]


async def test_the_schedule_of_a_journey_that_is_gone_goes_and_those_of_others_stay(
    client: Client, name: str
) -> None:
    one, others = sweep(name), sweep(f"{name}-others")
    await settled(client, name, one)
    await settled(client, "another store", others)
    foreign = Schedule(ScheduleActionStartWorkflow("Theirs", id="theirs", task_queue="theirs"), HOURLY)
    await client.create_schedule(f"{name}-theirs", foreign)
    async with asyncio.timeout(30):
        while await states(client, name) != ["gone"]:  # what is listed follows what was made
            await asyncio.sleep(0.05)
    assert await settled(client, name) == [
        f"{one.id}: removed, since the programme does not want it any more"
    ]
    assert await states(client, name, one) == ["missing"]
    assert await states(client, "another store", others) == ["right"]
    await client.get_schedule_handle(f"{name}-theirs").describe()


async def test_what_an_earlier_version_made_is_taken_over(client: Client, name: str) -> None:
    one = sweep(name)
    action = ScheduleActionStartWorkflow("Sweep", id="sweep", task_queue="journeys")
    await client.create_schedule(one.id, Schedule(action, HOURLY))
    assert await settled(client, name, one) == [f"{one.id}: made anew, since an earlier version had made it"]
    assert await states(client, name, one) == ["right"]


async def test_an_id_that_somebody_else_has_is_left_to_them(client: Client, name: str) -> None:
    one = sweep(name)
    await client.create_schedule(
        one.id, Schedule(ScheduleActionStartWorkflow("Theirs", id="theirs", task_queue="theirs"), HOURLY)
    )
    [told] = await settled(client, name, one)
    assert told.startswith(f"{one.id}: is the id of somebody else's schedule")
    assert await states(client, name, one) == ["taken"]


async def test_a_zone_that_temporal_does_not_know_holds_up_no_other(client: Client, name: str) -> None:
    known, one = sweep(f"{name}-known"), sweep(name)
    lost = replace(one, spec=replace(one.spec, time_zone_name="Mars/Base"))
    refused, made = await settled(client, name, lost, known)
    assert refused.startswith(f"{one.id}: Temporal refuses it (")
    assert "Mars/Base" in refused
    assert made == f"{known.id}: made"


async def test_several_at_once_make_each_schedule_once(client: Client, name: str) -> None:
    chosen = [sweep(f"{name}-{number}") for number in range(5)]
    await asyncio.gather(*(settle(client, name, chosen) for _ in range(4)))
    assert await states(client, name, *chosen) == ["right"] * 5
