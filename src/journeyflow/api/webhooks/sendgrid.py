"""What SendGrid tells: how far an e-mail has come, and what its reader did.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event says what an event holds, and
.../getting-started-event-webhook-security-features how they are signed. SendGrid tells an event again until
we have answered, for a day, and gives it another id then.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from fastapi import APIRouter, Request, Response
from sendgrid.helpers.eventwebhook import EventWebhook  # type: ignore[import-untyped]

from journeyflow.api.site import Site
from journeyflow.api.webhooks.asking import Refused, message_number, raw_body, refusal, the_header
from journeyflow.audience.suppression import hashes_of
from journeyflow.delivery.machines import is_machine_agent
from journeyflow.delivery.reports import Kind, Told, tell
from journeyflow.errors import ConfigurationError
from journeyflow.store.installation import name_and_salt

PATH: Final = "/sendgrid"
_OLDEST, _NEWEST = timedelta(hours=26), timedelta(minutes=5)  # from when a request may be, before and after
_KINDS: Final[dict[str, Kind]] = {
    "processed": "accepted",
    "deferred": "deferred",
    "delivered": "delivered",
    "bounce": "bounced",
    "dropped": "failed",
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
}
_DROPPED = (
    "Bounced Address", "Invalid", "Invalid SMTPAPI header", "Recipient List over Package Quota",
    "Spam Content", "Spam Reporting Address", "Unsubscribed Address",
)  # fmt: skip
_WORDS = {reason.lower(): reason.lower().replace(" ", "-") for reason in _DROPPED}
# Dropped since SendGrid knows what we may not: its event of that time may never have reached us.
_KNOWN_BEFORE: Final = {"bounced-address": "bounced", "spam-reporting-address": "complained"}
_LEFT: Final = "unsubscribed-address"
_REPLY = re.compile(r"\s*([245]\d\d)\b")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_PROVIDER_ID = re.compile(r"[A-Za-z0-9._=+/-]{1,200}")
_TIMESTAMP = re.compile(r"[0-9]{1,10}")
_PARTS = ("html", "text")  # of a letter, whose links are counted each for itself

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SendGrid:
    """The public keys that SendGrid may prove itself by."""

    keys: Sequence[EventWebhook] = field(repr=False)

    @staticmethod
    def of(keys: Sequence[str]) -> "SendGrid":
        """Raises ConfigurationError."""
        return SendGrid([_key(key) for key in keys])

    async def events(self, request: Request, now: datetime) -> list[Event]:
        """Raises Refused."""
        signature = _canonical(the_header(request, "x-twilio-email-event-webhook-signature"))
        timestamp = the_header(request, "x-twilio-email-event-webhook-timestamp")
        if not _is_recent(timestamp, now):
            raise Refused
        try:
            body = (await raw_body(request)).decode()
            if not any(key.verify_signature(body, signature, timestamp) for key in self.keys):
                raise Refused
            found = json.loads(body)
        except (ValueError, RecursionError):
            raise Refused from None
        if not isinstance(found, list):
            raise Refused
        return [event for event in found if isinstance(event, dict)]


def add_routes(router: APIRouter, site: Site, sendgrid: SendGrid) -> None:
    @router.post(PATH)
    async def events(request: Request) -> Response:
        now = site.clock()
        try:
            found = await sendgrid.events(request, now)
        except Refused:
            return refusal()
        await _store(site, found, now)
        return Response(status_code=204)


def _key(text: str) -> EventWebhook:
    try:
        found = EventWebhook(text)
    except ValueError:
        found = None
    if found is None or not isinstance(found.public_key, EllipticCurvePublicKey):
        raise ConfigurationError(
            "JOURNEYFLOW_SENDGRID_WEBHOOK_KEYS: this is no verification key; copy it from SendGrid under "
            "Mail Settings, Event Webhook, Signature Verification"
        )
    return found


def _canonical(signature: str) -> str:
    """Of all the texts that mean these bytes the one that SendGrid writes."""
    try:
        meant = base64.b64decode(signature, validate=True)
    except (ValueError, binascii.Error):
        raise Refused from None
    if base64.b64encode(meant).decode() != signature:
        raise Refused
    return signature


def _is_recent(timestamp: str, now: datetime) -> bool:
    if not _TIMESTAMP.fullmatch(timestamp):
        return False
    return now - _OLDEST <= datetime.fromtimestamp(int(timestamp), UTC) <= now + _NEWEST


async def _store(site: Site, found: Iterable[Event], now: datetime) -> None:
    """Of the messages of this store alone: others may send on the same account."""
    async with site.store.writing() as connection:
        name, salt = await name_and_salt(connection)
        ours = (event for event in found if event.get("installation") == name)
        await tell(connection, [told for event in ours for told in _told(event, salt, now)])


def _told(event: Event, salt: str, now: datetime) -> list[Told]:
    """One at most, except of what was dropped because its reader had unsubscribed at SendGrid."""
    name, message, at = event.get("event"), message_number(event.get("message_id")), _at(event)
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None or message is None or at is None:
        return []
    key = f"sendgrid/{message}/{name}/{int(at.timestamp())}"
    link = _link(event)
    if link is not None:
        key += f"/{link[0]}/{link[1]}"
    found = [Told(key, message, kind, at, now, _provider_id(event), _detail(kind, event, salt))]
    if kind == "failed" and _why_dropped(event) == _LEFT:
        found.append(replace(found[0], key=f"{key}/unsubscribed", kind="unsubscribed", detail={}))
    return found


def _at(event: Event) -> datetime | None:
    timestamp = event.get("timestamp")
    if isinstance(timestamp, bool) or not isinstance(timestamp, int) or not 0 < timestamp < 10**10:
        return None
    return datetime.fromtimestamp(timestamp, UTC)


def _link(event: Event) -> tuple[str, int] | None:
    """Its place in the letter: in which part, and the how manyth there."""
    offset = event.get("url_offset")
    if not isinstance(offset, dict):
        return None
    part, index = offset.get("type"), offset.get("index")
    if part not in _PARTS or isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < 10**6:
        return None
    return part, index


def _detail(kind: Kind, event: Event, salt: str) -> dict[str, Any]:
    """What follows from the event; neither its address nor a text of it is kept."""
    match kind:
        case "bounced":
            hard = event.get("type") == "bounce"
            found = {"code": _code(event), "permanent": hard} | _suppress(event, salt, "bounced", hard)
        case "failed":
            code = _why_dropped(event)
            known = _KNOWN_BEFORE.get(code, "")
            found = {"code": code} | _suppress(event, salt, known, bool(known))
        case "deferred":
            found = {"code": _code(event)}
        case "complained":
            found = _suppress(event, salt, "complained")
        case "opened":
            found = {"agent": _reader(event, event.get("sg_machine_open") is True)}
        case "clicked":
            link = _link(event)
            found = {"agent": _reader(event), "link": link[1] if link else None}
        case _:
            found = {}
    return {name: value for name, value in found.items() if value is not None}


def _why_dropped(event: Event) -> str:
    return _WORDS.get(_text(event, "reason").lower(), "dropped")


def _suppress(event: Event, salt: str, reason: str, is_meant: bool = True) -> dict[str, Any]:
    """By its hash, so that exactly the address that is meant is suppressed, whoever has it by now."""
    address = _text(event, "email")
    if not is_meant or not address:
        return {}
    return {"suppress": reason, "addresses": sorted(hashes_of(salt, "email", address))}


def _reader(event: Event, is_machine: bool = False) -> str | None:
    """SendGrid may leave the agent out; one that says nothing is not counted as a machine then."""
    named = event.get("useragent")
    return "machine" if is_machine or (isinstance(named, str) and is_machine_agent(named)) else None


def _code(event: Event) -> str | None:
    """The mail server's reply, as 550, or its status, as 5.1.1."""
    reply = _REPLY.match(_text(event, "reason") or _text(event, "response"))
    if reply:
        return reply.group(1)
    return _text(event, "status") if _STATUS.fullmatch(_text(event, "status")) else None


def _provider_id(event: Event) -> str | None:
    """The number in the answer to our request; SendGrid adds who worked on the message."""
    said = re.split(r"\.(?:filter|recvd)", _text(event, "sg_message_id"), maxsplit=1)[0]
    return said if _PROVIDER_ID.fullmatch(said) else None


def _text(event: Event, name: str) -> str:
    said = event.get(name)
    return said if isinstance(said, str) else ""
