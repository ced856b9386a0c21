"""A customer's story: everything that happened and every decision with its reason, in order."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.engine.timeline import story
from journeyflow.engine.travel import travel
from journeyflow.store.programme import journey_versions
from journeyflow.workflows.contracts import Arrival, LegRequest
from tests.engine.programmes import NOON, World

JOURNEY = """
    journey: reviews
    enter: {event: ordered}
    exit: [{event: stopped}]
    goal: {event: reviewed, value: stars}
    steps:
      - send: {email: thanks}
      - send: {sms: thanks}
      - id: the-review
        wait_for: {event: reviewed, timeout: 2 days}
      - branch:
          - when: {attribute: tier, is: gold}
            then: [{update: {points: {add: 1}}}]
      - wait: {until: "10:00"}
"""
REVIEW = 2


async def told(world: World, key: str) -> list[tuple[str, str, str]]:
    found = await story(world.store, world.programme, key)
    assert found is not None
    assert [moment.at for moment in found.moments] == sorted(moment.at for moment in found.moments)
    return [(moment.what, moment.where, moment.text) for moment in found.moments]


async def test_a_story_from_beginning_to_end(world: World, tmp_path: Path) -> None:
    await world.apply(JOURNEY)
    await world.customers("ann", consents={"email": "granted", "sms": "denied"}, tier="gold")
    await world.happen("ordered", "ann", total=12)
    await world.route()
    [(digest,)] = await world.rows(select(journey_versions.c.digest))
    world.now += timedelta(minutes=1)
    await world.deliver(Outbox(tmp_path))
    world.now += timedelta(hours=1)
    await world.happen("reviewed", "ann", stars=4)
    await world.route()
    at = int(world.now.timestamp() * 1000)
    await travel(world.store, world.programme, LegRequest(1, 1, at, [Arrival(REVIEW, "1", [[0, 2]])]))
    world.now += timedelta(hours=1)
    await world.enter("ann", name="stopped")
    assert await told(world, "ann") == [
        ("event", "ordered", "total=12"),
        ("consent", "email", "granted (test)"),
        ("consent", "sms", "denied (test)"),
        ("enrollment", "reviews", f"entered version {digest} (event:1)"),
        ("step", "reviews steps/0", "send: queued"),
        ("step", "reviews steps/1", "send: dropped by consent"),
        ("step", "reviews the-review", "wait_for: rests"),
        ("message", "reviews steps/1", "message 2, sms thanks dropped: consent consent=denied"),
        ("message", "reviews steps/0", "message 1, email thanks sent"),
        ("event", "reviewed", "stars=4"),
        ("step", "reviews the-review", "wait_for: event 2 came"),
        ("step", "reviews steps/3", "branch: arm 1 of 1, whose condition held"),
        ("step", "reviews steps/3/arms/0/then/0", "update: done"),
        ("step", "reviews steps/4", "wait_until: rests"),
        ("enrollment", "reviews", "reached the goal, worth 4"),
        ("event", "stopped", ""),
        ("enrollment", "reviews", "exited: exit/0"),
    ]


async def test_who_waited_in_vain(world: World) -> None:
    await world.apply(JOURNEY)
    await world.customers("ann", "ben")
    await world.enter("ann", "ben", name="ordered")
    world.now += timedelta(days=2)
    await world.travel(1, 1, step=REVIEW, size=2)
    steps = [(where, text) for what, where, text in await told(world, "ben") if what == "step"]
    assert ("reviews the-review", "wait_for: nothing came in time") in steps
    assert ("reviews steps/3", "branch: no condition held") in steps


async def test_a_stranger_has_no_story_and_a_newcomer_an_empty_one(world: World) -> None:
    await world.customers("ann", consents={})
    assert await story(world.store, world.programme, "nobody") is None
    assert await told(world, "ann") == []
    assert world.now == NOON
