"""How many are in a segment, on both databases: counted one by one in Python, and by SQL."""

from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

import pytest
from sqlalchemy import insert

from journeyflow.audience.sizes import Due, Size, due, history, sample, sizes, stays
from journeyflow.conditions import Attribute
from journeyflow.conditions import Test as Comparison  # pytest would collect the name
from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.segments import segment_members, segments

NOW = datetime(2031, 5, 7, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GOLD = Attribute((Comparison("tier", "is", "gold"),))
DEPENDENCE = {
    "on_events": False, "on_customers": True, "on_consents": False, "on_messages": False, "on_rfm": False,
    "on_time": False,
}  # fmt: skip
Stays = list[tuple[int, int, int | None]]  # customer, hours before NOW: joined, left


async def fill(store: Store, found: Stays, people: int = 9) -> None:
    """Customers 1 to `people`, the odd ones with gold; others are in another segment all the time."""
    rows = [
        {"id": n, "key": f"c{n}", "attributes": {"tier": "gold" if n % 2 else "silver"}}
        for n in range(1, people + 1)
    ]
    times = {"created_at": NOW, "updated_at": NOW}
    names = [{"name": name, "digest": "", "condition": {}, "applied_at": NOW} for name in ("gold", "other")]
    members = [
        {"segment": "gold", "customer_id": n, "joined_at": NOW - HOUR * joined, "left_at": _ago(left)}
        for n, joined, left in found
    ]
    members += [
        {"segment": "other", "customer_id": n, "joined_at": NOW - HOUR, "left_at": None} for n in (1, 2)
    ]
    async with store.writing() as connection:
        await connection.execute(insert(customers), [row | times for row in rows])
        await connection.execute(insert(segments), [name | DEPENDENCE for name in names])
        await connection.execute(insert(segment_members), members)


def _ago(hours: int | None) -> datetime | None:
    return None if hours is None else NOW - HOUR * hours


async def test_the_size_now_and_who_came_and_went(store: Store) -> None:
    await fill(store, [(1, 300, None), (2, 300, 5), (3, 4, None), (4, 4, 3), (5, 300, 200), (5, 100, None)])
    async with store.reading() as connection:
        found = await sizes(connection, NOW - 24 * HOUR)
        assert found == [Size("gold", 3, 2, 2, None, None), Size("other", 2, 2, 0, None, None)]
        assert await sizes(connection, NOW - 24 * HOUR, "other") == found[1:]


async def test_a_segment_that_nobody_was_ever_in(store: Store) -> None:
    await fill(store, [])
    async with store.reading() as connection:
        assert (await sizes(connection, NOW, "gold")) == [Size("gold", 0, 0, 0, None, None)]
        assert {size for _, size in await history(connection, "gold", NOW, HOUR, 5)} == {0}
        assert await sample(connection, "gold", 5, Random(1).random) == []


async def test_what_a_refresh_would_find(store: Store) -> None:
    await fill(store, [(1, 300, None), (2, 300, None), (4, 300, None), (3, 9, 5)])
    async with store.reading() as connection:
        assert await due(connection, "gold", GOLD, NOW) == Due(members=5, joining=4, leaving=2)


async def test_when_somebody_was_in_it(store: Store) -> None:
    await fill(store, [(5, 300, 200), (5, 100, None), (4, 9, 8)])
    async with store.reading() as connection:
        found = [(stay.joined_at, stay.left_at) for stay in await stays(connection, "gold", 5)]
    assert found == [(_ago(300), _ago(200)), (_ago(100), None)]


@pytest.mark.parametrize("seed", range(3))
async def test_the_size_over_time_is_that_of_counting_at_each_moment(store: Store, seed: int) -> None:
    """Stays begin and end on the moments themselves, beside them, before the first and after the last."""
    chance, number = Random(seed), count(1)
    found: Stays = []
    for _ in range(60):
        joined = chance.randrange(-5, 60)
        left = chance.choice([None, chance.randrange(-8, joined + 1)])
        found.append((next(number), joined, left))
    await fill(store, found, people=60)
    step = 3 * HOUR
    async with store.reading() as connection:
        points = await history(connection, "gold", NOW, step, 10)
    for ago, (at, size) in zip(range(30, -1, -3), points, strict=True):
        assert at == NOW - HOUR * ago
        assert size == sum(joined >= ago and (left is None or left < ago) for _, joined, left in found)
