"""Real delivery workers for the kill tests: `journeyflow worker`, and the vendors' servers."""

import asyncio
import base64
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr
from sqlalchemy import func, select

from journeyflow.cli.api import address, listen, serving
from journeyflow.conditions import EventMatch
from journeyflow.delivery.channels.sendgrid import SendGrid
from journeyflow.delivery.channels.twilio import Twilio
from journeyflow.delivery.courier import Courier
from journeyflow.messages.templates import Template
from journeyflow.plan import End, EnterByEvent, Plan, Send
from journeyflow.settings import Settings
from journeyflow.store.customers import customers
from journeyflow.store.installation import name_of
from journeyflow.store.ledger import messages
from journeyflow.testing.vendors.http import Behaviour
from journeyflow.testing.vendors.sendgrid import SendGridServer, sendgrid_server
from journeyflow.testing.vendors.twilio import TwilioServer, twilio_server
from tests.e2e.installation import Installation, Worker, just_now, until

LETTERS = Plan(
    "letters",
    "One letter and one text message",
    "marketing",
    50,
    EnterByEvent(EventMatch("joined")),
    (Send("steps/0", 1, "email", "hello"), Send("steps/1", 2, "sms", "hello"), End("end")),
)
TEMPLATES = [
    Template("hello", "email", "", text="Hello {{ customer.id }}", subject="Hello", html="<p>Hello</p>"),
    Template("hello", "sms", "", text="Hello {{ customer.id }}"),
]
_COHORT = 10  # customers who join together
_ANSWERS_AFTER = 0.02  # seconds
_WORKING = "working on"


@dataclass(slots=True)
class Delivering:
    made: Installation
    sendgrid: SendGridServer
    twilio: TwilioServer
    _signing: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    async def start_worker(self, *queues: str) -> Worker:
        """Returns when it works."""
        vendors = {
            "JOURNEYFLOW_EMAIL": "sendgrid",
            "JOURNEYFLOW_SENDGRID_API_KEY": self.sendgrid.key,
            "JOURNEYFLOW_SENDGRID_URL": self.sendgrid.url,
            "JOURNEYFLOW_SMS": "twilio",
            "JOURNEYFLOW_TWILIO_ACCOUNT_SID": self.twilio.account,
            "JOURNEYFLOW_TWILIO_AUTH_TOKENS": self.twilio.token,
            "JOURNEYFLOW_TWILIO_URL": self.twilio.url,
        }
        with (self.made.folder / "worker.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "journeyflow", "worker", *queues,
                env=self.made.environment() | vendors, cwd=Path(__file__).parents[2],
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        worker = Worker(process)
        self.made.workers.append(worker)
        assert process.stdout is not None
        assert _WORKING in (await process.stdout.readline()).decode(), "it did not start; see worker.log"
        return worker

    async def bring_in(self, number: int) -> None:
        """Customers who get one e-mail and one text message each, in small cohorts."""
        await self.made.apply([LETTERS], TEMPLATES)
        keys = [f"customer-{at}" for at in range(number)]
        await self.made.add_customers(keys)
        for begin in range(0, number, _COHORT):
            await self.made.happen({"joined": keys[begin : begin + _COHORT]}, just_now())
            await until(self.made.has_routed, "those who joined have entered")

    def accepted(self) -> int:
        return len(self.sendgrid.accepted) + len(self.twilio.accepted)

    def accepted_mails(self) -> Counter[int]:
        """How often SendGrid accepted each message, by its number."""
        return Counter(int(mail.custom_args["message_id"]) for mail in self.sendgrid.accepted)

    async def accepted_texts(self) -> Counter[int]:
        """How often Twilio accepted each message, by its number; nobody shares a phone number."""
        query = (
            select(customers.c.phone, messages.c.id)
            .join_from(messages, customers, customers.c.id == messages.c.customer_id)
            .where(messages.c.channel == "sms")
        )
        ids = {row.phone: row.id for row in await self.made.rows(query)}
        return Counter(ids[text.to] for text in self.twilio.accepted)

    async def states(self, channel: str) -> dict[int, str]:
        query = select(messages.c.id, messages.c.state).where(messages.c.channel == channel)
        return {row.id: row.state for row in await self.made.rows(query)}

    async def nothing_is_open(self) -> bool:
        query = select(func.count()).where(messages.c.state.in_(["queued", "sending"]))
        return [row[0] for row in await self.made.rows(query)] == [0]

    async def courier(self) -> Courier:
        """For what is asked after by hand, at times of the test's own."""
        channels = {
            "email": SendGrid(self.sendgrid.key, await name_of(self.made.store), self.sendgrid.url),
            "sms": Twilio(self.twilio.account, self.twilio.token, "here", origin=self.twilio.url),
        }
        return Courier(self.made.store, channels)

    async def sendgrid_reports(self, numbers: Iterable[int]) -> None:
        """Tells of each of these accepted mails, as SendGrid does: signed, many in one request."""
        accepted = {int(mail.custom_args["message_id"]): mail for mail in self.sendgrid.accepted}
        now = int(datetime.now(UTC).timestamp())
        events = [
            {
                "event": "processed",
                "timestamp": now,
                "sg_event_id": f"event-{number}",
                "sg_message_id": f"{accepted[number].id}.recvd-1",
                **accepted[number].custom_args,
            }
            for number in numbers
        ]
        async with _pages(self.made, _public(self._signing)) as url, httpx2.AsyncClient() as client:
            for begin in range(0, len(events), 500):
                response = await client.post(
                    f"{url}/webhooks/sendgrid", **self._signed(events[begin : begin + 500])
                )
                assert response.status_code in (200, 204), response.text

    def _signed(self, events: list[dict[str, object]]) -> dict[str, object]:
        body, timestamp = json.dumps(events), str(int(datetime.now(UTC).timestamp()))
        signature = self._signing.sign((timestamp + body).encode(), ec.ECDSA(SHA256()))
        headers = {
            "content-type": "application/json",
            "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
            "x-twilio-email-event-webhook-timestamp": timestamp,
        }
        return {"content": body, "headers": headers}


@asynccontextmanager
async def delivering(made: Installation) -> AsyncIterator[Delivering]:
    async with sendgrid_server() as sendgrid, twilio_server() as twilio:
        for server in (sendgrid, twilio):
            server.behave(Behaviour(delay=_ANSWERS_AFTER))
        yield Delivering(made, sendgrid, twilio)


@asynccontextmanager
async def _pages(made: Installation, key: str) -> AsyncIterator[str]:
    settings = Settings(
        public_url="https://post.example.com",
        link_secrets=SecretStr("only for tests and long enough for them"),
        sendgrid_webhook_keys=key,
    )
    with closing(listen("127.0.0.1", 0)) as at:
        async with serving(settings, made.store, at):
            yield address(at)


def _public(key: ec.EllipticCurvePrivateKey) -> str:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()
