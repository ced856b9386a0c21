"""Who has told Twilio to stop, and not us, is left alone from the first refusal on."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from journeyflow.audience.inbound import receive_sms
from journeyflow.audience.suppression import is_suppressed
from journeyflow.delivery.channels.twilio import Twilio
from journeyflow.policy import Policy
from journeyflow.testing.vendors.twilio import TwilioServer, twilio_server
from journeyflow.workflows.contracts import DeliveryCount
from tests.engine.programmes import World
from tests.journeys.writing import POLICY

JOURNEY = """
    journey: {name}
    enter: {{event: {name}, again: always}}
    category: {category}
    steps: [{{send: {{sms: hello}}}}]
"""
OFFERS = JOURNEY.format(name="offers", category="marketing")
RECEIPTS = JOURNEY.format(name="receipts", category="transactional")
ANN = "+46700000000"
OURS = "+46700000099"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[TwilioServer]:
    async with twilio_server() as server:
        yield server


@pytest_asyncio.fixture
async def channel(server: TwilioServer) -> AsyncIterator[Twilio]:
    channel = Twilio(server.account, server.token, "here", origin=server.url)
    yield channel
    await channel.close()


async def test_it_ends_where_a_stop_ends(world: World, server: TwilioServer, channel: Twilio) -> None:
    await world.apply(OFFERS, RECEIPTS, policy=POLICY.replace("+46700000000", OURS))
    await world.customers("ann", "ben")
    server.hear(ANN, "STOP")

    assert await send(world, channel, "offers") == DeliveryCount(sent=1, failed=1)
    assert await world.ledger("ann") == [("hello", "failed", "rejected: 21610")]
    assert await suppressed(world, ANN) == "stopped"
    assert await world.ledger("ben") == [("hello", "sent", None)]

    await world.enter("ann", name="offers")
    assert (await world.ledger("ann"))[1] == ("hello", "dropped", "suppressed")
    requests = server.http.requests
    assert await send(world, channel, "receipts", "ann") == DeliveryCount(failed=1)
    assert server.http.requests == requests + 1, "a receipt may go, as far as we are asked"

    server.hear(ANN, "START")
    start = {"sender": ANN, "to": OURS, "text": "START", "message_id": "SM1", "newcomer": "new"}
    await receive_sms(world.store, Policy(), **start, now=world.now)
    assert await suppressed(world, ANN) is None
    assert await send(world, channel, "offers", "ann") == DeliveryCount(sent=1)


async def send(world: World, channel: Twilio, name: str, *customers: str) -> DeliveryCount:
    everybody = customers or ("ann", "ben")
    await world.enter(*everybody, name=name)
    world.now += timedelta(minutes=1)
    cohort = (await world.enrollments(everybody[0]))[-1].cohort_id
    count: DeliveryCount = await world.deliver(channel, cohort=cohort, name="sms")
    return count


async def suppressed(world: World, number: str) -> str | None:
    async with world.store.reading() as connection:
        return await is_suppressed(connection, "sms", number)
