"""Erasing customers while others work on them: nobody fails for it, and nothing of them is left."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from journeyflow.audience import rights
from journeyflow.audience.rights import erase
from journeyflow.delivery.channels.base import Accepted, Outcome, Outgoing
from journeyflow.engine.locks import lock_customers
from journeyflow.errors import JourneyflowError
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments, wakeups
from tests.audience.lives import NOW, cohort_of, live
from tests.engine.programmes import World, keys
from tests.engine.test_erased import REVIEWS

PEOPLE = keys(60)
VICTIMS = PEOPLE[::3]


class Post:
    batch = 5

    async def send(self, message: Outgoing) -> Outcome:
        await asyncio.sleep(0)
        return Accepted(str(message.message_id))

    async def lookup(self, message_id: int) -> None:
        """Knows nothing of any message."""

    async def close(self) -> None:
        """Nothing is held open."""


async def test_among_legs_events_and_deliveries(world: World) -> None:
    await world.apply(REVIEWS)
    await world.customers(*PEOPLE)
    for begin in range(0, len(PEOPLE), 10):  # six cohorts
        await world.enter(*PEOPLE[begin : begin + 10])
    world.now += timedelta(hours=1)
    await world.happen("reviewed", *PEOPLE[::2])

    async def forget_all() -> None:
        for key in VICTIMS:
            assert await erase(world.store, key, "sam", world.now) is not None

    async def travel_all() -> None:
        world.now += timedelta(days=2)
        for cohort in range(1, 7):
            await world.travel(cohort, 1, 1, size=10)

    async def deliver_all() -> None:
        for cohort in range(1, 7):
            await world.deliver(Post(), cohort)

    await asyncio.gather(forget_all(), world.route(), travel_all(), deliver_all())
    known = {row.id: row.key for row in await world.rows(select(customers.c.id, customers.c.key))}
    assert set(known.values()) == set(PEOPLE) - set(VICTIMS)
    for table in (events, messages, enrollments):
        assert {row.customer_id for row in await world.rows(select(table.c.customer_id))} <= set(known)
    left = {row.id for row in await world.rows(select(enrollments.c.id))}
    told = await world.rows(select(wakeups.c.cohort_id, wakeups.c.member))
    assert {1_000 * row.cohort_id + row.member for row in told} <= left
    for key in known.values():
        assert [state for _, state, _ in await world.ledger(key)] == ["sent", "queued"], key


async def test_it_waits_for_whoever_works_on_the_customer(
    postgresql_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "_ATTEMPTS", 1)
    await _ann(postgresql_store)
    async with postgresql_store.writing() as connection:
        await lock_customers(connection, [1])
        with pytest.raises(JourneyflowError, match="nothing was erased"):
            await erase(postgresql_store, "ann-customers-key", "sam", NOW)
    assert await erase(postgresql_store, "ann-customers-key", "sam", NOW) is not None


async def test_what_is_being_written_about_the_customer_goes_too(
    postgresql_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "_ATTEMPTS", 1)
    await _ann(postgresql_store)
    async with postgresql_store.writing() as connection:
        late = {"key": "late", "customer_id": 1, "name": "came", "at": NOW, "received_at": NOW}
        await connection.execute(insert(events).values(**late, properties={}))
        with pytest.raises(JourneyflowError, match="nothing was erased"):
            await erase(postgresql_store, "ann-customers-key", "sam", NOW)
    done = await erase(postgresql_store, "ann-customers-key", "sam", NOW)
    assert done is not None
    assert done.removed["events"] == 2


async def _ann(store: Store) -> None:
    async with store.writing() as connection:
        await live(connection, await cohort_of(connection, 1), 0, "ann")
