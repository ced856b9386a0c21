"""Webhooks over real HTTP: Twilio sends, reports and brings in what people write; journeyflow listens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime

from pydantic import SecretStr
from sqlalchemy import select

from journeyflow.audience.suppression import is_suppressed
from journeyflow.cli.api import address, listen, serving
from journeyflow.delivery.channels.base import Accepted
from journeyflow.delivery.channels.twilio import Twilio
from journeyflow.delivery.reports import handle
from journeyflow.engine.programme import Programme
from journeyflow.policy import Sender
from journeyflow.settings import Settings
from journeyflow.store.customers import consents, events
from journeyflow.store.database import Store
from journeyflow.store.installation import name_of
from journeyflow.store.ledger import messages
from journeyflow.store.reports import reports
from journeyflow.testing.vendors.twilio import TwilioServer, twilio_server
from tests.delivery.channels.providers import sms
from tests.delivery.ledgers import left

NUMBERS = ("+46700000000", "+46700000001")  # of Ann and Ben, see `left`
OURS = "+46700000099"


@asynccontextmanager
async def in_service(store: Store) -> AsyncIterator[tuple[TwilioServer, Twilio, str]]:
    """Twilio, the channel that sends through it, and where Twilio reaches us."""
    async with twilio_server() as server:
        with closing(listen("127.0.0.1", 0)) as at:
            settings = Settings(
                public_url=address(at),
                link_secrets=SecretStr(32 * "s"),
                twilio_account_sid=server.account,
                twilio_auth_tokens=SecretStr(f"the next one, {server.token}"),
            )
            channel = Twilio(
                server.account,
                server.token,
                await name_of(store),
                public_url=address(at),
                origin=server.url,
            )
            async with serving(settings, store, at):
                yield server, channel, address(at)
                await channel.close()


async def test_what_becomes_of_a_text_message_comes_back(store: Store) -> None:
    written = await left(store, "ann", "ben", channel="sms", state="sending", sent_at=None)
    async with in_service(store) as (twilio, channel, _):
        for id, number in zip(written, NUMBERS, strict=True):
            assert isinstance(await channel.send(sms(id, number, sender=Sender(OURS))), Accepted)
        ann, ben = twilio.accepted
        heard = [await twilio.report(ann.sid, status) for status in ("queued", "sent", "delivered", "sent")]
        heard.append(await twilio.report(ben.sid, "undelivered", 30005))
        assert {one.status for one in heard} == {204}
    await handle(store, Programme(), datetime.now(UTC))
    async with store.reading() as connection:
        rows = await connection.execute(select(messages).order_by(messages.c.id))
        assert [(row.state, row.reason, row.provider_id) for row in rows] == [
            ("delivered", None, ann.sid),
            ("failed", "30005", ben.sid),
        ]
        names = (await connection.execute(select(events.c.name).order_by(events.c.id))).scalars()
        assert sorted(names) == ["sms.delivered", "sms.failed"]
        assert [await is_suppressed(connection, "sms", one) for one in NUMBERS] == [None, "unknown-number"]


async def test_a_stop_holds_when_twilio_has_its_answer(store: Store) -> None:
    await left(store, "ann", "ben", channel="sms")
    async with in_service(store) as (twilio, _, url):
        inbound = f"{url}/webhooks/twilio/inbound"
        heard = await twilio.write_in(NUMBERS[0], OURS, "Stop", inbound)
        assert (heard.status, heard.content_type.partition(";")[0]) == (200, "text/xml")
        assert heard.text.endswith("<Response/>"), "so that nothing is sent in reply"
        async with store.reading() as connection:
            denied = select(consents.c.channel, consents.c.topic).where(consents.c.state == "denied")
            assert [tuple(row) for row in await connection.execute(denied)] == [("sms", "")]
            assert await is_suppressed(connection, "sms", NUMBERS[0]) == "stopped"
        forged = await twilio.call(inbound, {"From": NUMBERS[1], "Body": "STOP"}, signature="forged")
        assert (forged.status, forged.text) == (403, "")
        async with store.reading() as connection:
            assert await is_suppressed(connection, "sms", NUMBERS[1]) is None
            assert (await connection.execute(select(reports))).all() == []
