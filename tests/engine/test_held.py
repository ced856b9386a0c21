"""Nothing is said to be held that will never come: messages that are held end with their passage."""

from datetime import timedelta

from journeyflow.delivery.channels.outbox import Outbox
from tests.engine.programmes import World
from tests.journeys.writing import POLICY

JOURNEY = """
    journey: held
    enter: {event: began, again: always}
    exit:
      - event: stopped
      - when: {attribute: quiet, is: true}
    steps:
      - send: {email: hello}
      - send: {sms: later}
"""
NOT_AT_NOON = POLICY + '    quiet_hours: [{from: "11:00", to: "15:00", channel: sms}]\n'
HELD = [("hello", "queued", None), ("later", "held", "quiet-hours")]


async def begun(world: World, *keys: str) -> None:
    await world.apply(JOURNEY, policy=NOT_AT_NOON)
    await world.customers(*keys)
    await world.enter(*keys)
    assert await world.ledger(keys[0]) == HELD


async def test_an_event_that_ends_the_passage_cancels_what_is_held(world: World) -> None:
    await begun(world, "ann", "ben")
    await world.happen("stopped", "ann")
    await world.route()
    assert (await world.ledger("ann"))[1] == ("later", "cancelled", "exited")
    assert (await world.messages("ann"))[1].detail == {"held_by": "quiet-hours"}
    assert await world.ledger("ben") == HELD


async def test_a_condition_that_ends_it_does_so_at_the_next_leg(world: World) -> None:
    await begun(world, "ann", "ben")
    await world.customers("ann", quiet=True)
    world.now += timedelta(hours=3, minutes=10)
    await world.travel(1, 1, 1, size=2)
    assert (await world.ledger("ann"))[1] == ("later", "cancelled", "exited")
    assert (await world.ledger("ben"))[1] == ("later", "queued", None)


async def test_a_passage_that_fails_at_a_delivery_takes_what_is_held_along(world: World) -> None:
    broken = "---\nsubject: Hello\n---\n<p>{{ customer.nickname }}</p>\n"
    await world.apply(JOURNEY, policy=NOT_AT_NOON, templates={"hello/email.html": broken})
    await world.customers("ann")
    await world.enter("ann")
    await world.deliver(Outbox(world.folder / "outbox"))
    [(_, state, reason), later] = await world.ledger("ann")
    assert (state, later) == ("failed", ("later", "cancelled", "failed")), reason
