"""E-mail over SMTP, on connections that are kept and used again."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from journeyflow.delivery.channels.base import (
    Accepted,
    Ambiguous,
    Outcome,
    Outgoing,
    Rejected,
    Sought,
    Throttled,
    Unanswerable,
)
from journeyflow.delivery.channels.mime import Mail, compose_email
from journeyflow.errors import ConfigurationError

if TYPE_CHECKING:
    from journeyflow.delivery.channels.dkim import Signer

_FORM = "smtp://user:password@host:port?tls=starttls, where tls may be starttls, implicit or none"
_PORTS = {"starttls": 587, "implicit": 465, "none": 25}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_RETRY_AFTER = 60.0
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_DEAD_CODES = {550, 551, 553}  # where the server gives no enhanced code
_LOGIN_CODES = {530, 534, 535, 538}  # of RFC 4954: it wants us to log in, or in another way
_SENDER_CODES = {"5.1.7", "5.1.8"}  # of RFC 3463: many servers speak of the sender at the recipient only
_CLOSING = 421


class Smtp:
    """`url`: smtp://user:password@host:port?tls=starttls|implicit|none (default: starttls).

    Up to `reach_timeout` seconds pass before a message is handed over, then up to `reply_timeout`. What goes
    wrong before is Throttled or Rejected, for the server has not got the message; silence after it is
    Ambiguous. What the server says is never repeated, as it may quote an address.
    """

    batch = 10

    def __init__(
        self,
        url: str,
        reach_timeout: float = 8.0,
        reply_timeout: float = 20.0,
        signer: "Signer | None" = None,
    ) -> None:
        self._server = _parse(url)
        self._signer = signer
        self._reach_timeout = reach_timeout
        self._reply_timeout = reply_timeout
        self._slots = asyncio.Semaphore(self.batch)
        self._idle: list[SMTP] = []

    async def send(self, message: Outgoing) -> Outcome:
        mail = compose_email(message)
        if isinstance(mail, Rejected):
            return mail
        if self._signer is not None:
            mail = self._signer.signed(mail, message.at)
        async with self._slots:
            try:
                async with asyncio.timeout(self._reach_timeout):
                    client = await self._addressed(mail)
            except SMTPResponseException as error:
                return _refused(error)
            except (OSError, SMTPException):
                return Throttled(_RETRY_AFTER, "the SMTP server cannot be reached")
            return await self._hand_over(client, mail)

    async def lookup(self, sought: Sought) -> Unanswerable:
        return Unanswerable()

    async def close(self) -> None:
        while self._idle:
            client = self._idle.pop()
            with suppress(OSError, SMTPException):
                await client.quit(timeout=1)
            client.close()

    async def _addressed(self, mail: Mail) -> SMTP:
        """A connection on which sender and recipient were accepted; a kept one that has died is replaced."""
        if self._idle:
            with suppress(SMTPServerDisconnected):
                return await self._address(self._idle.pop(), mail)
        return await self._address(await self._connect(), mail)

    async def _connect(self) -> SMTP:
        server = self._server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.tls == "implicit",
            start_tls=server.tls == "starttls",
            timeout=self._reach_timeout,
        )
        await client.connect()
        return client

    async def _address(self, client: SMTP, mail: Mail) -> SMTP:
        try:
            await client.mail(mail.sender)
            await client.rcpt(mail.recipient)
        except SMTPResponseException as error:
            if error.code == _CLOSING:
                client.close()
                raise SMTPServerDisconnected("the server closes this connection") from None
            await self._reset(client)
            raise
        except BaseException:
            client.close()
            raise
        return client

    async def _hand_over(self, client: SMTP, mail: Mail) -> Outcome:
        try:
            async with asyncio.timeout(self._reply_timeout):
                await client.data(mail.content)
        except SMTPDataError as error:
            await self._reset(client)
            return _refused(error)
        except (OSError, SMTPException):
            client.close()
            return Ambiguous("the SMTP server was silent after the message was handed over")
        except BaseException:
            client.close()
            raise
        self._idle.append(client)
        return Accepted(mail.message_id)

    async def _reset(self, client: SMTP) -> None:
        """Makes a connection ready for the next message, or gives it up."""
        try:
            await client.rset(timeout=1)
        except (OSError, SMTPException):
            client.close()
        else:
            self._idle.append(client)


@dataclass(frozen=True, slots=True)
class _Server:
    host: str
    port: int
    tls: str
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)


def _parse(url: str) -> _Server:
    """Quotes nothing of the URL in its errors, wherever in it the password may stand."""
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"the SMTP URL cannot be read; write {_FORM}") from None
    tls = options.pop("tls", "starttls")
    if parts.scheme != "smtp" or not host or tls not in _PORTS or options or parts.path not in ("", "/"):
        raise ConfigurationError(f"the SMTP URL is not of the form {_FORM}")
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    if user and tls == "none" and host not in _LOOPBACK:
        raise ConfigurationError(
            "the SMTP URL would send a password in the clear; use tls=starttls or implicit"
        )
    return _Server(host, port or _PORTS[tls], tls, user or None, password if user else None)


def _refused(error: SMTPResponseException) -> Rejected | Throttled:
    """A 5xx about this message rejects it; anything else is about us or about now."""
    found = _ENHANCED.match(error.message)
    enhanced = found[0] if found else None
    phase = _phase(error)
    if error.code < 500 or phase not in ("recipient", "message") or _is_about_us(error.code, enhanced):
        return Throttled(_RETRY_AFTER, f"the SMTP server answered {error.code} to the {phase}")
    code = f"{error.code} {enhanced}" if enhanced else str(error.code)
    return Rejected(code, f"the SMTP server refused the {phase}", _is_dead(error, enhanced))


def _phase(error: SMTPResponseException) -> str:
    match error:
        case SMTPAuthenticationError():
            return "login"
        case SMTPRecipientRefused():
            return "recipient"
        case SMTPSenderRefused():
            return "sender"
        case SMTPDataError():
            return "message"
        case _:
            return "connection"


def _is_about_us(code: int, enhanced: str | None) -> bool:
    return code in _LOGIN_CODES or enhanced in _SENDER_CODES


def _is_dead(error: SMTPResponseException, enhanced: str | None) -> bool:
    if not isinstance(error, SMTPRecipientRefused):
        return False
    if enhanced is None:
        return error.code in _DEAD_CODES
    return enhanced.startswith("5.1.") or enhanced == "5.2.1"  # no such mailbox, or a closed one
