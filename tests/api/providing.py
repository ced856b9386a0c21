"""Providers that tell what became of messages: their requests, signed as they sign them."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any
from urllib.parse import urlencode

import httpx2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Select
from twilio.request_validator import RequestValidator

from journeyflow.api.app import create_app
from journeyflow.api.webhooks import Providers
from journeyflow.api.webhooks.sendgrid import SendGrid
from journeyflow.api.webhooks.twilio import Twilio
from journeyflow.delivery.reports import handle
from journeyflow.engine.programme import Programme
from journeyflow.messages.links import Links
from journeyflow.store.database import Store
from journeyflow.store.installation import name_of
from tests.api.visiting import SECRET

PUBLIC = "https://post.example.com"
TOKEN, NEXT_TOKEN = "the token of Twilio, in tests", "the token that comes after it"
KEY, NEXT_KEY, FOREIGN_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
_event_ids = count(1)


def public(key: ec.EllipticCurvePrivateKey) -> str:
    """As SendGrid shows it."""
    form = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(form).decode()


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def from_twilio(path: str, params: dict[str, str], token: str = TOKEN, url: str | None = None) -> Request:
    """`url` is what is signed, if it is another than it should be."""
    signature = RequestValidator(token).compute_signature(url or f"{PUBLIC}{path}", params)
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return Request(path, urlencode(params).encode(), {**form, "X-Twilio-Signature": signature})


def status(sid: str, said: str, to: str = "+46701740601", error: int | None = None) -> dict[str, str]:
    params = {
        "AccountSid": "AC" + 32 * "0", "ApiVersion": "2010-04-01", "From": "+46701740605",
        "MessageSid": sid, "MessageStatus": said, "SmsSid": sid, "SmsStatus": said, "To": to,
    }  # fmt: skip
    return params if error is None else params | {"ErrorCode": str(error)}


def from_sendgrid(
    events: Any, now: datetime, key: ec.EllipticCurvePrivateKey = KEY, body: bytes | None = None
) -> Request:
    """`body` instead of the events, where it is none of SendGrid's."""
    body = json.dumps(events).encode() if body is None else body
    timestamp = str(int(now.timestamp()))
    signature = key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "Content-Type": "application/json;charset=utf-8",
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }
    return Request("/webhooks/sendgrid", body, headers)


@dataclass(slots=True)
class Provided:
    """The application, with both providers known to it, at a time that stands still."""

    store: Store
    http: httpx2.AsyncClient
    installation: str
    now: datetime
    programme: Programme = field(default_factory=Programme)

    async def post(self, request: Request, **headers: str) -> httpx2.Response:
        return await self.http.post(
            request.path, content=request.body, headers={**request.headers, **headers}
        )

    def status_path(self, message: int) -> str:
        """Where Twilio is asked to report on it."""
        return f"/webhooks/twilio/status?message={message}&installation={self.installation}"

    def event(self, name: str, message: int, at: datetime, **more: Any) -> dict[str, Any]:
        """Told again it has another id."""
        return {
            "email": f"c{message}@example.com", "timestamp": int(at.timestamp()), "event": name,
            "smtp-id": f"<{message}@ismtpd-555>", "sg_event_id": f"id-{next(_event_ids)}",
            "sg_message_id": f"number-{message}.filter0001.16648.5515E0B88.0",
            "message_id": str(message), "installation": self.installation,
        } | more  # fmt: skip

    async def follow_up(self, now: datetime) -> None:
        while await handle(self.store, self.programme, now):
            pass

    async def rows(self, query: Select[Any]) -> list[Any]:
        async with self.store.reading() as connection:
            return list(await connection.execute(query))


@asynccontextmanager
async def providing(
    store: Store, now: datetime, providers: Providers | None = None
) -> AsyncIterator[Provided]:
    known = Providers(Twilio.of(PUBLIC, [TOKEN, NEXT_TOKEN]), SendGrid.of([public(KEY), public(NEXT_KEY)]))
    app = create_app(store, Links(PUBLIC, [SECRET]), lambda: now, providers or known)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://inside.example.com") as http:
        yield Provided(store, http, await name_of(store), now)
