"""Imports, routing, legs and sweeps side by side on PostgreSQL: no deadlock, and nobody slips through."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from journeyflow.audience.ingest import record_customers, record_events
from journeyflow.audience.records import CustomerRow, EventRow
from journeyflow.engine.refreshing import refresh_all
from journeyflow.store.database import Store
from tests.engine.programmes import NOON, World, keys

PEOPLE = keys(40)
JOURNEY = """
    journey: busy
    enter: {event: began, again: always}
    exit: [{event: stopped}]
    steps:
      - update: {points: {add: 1}}
      - wait: 1 hour
      - send: {email: hello}
      - wait_for: {event: answered, timeout: 1 day}
"""
CAPS = """
    caps: [{category: marketing, at_most: 1000, per: 1 day}]
    senders: {email: {from: "Club <club@example.com>"}}
"""
WON_BACK = """
    journey: win-back
    enter: {segment: lapsed}
    exit: [{event: bought}]
    steps: [{send: {email: hello}}, {wait: 1 day}]
"""
HELLO = {"hello/email.html": "---\nsubject: Hello\n---\n<p>Hello</p>"}


@pytest.fixture
def world(postgresql_store: Store, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(postgresql_store, tmp_path_factory.mktemp("programme"))


async def test_nobody_waits_in_a_circle(world: World) -> None:
    await world.apply(JOURNEY, policy=CAPS, templates=HELLO)
    await world.customers(*PEOPLE)
    await world.enter(*PEOPLE[:20])
    await world.enter(*PEOPLE[20:])
    world.now += timedelta(hours=2)
    chance = random.Random(1)
    for turn in range(12):
        await asyncio.gather(
            world.travel(1, turn + 1, 1, 20),
            world.travel(2, turn + 1, 1, 20),
            _happen(world, chance, turn),
            world.route(),
            record_customers(world.store, _shuffled_customers(chance, turn), world.now, "test"),
        )
    assert await world.route() is not None


async def _happen(world: World, chance: random.Random, turn: int) -> None:
    people = chance.sample(PEOPLE, len(PEOPLE))
    rows = [
        EventRow(f"{turn}-{key}", key, chance.choice(["began", "stopped", "answered"]), world.now)
        for key in people
    ]
    await record_events(world.store, rows, world.now)


def _shuffled_customers(chance: random.Random, turn: int) -> list[CustomerRow]:
    return [CustomerRow(key, {}, {"turn": turn}) for key in chance.sample(PEOPLE, len(PEOPLE))]


@pytest.mark.parametrize("moment", [2, 3], ids=["before it looks who has joined", "before it asks again"])
async def test_whoever_buys_while_the_segment_is_refreshed_is_not_won_back(world: World, moment: int) -> None:
    """The purchase is taken in and routed before the customer enters."""
    segments = "lapsed: {not: {event: bought}}"
    await world.apply(WON_BACK, policy=CAPS, segments=segments, templates=HELLO)
    await world.customers("c0")
    moments = iter(range(100))
    url = world.store.engine.url.set(drivername="postgresql").render_as_string()

    def clock() -> datetime:
        if next(moments) == moment:
            _buy(url)
        return NOON

    assert (await refresh_all(world.store, world.programme, clock)).entered == 0
    assert next(moments) > moment
    assert await world.enrollments("c0") == []


def _buy(url: str) -> None:
    statement = """
        INSERT INTO events (key, customer_id, name, at, received_at, properties, routed_at)
        SELECT 'purchase', id, 'bought', %(now)s, %(now)s, '{}', %(now)s FROM customers
    """
    with psycopg.connect(url) as connection:
        connection.execute(statement, {"now": NOON.astimezone(UTC)})
