"""A claim and what forbids it take turns, and what is in doubt counts as late as it may have left."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.consent import Basis, Choice, decide
from journeyflow.audience.rights import erase
from journeyflow.audience.suppression import suppress
from journeyflow.delivery.channels.base import Ambiguous, Outcome, Outgoing
from journeyflow.delivery.claim import Claims, claim
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.workflows.contracts import DeliveryRequest
from tests.engine.programmes import World
from tests.journeys.writing import POLICY

JOURNEY = """
    journey: letters
    enter: {event: began, again: always}
    steps: [{send: {email: hello}}]
"""
CAP = "    caps: [{at_most: 1, per: 1 day}]\n"
_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


class Doubtful:
    batch = 1

    async def send(self, message: Outgoing) -> Outcome:
        return Ambiguous("silence")

    async def lookup(self, message_id: int) -> None:
        """Never asked: every message is settled at once."""

    async def close(self) -> None:
        """Nothing is held open."""


@pytest.fixture
async def queued(postgresql_store: Store, tmp_path: Path) -> World:
    world = World(postgresql_store, tmp_path / "programme")
    await world.apply(JOURNEY)
    await world.customers("c0")
    await world.enter("c0")
    return world


async def claimed(world: World, connection: AsyncConnection) -> Claims:
    plan = await world.programme.plan(connection, 1)
    policy = await world.programme.policy(connection)
    return await claim(connection, DeliveryRequest(1, 0, "email"), plan, policy, world.now, world.now, 0, 10)


async def suppressed(world: World, connection: AsyncConnection) -> None:
    await suppress(connection, "email", ["c0@example.com"], "manual", world.now)


async def denied(world: World, connection: AsyncConnection) -> None:
    policy = await world.programme.policy(connection)
    choices = [Choice("email", "", "denied")]
    assert await decide(connection, policy, 1, choices, Basis("page", "customer"), world.now)


async def waits(world: World, task: "asyncio.Task[Any]") -> None:
    """Returns when the task is seen to wait for a lock."""
    async with asyncio.timeout(30), world.store.reading() as connection:
        while not (await connection.execute(_WAITING)).scalar():
            assert not task.done(), "it does not wait"
            await connection.commit()


async def test_a_suppression_is_answered_after_a_claim_that_did_not_see_it(queued: World) -> None:
    async def answer() -> None:
        async with queued.store.writing() as connection:
            await suppressed(queued, connection)

    async with queued.store.writing() as connection:
        assert len((await claimed(queued, connection)).taken) == 1
        task = asyncio.create_task(answer())
        await waits(queued, task)
    await task


async def test_a_claim_waits_for_a_suppression_and_sees_it(queued: World) -> None:
    async def take() -> Claims:
        async with queued.store.writing() as connection:
            return await claimed(queued, connection)

    async with queued.store.writing() as connection:
        await suppressed(queued, connection)
        task = asyncio.create_task(take())
        await waits(queued, task)
    assert (await task).taken == []
    assert await queued.ledger("c0") == [("hello", "cancelled", "suppressed")]


async def test_an_erasure_reports_the_message_that_was_being_claimed(queued: World) -> None:
    [message] = await queued.messages("c0")
    async with queued.store.writing() as connection:
        await claimed(queued, connection)
        task = asyncio.create_task(erase(queued.store, "c0", "test", queued.now))
        await waits(queued, task)
    erasure = await task
    assert erasure is not None
    assert (erasure.handed_over, erasure.under_way) == ([message.id], [message.id])


async def test_what_comes_back_to_the_queue_during_an_opt_out_is_not_claimed(queued: World) -> None:
    """A snapshot from before the opt-out's end must not show the message as queued."""

    async def give_back() -> None:
        async with queued.store.writing() as connection:
            sending = messages.c.state == "sending"
            await connection.execute(update(messages).where(sending).values(state="queued"))

    async def take() -> Claims:
        async with queued.store.writing() as connection:
            return await claimed(queued, connection)

    assert len((await take()).taken) == 1
    async with queued.store.writing() as connection:
        await denied(queued, connection)
        giving_back = asyncio.create_task(give_back())
        await waits(queued, giving_back)
        during = await take()
    await giving_back
    assert during.taken == []
    assert (await take()).taken == []
    assert await queued.ledger("c0") == [("hello", "cancelled", "consent")]


async def test_an_opt_out_cancels_what_comes_back_to_the_queue_while_it_waits(queued: World) -> None:
    async def opt_out() -> None:
        async with queued.store.writing() as connection:
            await denied(queued, connection)

    async with queued.store.writing() as connection:
        await claimed(queued, connection)
    async with queued.store.writing() as connection:
        await connection.execute(update(messages).values(state="queued"))
        task = asyncio.create_task(opt_out())
        await waits(queued, task)
    await task
    assert await queued.ledger("c0") == [("hello", "cancelled", "consent")]


async def test_what_is_in_doubt_takes_room_from_when_it_was_handed_over(store: Store, tmp_path: Path) -> None:
    world = World(store, tmp_path / "programme")
    await world.apply(JOURNEY, policy=POLICY + CAP)
    await world.customers("c0")
    await world.enter("c0")
    world.now += timedelta(hours=10)  # the provider was away
    await world.deliver(Doubtful())
    world.now += timedelta(hours=20)
    await world.enter("c0")
    assert [state for _, state, _ in await world.ledger("c0")] == ["unknown", "dropped"]
