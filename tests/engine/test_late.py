"""The time of a wait_for is up, and the store knows of events that its workflow has not heard of."""

from datetime import datetime, timedelta

import pytest

from journeyflow.engine.travel import travel
from journeyflow.instants import to_ms
from journeyflow.members import first, to_hex
from journeyflow.store.passages import enrollments, legs
from journeyflow.workflows.contracts import Arrival, LegOutcome, LegRequest
from tests.engine.programmes import NOON, World, keys

JOURNEY = """
    journey: asking
    enter: {event: began}
    steps:
      - wait_for:
          event: answered
          where: {mark: {at_least: 4}}
          timeout: 1 day
          then: [{update: {answered: true}}]
          otherwise: [{update: {silent: true}}]
      - wait: 1 day
"""
ASKED = 0
MOMENT = timedelta(milliseconds=1)
DEADLINE = NOON + timedelta(days=1)


async def time_is_up(world: World, size: int) -> LegOutcome:
    world.now = DEADLINE + timedelta(hours=3)  # the workers were down
    arrival = Arrival(ASKED, to_hex(first(size)))
    return await travel(world.store, world.programme, LegRequest(1, 1, to_ms(world.now), [arrival]))


async def came_here(world: World, at: datetime, woken_by: int | None) -> None:
    """As if another stop had come before this one."""
    async with world.store.writing() as connection:
        await connection.execute(enrollments.update().values(reached_at=at, woken_by=woken_by))


async def entered(world: World, size: int) -> None:
    await world.apply(JOURNEY)
    await world.customers(*keys(size))
    await world.enter(*keys(size))


async def attributes(world: World) -> list[dict[str, bool]]:
    return [row[7] for row in (await world.everything())["customers"]]


async def test_each_member_counts_by_their_own_events(world: World) -> None:
    await entered(world, 4)
    await world.happen("answered", "c0", at=DEADLINE - MOMENT, mark=5)
    await world.happen("answered", "c1", at=DEADLINE, mark=5)
    await world.happen("answered", "c2", at=DEADLINE - MOMENT, mark=3)
    outcome = await time_is_up(world, 4)
    assert await attributes(world) == [
        {"answered": True},
        {"silent": True},
        {"silent": True},
        {"silent": True},
    ]
    assert [member for member, _, _ in outcome.late] == [0]
    assert [stop.members for stop in outcome.resting] == ["f"]


@pytest.mark.parametrize("routed", [False, True])
async def test_the_first_of_several_events_is_the_one(world: World, routed: bool) -> None:
    """Whether the router has seen them, and its signal is on the way, makes no difference."""
    await entered(world, 1)
    await world.happen("answered", "c0", at=NOON + MOMENT, mark=5)
    await world.happen("answered", "c0", at=NOON + 2 * MOMENT, mark=5)
    if routed:
        await world.route()
    assert (await time_is_up(world, 1)).late == [[0, 2, to_ms(NOON + MOMENT)]]
    told = (await world.rows(legs.select().where(legs.c.number == 1)))[0]
    assert told.arrivals == [[ASKED, "1", [[0, 2]]]]


async def test_an_event_from_before_the_wait_does_not_count(world: World) -> None:
    await entered(world, 1)
    await world.happen("answered", "c0", at=NOON + MOMENT, mark=5)
    await came_here(world, NOON + 2 * MOMENT, None)
    await time_is_up(world, 1)
    assert await attributes(world) == [{"silent": True}]


async def test_an_event_that_woke_the_member_before_does_not_count_again(world: World) -> None:
    await entered(world, 1)
    await world.happen("answered", "c0", at=NOON + MOMENT, mark=5)
    await came_here(world, NOON + MOMENT, 2)
    await time_is_up(world, 1)
    assert await attributes(world) == [{"silent": True}]


async def test_who_has_left_is_not_woken(world: World) -> None:
    await world.apply(JOURNEY.replace("enter:", "exit: [{event: refunded}]\n    enter:"))
    await world.customers(*keys(1))
    await world.enter(*keys(1))
    await world.enter("c0", name="refunded")
    await world.happen("answered", "c0", at=NOON + MOMENT, mark=5)
    assert (await time_is_up(world, 1)).late == []
