"""Deliveries on a real server: rates, urgency, outages, and what is sent again."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from temporalio.client import Client
from temporalio.worker import Worker

from journeyflow.bootstrap import channel_worker, journeys_worker, keep_going, paced
from journeyflow.delivery.channels.base import Accepted, Outcome, Outgoing, Throttled, Unanswerable
from journeyflow.engine import outbox
from journeyflow.errors import ConfigurationError
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.testing.servers import dev_server
from journeyflow.workflows.contracts import Reconciled
from tests.e2e.installation import until
from tests.engine.programmes import World, keys

LETTERS = "journey: letters\nenter: {event: began}\npriority: 90\nsteps: [{send: {email: hello}}]\n"
MINOR = "journey: minor\nenter: {event: strolled}\npriority: 10\nsteps: [{send: {email: hello}}]\n"
CODES = """
    journey: codes
    category: transactional
    enter: {event: asked}
    steps: [{send: {email: code, when_unknown: resend}}]
"""
# So that one queue is one queue: with several partitions the order is only about right.
ONE_PARTITION = {
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
}
_SUGGESTED_AT = 45  # history events, when a new run is suggested
CONFIG = ONE_PARTITION | {"limit.historyCount.suggestContinueAsNew": _SUGGESTED_AT}


@dataclass
class Provider:
    there: bool = True
    batch: int = 1
    got: list[int] = field(default_factory=list)

    async def send(self, message: Outgoing) -> Outcome:
        if not self.there:
            return Throttled(60, "away")
        self.got.append(message.message_id)
        return Accepted("theirs")

    async def lookup(self, _sought: Any) -> Unanswerable:
        return Unanswerable()

    async def close(self) -> None:
        """Nothing is held open."""


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with dev_server(dynamic_config=CONFIG) as server:
        yield await Client.connect(server.address)


@pytest.fixture
def world(sqlite_store: Store, tmp_path: Path) -> World:
    return World(sqlite_store, tmp_path / "programme", datetime.now(UTC))


async def flushed(world: World, client: Client) -> None:
    while await outbox.flush(world.store, client, set()):
        pass


async def scheduled(client: Client, cohort: int) -> list[Any]:
    """The deliveries that the cohort's history asks for."""
    history = await client.get_workflow_handle(f"cohort-{cohort}").fetch_history()
    events = [event.activity_task_scheduled_event_attributes for event in history.events]
    return [event for event in events if event.activity_type.name == "deliver"]


def has_got(provider: Provider, number: int) -> Callable[[], Any]:
    async def enough() -> bool:
        return len(provider.got) >= number

    return enough


async def test_what_is_urgent_overtakes_what_waits_for_a_worker(world: World, client: Client) -> None:
    await world.apply(MINOR, LETTERS, CODES)
    await world.customers(*keys(9))
    for name, people in (("strolled", keys(9)[:6]), ("began", ["c6", "c7"]), ("asked", ["c8"])):
        for one in people:  # a cohort each
            await world.enter(one, name=name)
    async with journeys_worker(world.store, client):
        await flushed(world, client)

        async def all_wait() -> bool:
            return all([await scheduled(client, cohort) for cohort in range(1, 10)])

        await until(all_wait, "all deliveries wait for a worker")
        asked = [(await scheduled(client, cohort))[0].priority.priority_key for cohort in range(1, 10)]
        assert asked == [5] * 6 + [2] * 2 + [1]
        provider = Provider()
        config = channel_worker(world.store, client, "email", provider).config()
        another = await Client.connect(client.service_client.config.target_host)
        async with Worker(**config | {"client": another, "max_concurrent_activities": 1}):
            await until(has_got(provider, 9), "all have been sent")
    of_minor = {row.id for row in await world.rows(select(messages).where(messages.c.journey == "minor"))}
    order = [id in of_minor for id in provider.got]
    assert order == [False] * 3 + [True] * 6
    [code] = await world.messages("c8")
    assert provider.got[0] == code.id


@pytest.mark.parametrize(
    ("rate", "most", "attempts"), [(0.5, 1, 0.5), (20.0, 1, 20.0), (30.0, 2, 15.0), (300.0, 15, 20.0)]
)
def test_a_rate_is_made_of_few_attempts(rate: float, most: int, attempts: float) -> None:
    assert paced(rate) == (most, attempts)


async def test_paced_deliveries_and_those_that_are_sent_again_come_to_their_end(
    world: World, client: Client
) -> None:
    await world.apply(CODES)
    await world.customers(*keys(7))
    await world.enter(*keys(7), name="asked")
    provider = Provider(batch=10)
    worker = channel_worker(world.store, client, "email", provider, rate=40.0)
    assert worker.config()["max_task_queue_activities_per_second"] == 20
    async with journeys_worker(world.store, client), worker:
        await flushed(world, client)
        await until(has_got(provider, 7), "all have been sent")
        await until(lambda: ended(client, "cohort-1"), "the delivery knows that it has come to its end")
        assert len(await scheduled(client, 1)) == 4, "two messages each, and one is left"
        async with world.store.writing() as connection:
            past = world.now - timedelta(minutes=11)
            await connection.execute(update(messages).values(state="unknown", claimed_at=past, checks=0))
        done: Reconciled = await client.execute_workflow(
            "Reconcile", "email", id="reconcile-by-hand", task_queue="journeys", result_type=Reconciled
        )
        assert (done.asked, done.settled, len(done.again)) == (7, 7, 1)
    assert sorted(provider.got) == sorted([1, 2, 3, 4, 5, 6, 7] * 2)
    assert {row.state for row in await world.rows(select(messages))} == {"sent"}


@dataclass
class Choosy(Provider):
    """Wants a pause for the first message, and cannot be given the second one."""

    asked: list[int] = field(default_factory=list)

    async def send(self, message: Outgoing) -> Outcome:
        self.asked.append(message.message_id)
        if message.message_id == 1:
            return Throttled(60, "not to this country", alone=True)
        if message.message_id == 2:
            raise ConfigurationError("no sender for it")
        return await super().send(message)


async def test_with_a_rate_what_comes_back_waits_and_the_others_go(world: World, client: Client) -> None:
    """The histories of many turns stay short."""
    await world.apply(LETTERS)
    await world.customers(*keys(14))
    await world.enter(*keys(14))
    provider = Choosy(batch=10)
    worker = channel_worker(world.store, client, "email", provider, rate=20.0)
    async with journeys_worker(world.store, client), worker:
        first = client.get_workflow_handle("cohort-1")
        await flushed(world, client)
        began_as = (await first.describe()).run_id
        await until(has_got(provider, 12), "all others have been sent")

        async def waits() -> bool:
            pending = (await first.describe()).raw_description.pending_activities
            return [one.attempt for one in pending] == [2]

        await until(waits, "the next attempt is to come")
        now = await first.describe()
    assert sorted(provider.asked) == list(range(1, 15)), "nobody was asked twice"
    assert now.run_id != began_as, "a new run went on where the first one was"
    assert now.history_length < 2 * _SUGGESTED_AT
    [waiting] = now.raw_description.pending_activities
    assert 1 < waiting.current_retry_interval.seconds <= 30


async def ended(client: Client, workflow: str) -> bool:
    return (await client.get_workflow_handle(workflow).describe()).close_time is not None


async def test_an_attempt_is_told_how_long_the_provider_has_been_away(world: World, client: Client) -> None:
    await world.apply(LETTERS)
    await world.customers("c0")
    await world.enter("c0")
    provider = Provider(there=False)
    async with journeys_worker(world.store, client), channel_worker(world.store, client, "email", provider):
        await flushed(world, client)
        handle = client.get_workflow_handle("cohort-1")

        async def has_failed_once() -> bool:
            pending = (await handle.describe()).raw_description.pending_activities
            return [one.attempt for one in pending] == [2]

        await until(has_failed_once, "the second attempt is to come")
        [waiting] = (await handle.describe()).raw_description.pending_activities
    [noted] = await client.data_converter.decode(waiting.heartbeat_details.payloads)
    assert noted == 1
    assert 60 <= waiting.current_retry_interval.seconds <= 66


async def test_unknown_messages_are_asked_after_by_schedules(world: World, client: Client) -> None:
    await keep_going(world.store, client)
    for channel in ("email", "sms"):
        schedule = (await client.get_schedule_handle(f"reconcile-{channel}").describe()).schedule
        assert [interval.every for interval in schedule.spec.intervals] == [timedelta(minutes=5)]
