"""Real providers for the conformance suite, each with the adapter that talks to it.

An adapter takes part in it with one line in MAKERS.
"""

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import quote

from aiosmtpd.smtp import SMTP as SmtpProtocol
from aiosmtpd.smtp import AuthResult, LoginPassword

from journeyflow.delivery.channels.base import Channel, Outgoing, Sought
from journeyflow.delivery.channels.http import Timeouts
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.channels.sendgrid import SendGrid
from journeyflow.delivery.channels.smtp import Smtp
from journeyflow.delivery.channels.twilio import Twilio
from journeyflow.policy import Sender
from journeyflow.testing.vendors.http import Behaviour, Reply, serving
from journeyflow.testing.vendors.sendgrid import Taken as TakenMail
from journeyflow.testing.vendors.sendgrid import errors, sendgrid_server
from journeyflow.testing.vendors.shapes import Problem
from journeyflow.testing.vendors.twilio import Taken as TakenSms
from journeyflow.testing.vendors.twilio import problem, throttled, twilio_server
from tests.delivery.channels.pigeon import TOKEN, PigeonServer, adapter

_UTF8 = b'Content-Type: text/plain; charset="utf-8"\nContent-Transfer-Encoding: 8bit\n'
USER, PASSWORD = "club", "p@ss:w/rd"


def outgoing(message_id: int = 1, to: str = "kim@example.com", **changes: Any) -> Outgoing:
    values = {
        "channel": "email",
        "sender": Sender("Club <club@example.com>", "help@example.com"),
        "at": datetime(2026, 5, 1, 12, tzinfo=UTC),
        "subject": "Hello",
        "html": "<p>Hello</p>",
        "text": "Hello",
    }
    return Outgoing(message_id=message_id, to=to, **(values | changes))


def sms(message_id: int = 1, to: str = "+46700000001", **changes: Any) -> Outgoing:
    sms = {"channel": "sms", "sender": Sender("+46700000000"), "subject": None, "html": None}
    return outgoing(message_id, to, **(sms | changes))


def parse(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[return-value]


def sought(message: Outgoing) -> Sought:
    """As it is asked after, had it been handed over just now."""
    return Sought(message.message_id, message.to, message.sender, datetime.now(UTC))


# rejected, throttled: it has not got the message. The others: it has, and does not say so properly.
Trouble = Literal["rejected", "throttled", "garbled", "lost", "silent"]


class Provider(Protocol):
    channel: Channel

    def received(self) -> list[EmailMessage]: ...

    def away(self) -> Any:
        """A context in which the provider takes nothing."""
        ...


class Remote(Provider, Protocol):
    """A provider to whom one speaks over a network."""

    secret: str  # of the adapter
    pause: float  # seconds that the adapter must leave the provider alone for when it is throttled

    def make_trouble(self, trouble: Trouble | None) -> None:
        """From now on."""
        ...

    def impatient(self) -> Channel:
        """An adapter that waits for a reply for a moment only."""
        ...


_IMPATIENT = 0.1  # seconds


@dataclass(slots=True)
class OutboxFolder:
    folder: Path
    channel: Channel = field(init=False)

    def __post_init__(self) -> None:
        self.channel = Outbox(self.folder)

    def received(self) -> list[EmailMessage]:
        mails = [parse(path.read_bytes()) for path in self.folder.glob("*.eml")]
        return mails + [parse(_UTF8 + path.read_bytes()) for path in self.folder.glob("*.txt")]

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        self.folder.write_text("a file where the folder should be")
        yield
        self.folder.unlink()


@dataclass(slots=True)
class SmtpServer:
    """aiosmtpd; what it answers depends on the recipient's name."""

    secret = PASSWORD
    pause = 60.0  # SMTP has no words for how long
    tls: str = "none"
    certificate: ssl.SSLContext | None = None
    authentication: bool = False
    sender_answer: str = "250 OK"
    user: str = ""  # and password, as they stand in the URL
    trouble: Trouble | None = None
    channel: Channel = field(init=False)
    port: int = field(init=False)
    contents: list[bytes] = field(default_factory=list)
    connections: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)  # lets the slow answer
    protocols: list[SmtpProtocol] = field(default_factory=list)
    _server: asyncio.Server | None = None

    def url(self, user: str = "") -> str:
        return f"smtp://{user}127.0.0.1:{self.port}?tls={self.tls}"

    def received(self) -> list[EmailMessage]:
        return [parse(content) for content in self.contents]

    def make_trouble(self, trouble: Trouble | None) -> None:
        self.trouble = trouble

    def impatient(self) -> Channel:
        return Smtp(self.url(self.user), reach_timeout=5, reply_timeout=_IMPATIENT)

    async def start(self, port: int = 0) -> None:
        self.release = asyncio.Event()
        loop = asyncio.get_running_loop()
        implicit = self.certificate if self.tls == "implicit" else None
        self._server = await loop.create_server(self._protocol, "127.0.0.1", port, ssl=implicit)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.release.set()
        assert self._server is not None
        self._server.close()
        self.hang_up()
        await self._server.wait_closed()

    def hang_up(self) -> None:
        for protocol in self.protocols:
            if protocol.transport is not None:
                protocol.transport.abort()
        self.protocols.clear()

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        await self.stop()
        yield
        await self.start(self.port)

    def _protocol(self) -> SmtpProtocol:
        self.connections += 1
        starttls = self.certificate if self.tls == "starttls" else None
        protocol = SmtpProtocol(
            self,
            hostname="localhost",
            loop=asyncio.get_running_loop(),
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_require_tls=False,
            auth_required=self.authentication,
            authenticator=_authenticate if self.authentication else None,
        )
        self.protocols.append(protocol)
        return protocol

    async def handle_MAIL(
        self, server: SmtpProtocol, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.sender_answer.startswith("250"):
            envelope.mail_from = address
        return self.sender_answer

    async def handle_RCPT(
        self, server: SmtpProtocol, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        answers = {
            "gone": f"550 5.1.1 <{address}> no such user",
            "old": f"550 <{address}> no such user",
            "blocked": f"550 5.7.1 <{address}> not from you",
            "foreign": "550 5.1.8 <club@example.com> the sender's domain is not known",
            "stranger": "530 5.7.0 log in first",
            "grey": f"451 4.7.1 <{address}> try again",
            "closing": "421 4.3.2 closing",
        }
        answer = answers.get(address.partition("@")[0])
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SmtpProtocol, session: Any, envelope: Any) -> str:
        name = self.trouble or envelope.rcpt_tos[0].partition("@")[0]
        refusals = {
            "spam": "554 5.7.1 spam",
            "full": "452 4.2.2 full",
            "rejected": "554 5.7.1 not this",
            "throttled": "451 4.7.1 later",
        }
        if name in refusals:
            return refusals[name]
        self.contents.append(envelope.content)
        if name == "lost" and server.transport is not None:
            server.transport.abort()
        if name in ("slow", "silent"):
            await self.release.wait()
        return "no SMTP at all" if name == "garbled" else "250 2.0.0 OK queued"


@asynccontextmanager
async def smtp_server(user: str = "", **settings: Any) -> AsyncIterator[SmtpServer]:
    server = SmtpServer(user=user, **settings)
    await server.start()
    server.channel = Smtp(server.url(user), reach_timeout=5, reply_timeout=5)
    try:
        yield server
    finally:
        await server.channel.close()
        with suppress(OSError):
            await server.stop()


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=known, handled=False)


@dataclass(slots=True)
class Vendor:
    """A vendor's API on this machine. `server` is of `journeyflow.testing.vendors`."""

    server: Any
    make: Callable[[Timeouts], Channel]
    read: Callable[[Any], EmailMessage]  # what was accepted, as it would arrive
    troubles: Mapping[Trouble, Behaviour]  # those in which vendors differ: rejected and throttled
    secret: str
    pause: float = 60.0
    channel: Channel = field(init=False)

    def __post_init__(self) -> None:
        self.channel = self.make(Timeouts())

    def received(self) -> list[EmailMessage]:
        return [self.read(taken) for taken in self.server.accepted]

    def away(self) -> AbstractAsyncContextManager[None]:
        away: AbstractAsyncContextManager[None] = self.server.away()
        return away

    def make_trouble(self, trouble: Trouble | None) -> None:
        same: dict[Trouble, Behaviour] = {
            "garbled": Behaviour(garble=True),
            "lost": Behaviour(lose=True),
            "silent": Behaviour(silent=True),
        }
        self.server.behave(None if trouble is None else (same | dict(self.troubles))[trouble])

    def impatient(self) -> Channel:
        return self.make(Timeouts(reply=_IMPATIENT))


def _as_mail(taken: TakenMail) -> EmailMessage:
    mail = EmailMessage()
    mail["To"] = taken.mail["personalizations"][0]["to"][0]["email"]
    for content in taken.mail["content"]:
        subtype = content["type"].partition("/")[2]
        (mail.set_content if subtype == "plain" else mail.add_alternative)(content["value"], subtype)
    return mail


@asynccontextmanager
async def _sendgrid(folder: Path) -> AsyncIterator[Vendor]:
    async with sendgrid_server() as server:
        limited = errors(429, Problem("too many requests"), headers={"Retry-After": "7"})
        vendor = Vendor(
            server,
            lambda timeouts: SendGrid(server.key, "here", server.url, timeouts),
            _as_mail,
            {
                "rejected": Behaviour(answer=errors(400, Problem("Quotes kim@example.com", "content"))),
                "throttled": Behaviour(answer=limited),
            },
            server.key,
            pause=7,
        )
        yield vendor
        await vendor.channel.close()


def _as_text(taken: TakenSms) -> EmailMessage:
    mail = EmailMessage()
    mail["To"] = taken.to
    mail.set_content(taken.text)
    return mail


@asynccontextmanager
async def _twilio(folder: Path) -> AsyncIterator[Vendor]:
    async with twilio_server() as server:
        vendor = Vendor(
            server,
            lambda timeouts: Twilio(
                server.account, server.token, "here", origin=server.url, timeouts=timeouts
            ),
            _as_text,
            {
                "rejected": Behaviour(answer=problem(400, 21612, "Quotes +46700000001")),
                "throttled": Behaviour(answer=throttled(7)),
            },
            server.token,
            pause=7,
        )
        yield vendor
        await vendor.channel.close()


@asynccontextmanager
async def _pigeon(folder: Path) -> AsyncIterator[Vendor]:
    server = PigeonServer()
    async with serving(server.http):
        vendor = Vendor(
            server,
            lambda timeouts: adapter()(TOKEN, server.http.url, timeouts),
            _as_letter,
            {
                "rejected": Behaviour(answer=Reply(422)),
                "throttled": Behaviour(answer=Reply(429, headers={"Retry-After": "7"})),
            },
            TOKEN,
            pause=7,
        )
        yield vendor
        await vendor.channel.close()


def _as_letter(letter: dict[str, Any]) -> EmailMessage:
    mail = EmailMessage()
    mail["To"] = letter["to"]
    mail.set_content(letter["text"].encode(errors="replace").decode())
    return mail


@asynccontextmanager
async def _outbox(folder: Path) -> AsyncIterator[OutboxFolder]:
    yield OutboxFolder(folder / "outbox")


@asynccontextmanager
async def _smtp(folder: Path) -> AsyncIterator[SmtpServer]:
    async with smtp_server(user=f"{USER}:{quote(PASSWORD, safe='')}@", authentication=True) as server:
        yield server


Make = Callable[..., Outgoing]
Opened = Callable[[Path], AbstractAsyncContextManager[Any]]

# By the adapter's name: how to begin, with an empty folder at hand, and what its messages look like.
MAKERS: dict[str, tuple[Opened, Make]] = {
    "outbox-email": (_outbox, outgoing),
    "outbox-sms": (_outbox, sms),
    "smtp": (_smtp, outgoing),
    "sendgrid": (_sendgrid, outgoing),
    "docs": (_pigeon, outgoing),
    "twilio": (_twilio, sms),
}
REMOTE = [name for name in MAKERS if not name.startswith("outbox")]
