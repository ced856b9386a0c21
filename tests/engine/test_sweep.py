"""Sweeps that run twice, at once, or are cut short enroll each customer once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select

from journeyflow.engine.sweep import sweep
from journeyflow.store.passages import cohorts, enrollments, sweeps
from tests.engine.programmes import World, keys

SEGMENTS = """
    many: {attribute: number, at_least: 0}
"""
ENTRIES = {
    "segment": "{segment: many, again: always}",
    "schedule": '{schedule: "0 12 * * *", when: {segment: many}}',
    "date": '{date: {attribute: day, at: "12:00"}, again: always}',
}


async def prepare(world: World, entry: str, number: int) -> None:
    world.now = datetime(2031, 5, 7, 11, 59, tzinfo=UTC)
    journey = f"""
    journey: swept
    enter: {ENTRIES[entry]}
    steps: [{{wait: 1 minute}}]
    """
    await world.apply(journey, segments=SEGMENTS)
    await world.customers(*keys(number), number=1, day="2031-05-07")
    await world.customers("not-meant", number=-1, day="2031-05-08")
    world.now += timedelta(minutes=2)


async def run(world: World, entry: str) -> int:
    """What the schedule of this entry does; gives how many entered."""
    if entry == "segment":
        return (await world.refresh()).entered
    return await sweep(world.store, world.programme, lambda: world.now)


async def entered(world: World) -> tuple[int, int]:
    """How many enrollments there are, and of how many customers."""
    query = select(func.count(), func.count(enrollments.c.customer_id.distinct()))
    [row] = await world.rows(query.select_from(enrollments))
    return row[0], row[1]


@pytest.mark.parametrize("entry", ENTRIES)
async def test_again_and_again(world: World, entry: str) -> None:
    await prepare(world, entry, 1_100)
    assert await run(world, entry) == 1_100
    assert await run(world, entry) == 0
    sizes = [row.size for row in await world.rows(select(cohorts.c.size).order_by(cohorts.c.id))]
    assert sizes == [500, 500, 100]
    for cohort, size in enumerate(sizes, start=1):
        world.now += timedelta(minutes=1)
        await world.travel(cohort, 1, step=0, size=size)
    assert [row[0] for row in await world.rows(select(enrollments.c.state).distinct())] == ["finished"]
    world.now += timedelta(minutes=5)
    assert await run(world, entry) == 0, "free to enter, but not on this occasion"
    assert await entered(world) == (1_100, 1_100)


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("commits", [1, 2, 3, 4])
async def test_cut_short_after_any_transaction(sqlite_world: World, entry: str, commits: int) -> None:
    world = sqlite_world
    await prepare(world, entry, 1_100)
    await cut_short(world, entry, commits)
    begun, _ = await entered(world)
    world.now += timedelta(minutes=1)
    await run(world, entry)
    assert await entered(world) == (1_100, 1_100)
    assert begun < 1_100 or commits >= 3


async def cut_short(world: World, entry: str, commits: int) -> None:
    """Cancels a sweep in the moment of its n-th commit."""
    task = asyncio.create_task(run(world, entry))
    left = commits

    def count(_connection: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            task.cancel()

    event.listen(world.store.engine.sync_engine, "commit", count)
    await asyncio.wait([task])
    event.remove(world.store.engine.sync_engine, "commit", count)
    assert task.cancelled() or left > 0


async def test_an_occurrence_that_is_done_is_closed(world: World) -> None:
    await prepare(world, "schedule", 3)
    await sweep(world.store, world.programme, lambda: world.now)
    [row] = await world.rows(select(sweeps))
    assert (row.journey, row.occasion, row.done_at) == (
        "swept",
        "schedule:2031-05-07T12:00:00+00:00",
        world.now,
    )
    await world.customers("newcomer", number=1)
    assert await sweep(world.store, world.programme, lambda: world.now) == 0


async def test_two_sweeps_at_once(world: World) -> None:
    """What the loser of the race cannot do, its next attempt finds done."""
    await prepare(world, "segment", 700)
    await asyncio.gather(*(run(world, "segment") for _ in range(3)), return_exceptions=True)
    await run(world, "segment")
    assert await entered(world) == (700, 700)
