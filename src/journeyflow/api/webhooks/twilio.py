"""What Twilio tells: how far an SMS has come, and what customers write.

https://www.twilio.com/docs/usage/security says how requests are signed, https://www.twilio.com/docs/messaging
what they hold.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from journeyflow.api.site import Site
from journeyflow.api.webhooks.asking import Refused, message_number, raw_body, refusal, the_header
from journeyflow.audience.inbound import receive_sms
from journeyflow.audience.keywords import Keyword, read_keyword
from journeyflow.audience.suppression import Reason, hashes_of
from journeyflow.delivery.channels.twilio_codes import meaning
from journeyflow.delivery.reports import Kind, Told, tell
from journeyflow.errors import JourneyflowError
from journeyflow.policy import Policy
from journeyflow.store.installation import name_and_salt

_KINDS: Final[dict[str, Kind]] = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "accepted",
    "sent": "accepted",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
_SUPPRESS: Final[dict[str, Reason]] = {"dead": "unknown-number", "stopped": "stopped"}
_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")
_CODE = re.compile(r"[1-9][0-9]{3,5}")
_MOST_PARAMETERS = 200
_NO_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

Parameters = dict[str, str]


@dataclass(frozen=True, slots=True)
class Twilio:
    """Where Twilio reaches us, whatever the Host header says, and the tokens it may sign with."""

    public_url: str
    validators: Sequence[RequestValidator] = field(repr=False)

    @staticmethod
    def of(public_url: str, tokens: Sequence[str]) -> "Twilio":
        return Twilio(public_url.rstrip("/"), [RequestValidator(token) for token in tokens])

    async def parameters(self, request: Request) -> Parameters:
        """What Twilio says. Raises Refused."""
        signature = the_header(request, "x-twilio-signature")
        said = _read(await raw_body(request))
        url = self.public_url + _place(request)
        if not any(one.validate(url, said, signature) for one in self.validators):
            raise Refused
        return said


def add_routes(router: APIRouter, site: Site, twilio: Twilio) -> None:
    @router.post("/twilio/status")
    async def status(request: Request) -> Response:
        try:
            said = await twilio.parameters(request)
        except Refused:
            return refusal()
        await _store(site, said, request.query_params)
        return Response(status_code=204)

    @router.post("/twilio/inbound")
    async def inbound(request: Request) -> Response:
        try:
            said = await twilio.parameters(request)
        except Refused:
            return refusal()
        try:
            await _receive(site, said)
        except JourneyflowError:  # logged where it was raised; Twilio's own log shows that we took it not in
            return Response(status_code=422)
        return Response(_NO_ANSWER, media_type="text/xml")


def _read(body: bytes) -> Parameters:
    """A name that comes twice is none of Twilio's: its signature does not tell them apart."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError:
        raise Refused from None
    said = dict(pairs)
    if len(said) != len(pairs):
        raise Refused
    return said


def _place(request: Request) -> str:
    """Path and query, as they came."""
    path = bytes(request.scope.get("raw_path") or request.scope["path"].encode())
    query = bytes(request.scope["query_string"])
    return (path + (b"?" + query if query else b"")).decode("latin-1")


async def _store(site: Site, said: Parameters, about: Mapping[str, str]) -> None:
    """Of the messages of this store alone: others may send on the same account, and report here."""
    now = site.clock()
    async with site.store.writing() as connection:
        name, salt = await name_and_salt(connection)
        is_ours = about.get("installation") == name
        told = _told(said, message_number(about.get("message")), salt, now) if is_ours else None
        await tell(connection, [told] if told else [])


def _told(said: Parameters, message: int | None, salt: str, now: datetime) -> Told | None:
    """Twilio does not say when it happened, and tells it at once."""
    kind, sid = _KINDS.get(said.get("MessageStatus", "")), said.get("MessageSid", "")
    if message is None or kind is None or not _SID.fullmatch(sid):
        return None
    key, detail = f"twilio/{message}/{sid}/{kind}", dict[str, object]()
    code = said.get("ErrorCode", "")
    if kind == "failed" and _CODE.fullmatch(code):
        key += f"/{code}"  # it may be told without one at first
        detail["code"] = code
        reason = _SUPPRESS.get(meaning(int(code)).kind)
        if reason is not None:
            addresses = sorted(hashes_of(salt, "sms", said.get("To", "")))
            detail |= {"suppress": reason, "addresses": addresses}
    return Told(key, message, kind, now, now, sid, detail)


async def _receive(site: Site, said: Parameters) -> None:
    """What a message asks for is done when this returns."""
    async with site.store.reading() as connection:
        policy = await site.policy(connection)
    await receive_sms(
        site.store,
        policy,
        sender=said.get("From", ""),
        to=said.get("To", ""),
        text=_text(said, policy),
        message_id=said.get("MessageSid", ""),
        newcomer=f"sms-{uuid4().hex}",
        now=site.clock(),
    )


def _text(said: Parameters, policy: Policy) -> str:
    """Twilio may know more words for STOP, and has blocked the number by whatever we take it for."""
    text, brand = said.get("Body", ""), policy.brand.name if policy.brand else ""
    reading = read_keyword(text, brand)
    is_stop = reading is not None and reading.keyword is Keyword.STOP
    return f"STOP. {text}" if said.get("OptOutType") == "STOP" and not is_stop else text
