"""What a channel is told when it is asked after a message in doubt."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from journeyflow.delivery.channels.base import Sought
from journeyflow.delivery.seeking import sought
from journeyflow.policy import Policy, Sender
from journeyflow.store.customers import customers
from journeyflow.store.ledger import messages
from tests.engine.programmes import World

SENDER = Sender("+46700000000")
POLICY = Policy(senders={"sms": SENDER})
PHONE = "+46700000001"
JOURNEY = """
    journey: {name}
    enter: {{event: {name}}}
    steps: [{{send: {{sms: hello}}}}]
"""
UNKNOWN: dict[str, Any] = {"state": "unknown"}


async def messages_to(world: World, *customers: str, **values: Any) -> list[int]:
    """Two to each of the customers, handed over a minute from now; the first is in doubt."""
    await world.apply(JOURNEY.format(name="one"), JOURNEY.format(name="two"))
    await world.customers(*customers, **values)
    for name in ("one", "two"):
        await world.enter(*customers, name=name)
    world.now += timedelta(minutes=1)
    ids = [row.id for key in customers for row in await world.messages(key)]
    await put(world, *ids, state="sent", claimed_at=world.now, handed_at=world.now)
    await put(world, ids[0], **UNKNOWN)
    return ids


async def put(world: World, *ids: int, **values: Any) -> None:
    async with world.store.writing() as connection:
        await connection.execute(update(messages).where(messages.c.id.in_(ids)).values(**values))


async def ask(world: World, id: int, channel: str = "sms") -> Sought:
    async with world.store.reading() as connection:
        (found,) = await sought(connection, POLICY, channel, messages.c.id == id)
        return found


async def test_the_address_the_sender_and_the_time_are_told(world: World) -> None:
    first, second = await messages_to(world, "ann", phone=PHONE)
    await put(world, second, state="queued", claimed_at=None, handed_at=None)
    assert await ask(world, first) == Sought(first, PHONE, SENDER, world.now)
    later = world.now + timedelta(seconds=5)
    await put(world, first, handed_at=later)
    assert (await ask(world, first)).claimed_at == later
    await put(world, first, handed_at=None)
    assert (await ask(world, first)).claimed_at == world.now


OTHERS: list[tuple[dict[str, Any], set[str], bool]] = [
    ({"state": "delivered", "provider_id": "SM2"}, {"SM2"}, False),
    ({"state": "unknown", "provider_id": "SM2"}, {"SM2"}, False),
    ({"state": "unknown"}, set(), True),
    ({"state": "sending"}, set(), True),
    ({"state": "failed"}, set(), False),
    ({"state": "queued"}, set(), False),
]


@pytest.mark.parametrize("people", [("ann",), ("ann", "ben")], ids=["one", "two with one number"])
async def test_other_messages_to_the_address_are_told(world: World, people: tuple[str, ...]) -> None:
    first, *_, last = await messages_to(world, *people, phone=PHONE)
    long_before = {"claimed_at": world.now - timedelta(hours=10, seconds=1)}
    for other, taken, doubled in OTHERS:
        await put(world, last, provider_id=None, claimed_at=world.now)
        await put(world, last, **other)
        found = await ask(world, first)
        assert (found.taken, found.doubled) == (taken, doubled), other
        await put(world, last, **long_before)
        found = await ask(world, first)
        assert (found.taken, found.doubled) == (set(), False), other


async def test_messages_to_others_are_not_told(world: World) -> None:
    first, second, *others = await messages_to(world, "ann", "ben")
    await put(world, second, claimed_at=None)
    await put(world, *others, state="unknown", provider_id="SM2")
    found = await ask(world, first)
    assert (found.taken, found.doubled) == (set(), False)


async def test_each_of_several_is_told_of_the_others(world: World) -> None:
    first, second = await messages_to(world, "ann")
    await put(world, second, state="sending")
    for hours, doubled in ((10, True), (11, False)):
        then = world.now + timedelta(hours=hours)
        await put(world, second, claimed_at=then, handed_at=then)
        async with world.store.reading() as connection:
            both = await sought(connection, POLICY, "sms", messages.c.id.in_([first, second]))
        assert [(one.message_id, one.doubled) for one in both] == [(first, doubled), (second, doubled)]


async def test_a_customer_who_was_changed_since_may_have_moved(world: World) -> None:
    first, _ = await messages_to(world, "ann")
    for seconds, moved in ((-1, False), (0, True), (1, True)):
        async with world.store.writing() as connection:
            then = world.now + timedelta(seconds=seconds)
            await connection.execute(update(customers).values(updated_at=then))
        assert (await ask(world, first)).moved is moved


async def test_without_an_address_nobody_else_has_it(world: World) -> None:
    first, *_ = await messages_to(world, "ann", "ben")
    async with world.store.writing() as connection:
        await connection.execute(update(customers).values(phone=None))
    found = await ask(world, first)
    assert (found.to, found.taken, found.doubled) == ("", set(), False)
