"""SendGrid on this machine: `POST /v3/mail/send`, as the real API checks and answers it.

    async with sendgrid_server() as server:
        channel = SendGrid(server.key, "here", server.url)

What it accepts is written down before it is answered.
"""

import json
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from typing import IO, Any

from journeyflow.testing.vendors.http import Behaviour, HttpServer, Reply, Request, serving
from journeyflow.testing.vendors.sendgrid_mail import LONGEST_BODY, mail_problems
from journeyflow.testing.vendors.shapes import Problem

KEY = "SG.only-for-tests.0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"  # as long as real ones are
_PATH = "/v3/mail/send"
_HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message."
_NOT_ALLOWED = "The provided authorization grant is invalid, expired, or revoked"


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail that was accepted."""

    id: str  # as X-Message-Id says
    mail: dict[str, Any]  # as it came

    @property
    def custom_args(self) -> dict[str, str]:
        """Of the first personalization, with those of the whole mail."""
        own = self.mail["personalizations"][0].get("custom_args", {})
        return dict(self.mail.get("custom_args", {}) | own)


class SendGridServer:
    """`senders`: the domains that may be written from; None: all. `ledger`: a line for each accepted mail."""

    def __init__(
        self, key: str = KEY, senders: Collection[str] | None = None, ledger: IO[str] | None = None
    ) -> None:
        self.key = key
        self.accepted: list[Taken] = []
        self._senders = senders
        self._ledger = ledger
        self.http = HttpServer(self._take, refused, LONGEST_BODY)

    @property
    def url(self) -> str:
        return self.http.url

    def behave(self, behaviour: Behaviour | None = None) -> None:
        """From now on; without an argument properly and at once."""
        self.http.behave(behaviour)

    def away(self) -> AbstractAsyncContextManager[None]:
        """Refuses connections as long as the block lasts."""
        return self.http.away()

    def _take(self, request: Request) -> Reply:
        refusal = _unwelcome(request, self.key)
        if refusal is not None:
            return refusal
        try:
            mail = json.loads(request.body.decode("utf-8"))
        except UnicodeDecodeError:
            return errors(415, Problem("Invalid UTF8 in request"))
        except ValueError:
            return errors(400, Problem("Bad Request"))
        found = mail_problems(mail, time.time())
        if found:
            return errors(400, *found)
        if self._senders is not None and mail["from"]["email"].rpartition("@")[2] not in self._senders:
            return errors(403, Problem("The from address does not match a verified Sender Identity.", "from"))
        return self._accept(mail)

    def _accept(self, mail: dict[str, Any]) -> Reply:
        taken = Taken(urlsafe_b64encode(token_bytes(16)).decode().rstrip("="), mail)
        self.accepted.append(taken)
        if self._ledger is not None:
            self._ledger.write(json.dumps({"id": taken.id, **taken.custom_args}) + "\n")
            self._ledger.flush()
        if mail.get("mail_settings", {}).get("sandbox_mode", {}).get("enable"):
            return Reply(200)
        return Reply(202, headers={"Server": "nginx", "X-Message-Id": taken.id})


@asynccontextmanager
async def sendgrid_server(
    key: str = KEY, senders: Collection[str] | None = None, ledger: Path | None = None, port: int = 0
) -> AsyncIterator[SendGridServer]:
    """On a free port of this machine, unless one is given."""
    file = ledger.open("a", encoding="utf-8") if ledger is not None else None
    try:
        server = SendGridServer(key, senders, file)
        server.http.port = port
        async with serving(server.http):
            yield server
    finally:
        if file is not None:
            file.close()


def errors(status: int, *problems: Problem, headers: dict[str, str] | None = None) -> Reply:
    """In SendGrid's form."""
    told = [{"message": one.message, "field": one.field, "help": _help(one.field)} for one in problems]
    body = json.dumps({"errors": told}).encode()
    return Reply(status, body, {"Server": "nginx", "Content-Type": "application/json"} | (headers or {}))


def refused(status: int) -> Reply:
    """What it answers without a look at the mail."""
    words = {
        400: "Bad Request",
        413: "content too large",
        429: "too many requests",
        500: "internal server error",
    }
    return errors(status, Problem(words.get(status, "error")))


def throttled(seconds: float, limit: int = 600) -> Reply:
    """SendGrid says when its window ends, by the clock."""
    reset = {
        "X-RateLimit-Limit": limit,
        "X-RateLimit-Remaining": 0,
        "X-RateLimit-Reset": int(time.time() + seconds),
    }
    return errors(
        429, Problem("too many requests"), headers={name: str(value) for name, value in reset.items()}
    )


def _unwelcome(request: Request, key: str) -> Reply | None:
    """Whatever it says before it looks at the mail."""
    if request.path != _PATH:
        return errors(404, Problem("not found"))
    if request.method != "POST":
        return errors(405, Problem("method not allowed"))
    if "authorization" not in request.headers:
        return errors(401, Problem("authorization required"))
    if request.headers["authorization"] != f"Bearer {key}":
        return errors(401, Problem(_NOT_ALLOWED))
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return errors(415, Problem("Content-Type should be application/json."))
    return None


def _help(field: str | None) -> str | None:
    return _HELP + re.sub(r"\.\d+", "", field) if field else None
