"""A hand-over is written with its leg: once, whatever is repeated."""

from datetime import timedelta

from sqlalchemy import select

from journeyflow.engine.travel import travel_within
from journeyflow.store.customers import events
from tests.engine.programmes import World, keys

JOURNEYS = (
    """
    journey: first
    enter: {event: began}
    steps:
      - wait: 1 day
      - journey: second
""",
    """
    journey: second
    enter: {manual: true, again: always}
    steps: [{wait: 1 day}]
""",
)


async def test_a_repeated_leg_hands_over_once(world: World) -> None:
    await world.apply(*JOURNEYS)
    await world.customers(*keys(3))
    await world.enter(*keys(3))
    world.now += timedelta(days=1)
    await world.travel(1, 1, 0, 3)
    await world.travel(1, 1, 0, 3)
    await world.route()
    asked = await world.rows(select(events).where(events.c.name == "journeyflow.enroll"))
    assert [(row.properties, row.at) for row in asked] == [({"journey": "second"}, world.now)] * 3
    for key in keys(3):
        assert [row.journey for row in await world.enrollments(key)] == ["first", "second"]


async def test_a_leg_that_is_rolled_back_hands_nobody_over(world: World) -> None:
    await world.apply(*JOURNEYS)
    await world.customers("c0")
    await world.enter("c0")
    world.now += timedelta(days=1)
    async with world.store.engine.connect() as connection:  # never committed
        await travel_within(connection, world.programme, world.leg(1, 1, 0))
    assert await world.route() == 0
    await world.travel(1, 1, 0)
    assert await world.route() == 1
