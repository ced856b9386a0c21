"""Segments follow what happens to customers; who joins one enters journeys, who leaves one exits."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from journeyflow.audience.merging import Merge, merge
from journeyflow.audience.rights import erase
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.engine.purge import purge
from journeyflow.engine.refreshing import refresh_all
from journeyflow.store.customers import customers
from journeyflow.store.segments import segment_members, segments, touched
from tests.engine.programmes import World, keys
from tests.journeys.writing import POLICY

SEGMENTS = """
    buyer: {event: order.completed}
    recent: {event: order.completed, within: 30 days}
    gold: {attribute: tier, is: gold}
    willing: {consent: sms}
    plain: {not: {segment: gold}}
"""
WELCOMES = """
    journey: welcomes
    enter: {segment: gold, again: always}
    steps: [{wait: 1 day}]
"""


async def history(world: World, key: str) -> list[tuple[str, bool]]:
    """The customer's memberships as (segment, whether still in it), in their order."""
    query = (
        select(segment_members)
        .join(customers, customers.c.id == segment_members.c.customer_id)
        .where(customers.c.key == key)
        .order_by(segment_members.c.id)
    )
    return [(row.segment, row.left_at is None) for row in await world.rows(query)]


async def now_in(world: World, key: str) -> set[str]:
    return {name for name, is_inside in await history(world, key) if is_inside}


async def states(world: World, key: str) -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in await world.enrollments(key)]


async def test_segments_follow_events_attributes_and_consent_at_once(world: World) -> None:
    await world.apply(WELCOMES, segments=SEGMENTS)
    await world.customers("ann", "ben", consents={"sms": "denied"})
    await world.route()
    assert await now_in(world, "ann") == {"plain"}
    world.now += timedelta(minutes=1)
    await world.happen("order.completed", "ann")
    await world.customers("ann", tier="gold", consents={"sms": "granted"})
    await world.route()
    assert await now_in(world, "ann") == {"buyer", "recent", "gold", "willing"}
    assert await now_in(world, "ben") == {"plain"}
    world.now += timedelta(minutes=1)
    await world.customers("ann", tier="silver", consents={"sms": "denied"})
    await world.route()
    assert sorted(await history(world, "ann")) == [
        ("buyer", True),
        ("gold", False),
        ("plain", False),
        ("plain", True),
        ("recent", True),
        ("willing", False),
    ]
    assert await world.rows(select(touched).where(touched.c.what != "everything")) == []


async def test_segments_follow_what_becomes_of_messages(world: World, tmp_path: Path) -> None:
    sends = "\n    journey: sends\n    enter: {event: began}\n    steps: [{send: {sms: hello}}]\n"
    await world.apply(sends, segments="reached: {message: {template: hello, was: sent}}\n")
    await world.customers("ann")
    await world.enter("ann")
    assert "reached" not in await now_in(world, "ann")
    await world.deliver(Outbox(tmp_path), name="sms")
    await world.route()
    assert "reached" in await now_in(world, "ann")


async def test_segments_follow_an_update_on_the_way(world: World) -> None:
    promotes = "\n    journey: promotes\n    enter: {event: began}\n    steps: [{update: {tier: gold}}]\n"
    await world.apply(promotes, WELCOMES, segments=SEGMENTS)
    await world.customers("ann")
    await world.enter("ann")
    await world.route()
    assert [row.journey for row in await world.enrollments("ann")] == ["promotes", "welcomes"]


async def test_what_no_segment_asks_for_is_not_noted(world: World) -> None:
    await world.apply(WELCOMES, segments="gold: {attribute: tier, is: gold}\n")
    await world.customers("ann")
    world.now += timedelta(minutes=10)
    await world.route()
    await world.customers("ann", consents={"sms": "denied"})
    assert await world.rows(select(touched)) == []
    await world.apply("\n    journey: other\n    enter: {event: began}\n    steps: [{wait: 1 day}]\n")
    await world.customers("ben", tier="gold")
    assert await world.rows(select(touched)) == []


async def test_who_joins_enters_in_that_turn_and_once(world: World) -> None:
    await world.apply(WELCOMES, segments=SEGMENTS)
    await world.customers("ann", tier="gold")
    await world.route()
    [passage] = await world.enrollments("ann")
    [member] = await world.rows(select(segment_members).where(segment_members.c.segment == "gold"))
    assert passage.occasion == f"segment:{member.id}"
    await world.customers("ann", tier="gold", points=1)
    await world.route()
    await world.refresh()
    assert len(await world.enrollments("ann")) == 1
    world.now += timedelta(days=1)
    await world.travel(1, 1, step=0)
    for tier in ("silver", "gold"):
        await world.customers("ann", tier=tier)
        await world.route()
    assert [row.state for row in await world.enrollments("ann")] == ["finished", "active"]


LEAVING = """
    journey: leaving
    enter: {event: began}
    exit:
      - leaves: gold
    steps: [{send: {sms: hello, if_capped: wait up to 7 days}}]
"""
CAPPED = POLICY + "    caps: [{channel: sms, at_most: 1, per: 7 days}]\n"


async def test_who_leaves_exits_and_what_was_held_is_cancelled(world: World, tmp_path: Path) -> None:
    fills = LEAVING.replace("leaving", "fills").replace("exit:\n      - leaves: gold\n", "priority: 90\n")
    await world.apply(fills, LEAVING, policy=CAPPED, segments=SEGMENTS)
    await world.customers("ann", "ben", tier="gold")
    await world.enter("ann", "ben")
    assert ("hello", "held", "cap") in await world.ledger("ann")
    await world.customers("ann", tier="silver")
    await world.route()
    assert ("exited", "exit/0") in await states(world, "ann")
    assert ("hello", "cancelled", "exited") in await world.ledger("ann")
    assert ("exited", "exit/0") not in await states(world, "ben")


async def test_who_was_never_in_the_segment_does_not_leave_with_it(world: World) -> None:
    rests = LEAVING.replace("send: {sms: hello, if_capped: wait up to 7 days}", "wait: 1 day")
    await world.apply(rests, segments=SEGMENTS)
    await world.customers("ann", tier="silver")
    await world.enter("ann")
    await world.customers("ann", tier="bronze")
    await world.route()
    await world.refresh()
    assert await states(world, "ann") == [("active", None)]


async def test_an_exit_and_an_entry_in_one_turn(world: World) -> None:
    plains = WELCOMES.replace("welcomes", "plains").replace("gold", "plain")
    await world.apply(
        WELCOMES.replace("steps:", "exit: [{leaves: gold}]\n    steps:"), plains, segments=SEGMENTS
    )
    await world.customers("ann", tier="gold")
    await world.route()
    await world.customers("ann", tier="silver")
    await world.route()
    assert [(row.journey, row.state) for row in await world.enrollments("ann")] == [
        ("welcomes", "exited"),
        ("plains", "active"),
    ]


async def test_time_alone_takes_somebody_out(world: World) -> None:
    await world.apply(WELCOMES, segments=SEGMENTS)
    await world.customers("ann", "ben")
    await world.happen("order.completed", "ann", "ben")
    await world.route()
    await world.refresh()
    world.now += timedelta(days=29)
    await world.happen("order.completed", "ben")
    await world.route()
    world.now += timedelta(days=2)
    refreshed = await world.refresh()
    assert (refreshed.joined, refreshed.left) == (0, 1)
    assert await now_in(world, "ann") == {"buyer", "willing", "plain"}
    assert "recent" in await now_in(world, "ben")
    assert (await world.refresh()).left == 0


async def test_an_event_of_the_future_counts_when_its_time_has_come(world: World) -> None:
    await world.apply(WELCOMES, segments=SEGMENTS)
    await world.customers("ann")
    await world.happen("order.completed", "ann", at=world.now + timedelta(minutes=5))
    await world.route()
    assert "buyer" not in await now_in(world, "ann")
    assert await world.route() == 0
    world.now += timedelta(minutes=5)
    await world.route()
    assert {"buyer", "recent"} <= await now_in(world, "ann")


async def test_history_is_followed_when_all_of_it_is_there(world: World) -> None:
    lapsed = "lapsed: {all: [{event: bought}, {not: {event: sold}}]}\n"
    await world.apply(WELCOMES.replace("gold", "lapsed"), segments=lapsed)
    await world.happen("bought", "ann", "ben", at=world.now - timedelta(days=200))
    await world.route()
    assert await history(world, "ann") == [], "the rest is on its way"
    await world.happen("sold", "ann", at=world.now - timedelta(days=100))
    await world.route()
    world.now += timedelta(minutes=10)
    await world.route()
    assert await history(world, "ann") == []
    assert [row.journey for row in await world.enrollments("ben")] == ["welcomes"]


async def test_a_condition_that_is_new_asks_everybody(world: World) -> None:
    await world.apply(WELCOMES, segments=SEGMENTS)
    await world.customers("ann", tier="gold", points=5)
    await world.customers("ben", tier="silver", points=50)
    await world.route()
    await world.refresh()
    await world.apply(WELCOMES, segments="gold: {attribute: points, at_least: 10}\n")
    assert await now_in(world, "ann") == {"gold"}, "the others are gone, this one has yet to be asked"
    await world.refresh()
    assert (await now_in(world, "ann"), await now_in(world, "ben")) == (set(), {"gold"})
    assert [row.journey for row in await world.enrollments("ben")] == ["welcomes"]
    assert [row.name for row in await world.rows(select(segments))] == ["gold"]


async def test_a_segment_that_is_removed_makes_nobody_leave_a_journey(world: World) -> None:
    leaves = WELCOMES.replace("steps:", "exit: [{leaves: gold}]\n    steps:")
    await world.apply(leaves, segments=SEGMENTS)
    await world.customers("ann", tier="gold")
    await world.route()
    await world.apply(LEAVING.replace("leaves: gold", "event: stopped"))
    await world.customers("ann", tier="silver")
    await world.route()
    await world.refresh()
    assert await states(world, "ann") == [("active", None)]
    assert await now_in(world, "ann") == set()


async def test_a_segment_rests_for_as_long_as_asking_took(world: World) -> None:
    await world.apply(WELCOMES, segments=SEGMENTS)
    begun = world.now

    def slow() -> Any:
        """Each look at the clock is a second later."""
        world.now += timedelta(seconds=1)
        return world.now

    await refresh_all(world.store, world.programme, slow)
    took = {row.name: row.took for row in await world.rows(select(segments))}
    assert took["recent"] > 0
    asked = await _asked_at(world, "recent")
    world.now = asked + 20 * timedelta(milliseconds=took["recent"]) - timedelta(milliseconds=1)
    await world.refresh()
    assert await _asked_at(world, "recent") == asked > begun
    world.now += timedelta(milliseconds=1)
    await world.refresh()
    assert await _asked_at(world, "recent") == world.now


async def _asked_at(world: World, name: str) -> Any:
    [row] = await world.rows(select(segments.c.refreshed_at).where(segments.c.name == name))
    return row.refreshed_at


async def test_two_who_become_one_are_asked_again_and_their_memberships_joined(world: World) -> None:
    await world.apply(WELCOMES, segments=SEGMENTS)
    await world.customers("ann", tier="gold")
    await world.customers("visitor")
    await world.happen("order.completed", "visitor")
    await world.route()
    await merge(world.store, Merge("visitor", "ann"), world.now)
    await world.route()
    assert await now_in(world, "ann") == {"gold", "buyer", "recent", "willing"}
    assert ("plain", False) in await history(world, "ann")


async def test_who_is_erased_is_forgotten_by_segments(world: World) -> None:
    await world.apply(WELCOMES, segments=SEGMENTS)
    await world.customers("ann", tier="gold")
    await world.customers("ben")
    await world.route()
    await world.customers("ann", tier="silver")
    await erase(world.store, "ann", "test", world.now)
    await world.route()
    for table in (touched, segment_members):
        assert {row.customer_id for row in await world.rows(select(table))} == {2}


async def test_what_retention_takes_takes_out_of_segments(world: World) -> None:
    policy = POLICY + "    retention: {events: 30 days}\n"
    await world.apply(WELCOMES, segments=SEGMENTS, policy=policy)
    await world.customers(*keys(3))
    await world.happen("order.completed", *keys(3))
    await world.route()
    await world.refresh()
    world.now += timedelta(days=31)
    assert (await purge(world.store, world.programme, world.now))["events"] == 3
    await world.refresh()
    assert await now_in(world, "c0") == {"willing", "plain"}


@pytest.mark.parametrize("turn", ["route", "refresh"])
async def test_a_turn_that_fails_leaves_nothing_and_is_done_again(world: World, turn: str) -> None:
    """Nobody can be noted to set out, when the first has joined and is about to enter."""
    await world.apply(WELCOMES, segments="gold: {attribute: tier, is: gold}\n")
    await world.customers("ann", tier="gold")
    before = await world.everything()
    async with world.store.writing() as connection:
        await connection.exec_driver_sql("ALTER TABLE starts RENAME TO elsewhere")
    with pytest.raises(Exception, match="starts"):
        await getattr(world, turn)()
    async with world.store.writing() as connection:
        await connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO starts")
    assert await world.everything() == before
    await getattr(world, turn)()
    assert "gold" in await now_in(world, "ann")
    assert len(await world.enrollments("ann")) == 1
