"""Those who come in together set out one cohort after the other, where their journey says `spread`."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import func, select

from journeyflow.engine.pace import Pace
from journeyflow.store.passages import cohorts, enrollments, starts
from tests.engine.programmes import World, keys
from tests.engine.test_sweep import cut_short, run

BEGIN = datetime(2031, 5, 7, 12, tzinfo=UTC)
TWO_HOURS = timedelta(hours=2)
ENTRIES = {
    "schedule": '{schedule: "0 12 * * *", when: {attribute: number, is: 1}, spread: 2 hours}',
    "date": '{date: {attribute: day, at: "12:00"}, spread: 2 hours}',
    "segment": "{segment: invited, spread: 2 hours}",
}


async def prepare(
    world: World, entry: str, number: int, applied: datetime = BEGIN - timedelta(minutes=1)
) -> None:
    journey = f"""
    journey: spread
    enter: {ENTRIES[entry]}
    steps: [{{wait: 1 day}}]
    """
    world.now = applied
    await world.apply(journey, segments="invited: {attribute: number, is: 1}\n")
    await world.customers(*keys(number), number=1, day="2031-05-07")
    world.now = BEGIN


async def due(world: World) -> list[timedelta]:
    """When each cohort sets out, counted from the beginning."""
    query = select(starts.c.cohort_id, starts.c.due_at).order_by(starts.c.cohort_id)
    return [(row.due_at or BEGIN) - BEGIN for row in await world.rows(query)]


@pytest.mark.parametrize("entry", ["schedule", "date", "segment"])
async def test_three_hundred_set_out_five_minutes_apart(world: World, entry: str) -> None:
    await prepare(world, entry, 300)
    assert await run(world, entry) == 300
    sizes = [row.size for row in await world.rows(select(cohorts.c.size).order_by(cohorts.c.id))]
    assert sizes == [13] * 23 + [1]
    assert await due(world) == [TWO_HOURS * 13 * number / 300 for number in range(24)]
    waiting = await world.rows(select(enrollments.c.step, enrollments.c.wake_at, enrollments.c.since))
    assert {row.since for row in waiting} == {BEGIN}, "all have come in at once"
    at_wait = [row for row in waiting if row.step is not None]
    assert len(at_wait) == 13, "the first of them have set out"
    assert sorted({row.wake_at for row in waiting if row.step is None}) == [
        BEGIN + moment for moment in (await due(world))[1:]
    ]
    assert await run(world, entry) == 0


async def test_who_joins_a_segment_in_several_transactions_sets_out_evenly(sqlite_world: World) -> None:
    world = sqlite_world
    await prepare(world, "segment", 1_200)
    assert await run(world, "segment") == 1_200
    assert await due(world) == [timedelta(minutes=5) * number for number in range(24)]


def test_a_crowd_makes_cohorts_as_large_as_they_get() -> None:
    pace = Pace(BEGIN, BEGIN + TWO_HOURS, 100_000)
    assert pace.size == 500
    moments = [pace.due(500 * number) for number in range(200)]
    assert moments[0] == BEGIN
    gaps = {after - before for before, after in pairwise(moments)}
    assert gaps == {timedelta(seconds=36)}


@pytest.mark.parametrize("entry", ["schedule", "date"])
async def test_a_sweep_that_was_cut_short_goes_on_behind_those_who_have_come_in(
    sqlite_world: World, entry: str
) -> None:
    world = sqlite_world
    await prepare(world, entry, 1_200)
    await cut_short(world, entry, commits=2)
    begun = await world.rows(select(func.count()).select_from(enrollments))
    assert 0 < begun[0][0] < 1_200
    await run(world, entry)
    people = await world.rows(
        select(starts.c.due_at, cohorts.c.size).join_from(starts, cohorts, cohorts.c.id == starts.c.cohort_id)
    )
    assert sum(row.size for row in people) == 1_200
    for part in (0.25, 0.5, 0.75):
        before = sum(row.size for row in people if (row.due_at or BEGIN) < BEGIN + part * TWO_HOURS)
        assert before == pytest.approx(1_200 * part, abs=50), "evenly all the same"


@pytest.mark.parametrize("entry", ["schedule", "date"])
async def test_two_sweeps_at_once_take_the_whole_time_together(sqlite_world: World, entry: str) -> None:
    world = sqlite_world
    await prepare(world, entry, 1_200)
    assert sum(await asyncio.gather(run(world, entry), run(world, entry))) == 1_200
    moments = sorted(await due(world))
    assert moments[0] == timedelta()
    assert moments[-1] >= 0.95 * TWO_HOURS


async def test_each_zone_has_the_whole_time_of_its_own(sqlite_world: World) -> None:
    world = sqlite_world
    await prepare(world, "date", 0, applied=BEGIN.replace(hour=0))  # it makes up for no date of before
    for zone in ("Europe/Stockholm", "Europe/London"):
        await world.customers(*(f"{zone}{key}" for key in keys(24)), day="2031-05-07", timezone=zone)
    for hour in (10, 11):  # noon there
        world.now = BEGIN.replace(hour=hour)
        assert await run(world, "date") == 24
        begun = select(starts.c.due_at).join_from(starts, cohorts, cohorts.c.id == starts.c.cohort_id)
        rows = await world.rows(begun.where(cohorts.c.created_at == world.now).order_by(cohorts.c.id))
        moments = [row.due_at or world.now for row in rows]
        assert moments == [world.now + TWO_HOURS * number / 24 for number in range(24)]
