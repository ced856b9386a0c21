"""Routing: turns, rounds, partitions, and who is claimed by whom."""

import asyncio
from datetime import timedelta

from sqlalchemy import func, select

from journeyflow.engine.outbox import pending
from journeyflow.engine.route import route
from journeyflow.store.customers import events
from journeyflow.store.passages import cohorts, enrollments, wakeups
from tests.engine.programmes import World, keys

JOURNEY = """
    journey: routed
    enter: {event: began, again: always}
    exit: [{event: stopped}]
    steps:
      - wait_for: {event: [came, also-came], timeout: 1 day}
      - wait: 1 day
      - wait_for: {event: came, timeout: 1 day}
"""


async def test_a_turn_takes_many_events_and_the_next_one_the_rest(world: World) -> None:
    await world.apply(JOURNEY)
    await world.customers(*keys(1_300))
    await world.happen("began", *keys(1_300))
    await world.happen("nothing", *keys(1_300))
    assert [await world.route(), await world.route(), await world.route()] == [2_000, 600, 0]
    sizes = await world.rows(select(cohorts.c.size).order_by(cohorts.c.id))
    assert [row.size for row in sizes] == [500, 500, 300]
    entered = await world.rows(select(func.count(enrollments.c.customer_id.distinct())))
    assert entered[0][0] == 1_300


async def test_one_customers_events_are_taken_in_order_and_never_too_many_at_once(world: World) -> None:
    await world.apply(JOURNEY)
    await world.customers("c0")
    for number in range(30):
        await world.happen("began", "c0", at=world.now + timedelta(milliseconds=2 * number))
        await world.happen("stopped", "c0", at=world.now + timedelta(milliseconds=2 * number + 1))
    assert [await world.route(), await world.route(), await world.route()] == [50, 10, 0]
    assert [row.state for row in await world.enrollments("c0")] == ["exited"] * 30


async def test_an_event_is_told_for_each_wait_that_it_may_satisfy_and_to_nobody_else(world: World) -> None:
    await world.apply(JOURNEY)
    await world.customers("c0", "c1")
    await world.enter("c0", "c1")
    await world.happen("came", "c0")
    await world.happen("also-came", "c0")
    await world.happen("other", "c1")
    await world.route()
    found = await world.rows(select(wakeups).order_by(wakeups.c.event_id, wakeups.c.step))
    assert [(row.cohort_id, row.member, row.step) for row in found] == [(1, 0, 0), (1, 0, 2), (1, 0, 0)]


async def test_a_member_at_another_kind_of_stop_is_not_told(world: World) -> None:
    await world.apply(JOURNEY)
    await world.customers("c0")
    await world.enter("c0")
    world.now += timedelta(days=1)
    await world.travel(1, 1, step=0)
    await world.happen("came", "c0")
    await world.route()
    assert await world.rows(select(wakeups)) == []
    await world.happen("came", "c0", at=world.now + timedelta(days=1))  # when it will be there
    await world.route()
    assert [row.step for row in await world.rows(select(wakeups))] == [0, 2]


async def test_partitions_share_the_customers_among_them(world: World) -> None:
    await world.apply(JOURNEY)
    await world.customers(*keys(20))
    await world.happen("began", *keys(20))
    routed = [await route(world.store, world.programme, world.now, number, 3) for number in range(3)]
    assert sum(routed) == 20
    assert all(routed)
    assert len(await world.rows(select(enrollments))) == 20


async def test_two_routers_at_once_enter_everybody_once(world: World) -> None:
    """Temporal may start an activity again while the one it gave up on is still at work."""
    await world.apply(JOURNEY)
    await world.customers(*keys(200))
    await world.happen("began", *keys(200))
    turns = await asyncio.gather(*(world.route() for _ in range(4)), return_exceptions=True)
    assert [turn for turn in turns if isinstance(turn, BaseException)] == []
    while await world.route():
        pass
    assert len(await world.rows(select(enrollments))) == 200
    unrouted = select(func.count()).select_from(events).where(events.c.routed_at.is_(None))
    assert (await world.rows(unrouted))[0][0] == 0


async def test_pending_says_whether_there_is_anything_to_do(world: World) -> None:
    await world.apply(JOURNEY)
    await world.customers("c0")
    assert not await pending(world.store, world.now)
    await world.happen("nothing", "c0")
    assert await pending(world.store, world.now)
    await world.route()
    assert not await pending(world.store, world.now)
    await world.enter("c0")
    assert await pending(world.store, world.now), "a cohort has to be started"


async def test_a_router_hears_only_of_what_it_takes_itself(world: World) -> None:
    await world.apply(JOURNEY, segments="many: {attribute: number, at_least: 1}")
    await world.customers("c0", number=1)
    await world.happen("nothing", "c0")
    own, other = (1, 2), (0, 2)  # the first customer's number is odd
    assert [await pending(world.store, world.now, None, *which) for which in (own, other)] == [True, False]
    await route(world.store, world.programme, world.now, *other)
    assert await pending(world.store, world.now, None, *own)
    await route(world.store, world.programme, world.now, *own)
    assert not await pending(world.store, world.now, None, *own)
