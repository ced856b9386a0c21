"""Webhooks through the ledger: what is told, whom it concerns, and what becomes of a receiver's faults."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.channels.webhook import Webhook
from journeyflow.delivery.pauses import TryAgain
from journeyflow.store.ledger import messages
from journeyflow.workflows.contracts import DeliveryCount
from tests.delivery.channels.receiver import Receiver, receiving
from tests.engine.programmes import World, keys
from tests.journeys.writing import POLICY

JOURNEY = """
    journey: tell
    title: Tell the others
    enter: {{event: began}}
    exit: [{{event: stopped}}]
    steps:
      - id: crm
        webhook:
          url: {url}
          body:
            name: "{{{{ customer.first_name }}}}"
            total: "{{{{ event.total }}}}"
            points: 5
            from: "{{{{ journey.name }}}}"
      - wait: 1 day
"""
QUIET = """
    quiet_hours: [{from: "00:00", to: "23:59"}]
"""


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest_asyncio.fixture
async def channel() -> AsyncIterator[Webhook]:
    channel = Webhook("store")
    yield channel
    await channel.close()


async def queue(
    world: World, receiver: Receiver, *customers: str, policy: str = POLICY, **values: Any
) -> None:
    await world.apply(JOURNEY.format(url=receiver.url), policy=policy)
    await world.customers(*customers, **{"consents": {}, "first_name": "Åsa", "secret": "x", **values})
    await world.happen("began", *customers, total=12.5)
    await world.route()
    world.now += timedelta(minutes=1)


async def deliver(world: World, channel: Webhook, attempt: int = 1) -> Any:
    return await world.deliver(channel, name="webhook", attempt=attempt)


async def test_what_is_told_is_what_was_asked_for_and_no_more(
    world: World, receiver: Receiver, channel: Webhook
) -> None:
    await queue(world, receiver, "ann")
    assert await deliver(world, channel) == DeliveryCount(sent=1)
    [row] = await world.messages("ann")
    assert receiver.received[0].content == {
        "id": row.id,
        "journey": "tell",
        "step": "crm",
        "customer": {"id": "ann"},
        "event": {"total": 12.5},
        "data": {"name": "Åsa", "total": "12.5", "points": 5, "from": "tell"},
    }
    assert (row.channel, row.template, row.state, row.provider_id) == (
        "webhook",
        "127.0.0.1",
        "sent",
        f"store-{row.id}",
    )


async def test_rules_for_people_do_not_hold_it_back(
    world: World, receiver: Receiver, channel: Webhook
) -> None:
    """No consent, no address, and quiet hours all day."""
    await queue(world, receiver, "ann", policy=POLICY + QUIET, email=None, phone=None)
    assert await deliver(world, channel) == DeliveryCount(sent=1)


async def test_it_takes_no_room_in_caps_and_asks_for_none(
    world: World, receiver: Receiver, channel: Webhook
) -> None:
    policy = POLICY + "    caps: [{at_most: 1, per: 1 day}, {category: marketing, at_most: 1, per: 1 day}]\n"
    letter = """
        journey: letter
        enter: {event: written}
        steps: [{send: {email: hello}}]
    """
    await world.apply(JOURNEY.format(url=receiver.url), letter, policy=policy)
    await world.customers("ann", first_name="Ann")
    await world.happen("began", "ann", total=1)
    await world.route()
    await deliver(world, channel)
    await world.happen("written", "ann")
    await world.route()
    assert await world.ledger("ann") == [("127.0.0.1", "sent", None), ("hello", "queued", None)]
    await world.customers("bob", first_name="Bob")
    await world.happen("written", "bob")
    await world.happen("began", "bob", total=1)
    await world.route()
    assert sorted(await world.ledger("bob")) == [("127.0.0.1", "queued", None), ("hello", "queued", None)]


async def test_a_missing_value_fails_that_customer_alone(
    world: World, receiver: Receiver, channel: Webhook
) -> None:
    await queue(world, receiver, "ann", "ben")
    await world.customers("ben", first_name=None)
    assert await deliver(world, channel) == DeliveryCount(sent=1, failed=1)
    reason = (
        'webhook "crm", "name" uses "customer.first_name", which is missing for this customer; '
        'write "| default(...)" behind it'
    )
    assert await world.ledger("ben") == [("127.0.0.1", "failed", reason)]
    assert [(row.state, row.reason) for row in await world.enrollments("ben")] == [("failed", reason)]
    assert await world.ledger("ann") == [("127.0.0.1", "sent", None)]


async def test_one_that_the_receiver_cannot_take_does_not_stop_those_behind_it(
    world: World, receiver: Receiver, channel: Webhook
) -> None:
    everyone = keys(25)
    await queue(world, receiver, *everyone)
    receiver.answer = lambda got: (
        (500, {"retry-after": "90"}) if got.content["customer"]["id"] == "c3" else (204, {})
    )
    with pytest.raises(TryAgain) as pause:
        await deliver(world, channel)
    assert pause.value.after == timedelta(seconds=90)
    assert await world.ledger("c3") == [("127.0.0.1", "queued", "the receiver answered 500")]
    assert sorted(row.state for row in await world.rows(select(messages))) == ["queued"] + ["sent"] * 24
    receiver.answer = lambda got: (204, {})
    assert await deliver(world, channel, attempt=2) == DeliveryCount(sent=25)
    ids = [got.headers["webhook-id"] for got in receiver.received]
    assert len(ids) == 26
    assert len(set(ids)) == 25


async def test_where_nobody_is_there_it_stops_after_the_first_batch(
    world: World, receiver: Receiver, channel: Webhook
) -> None:
    await queue(world, receiver, *keys(25))
    await receiver.stop()
    with pytest.raises(TryAgain):
        await deliver(world, channel)
    await receiver.start()
    rows = await world.rows(select(messages))
    assert {row.state for row in rows} == {"queued"}
    assert sum(row.handed_at is not None for row in rows) == channel.batch


async def test_what_a_killed_worker_left_is_sent_again_under_the_same_id(
    world: World, receiver: Receiver, channel: Webhook
) -> None:
    await queue(world, receiver, "ann")
    await deliver(world, channel)
    async with world.store.writing() as connection:
        await connection.execute(messages.update().values(state="sending", sent_at=None, provider_id=None))
    assert await deliver(world, channel, attempt=2) == DeliveryCount(sent=1)
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.text == second.text


async def test_after_three_days_it_is_given_up(world: World, receiver: Receiver, channel: Webhook) -> None:
    await queue(world, receiver, "ann")
    receiver.answer = lambda _: (503, {})
    world.now += timedelta(days=2, hours=23)
    with pytest.raises(TryAgain):
        await deliver(world, channel)
    world.now += timedelta(hours=1)
    assert await deliver(world, channel, attempt=2) == DeliveryCount(failed=1)
    assert await world.ledger("ann") == [("127.0.0.1", "failed", "rejected: gave-up")]


async def test_who_has_left_is_not_told_of(world: World, receiver: Receiver, channel: Webhook) -> None:
    await queue(world, receiver, "ann")
    await world.happen("stopped", "ann")
    await world.route()
    assert await deliver(world, channel) == DeliveryCount(cancelled=1)
    assert receiver.received == []


async def test_other_channels_leave_it_alone(world: World, receiver: Receiver, tmp_path: Any) -> None:
    await queue(world, receiver, "ann")
    assert await world.deliver(Outbox(tmp_path / "outbox")) == DeliveryCount()
    assert await world.ledger("ann") == [("127.0.0.1", "queued", None)]
