"""Webhooks of providers: who is believed, what is stored, and what is not."""

import base64
import json
import logging
import string
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from journeyflow.api.guard import MAX_BODY
from journeyflow.api.webhooks import Providers
from journeyflow.api.webhooks.sendgrid import SendGrid
from journeyflow.errors import ConfigurationError
from journeyflow.store.customers import consents, customers, events, received_sms, suppressions
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.reports import reports
from tests.api.providing import (
    FOREIGN_KEY,
    KEY,
    NEXT_KEY,
    NEXT_TOKEN,
    PUBLIC,
    Provided,
    Request,
    from_sendgrid,
    from_twilio,
    providing,
    status,
)
from tests.delivery.ledgers import NOON, left

NOW = NOON + timedelta(hours=1)
SID = "SM" + 32 * "a"
STATUS, INBOUND = "/webhooks/twilio/status?message=1", "/webhooks/twilio/inbound"
SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
JOIN = {"MessageSid": SID, "From": "+46701740601", "To": "+46701740605", "Body": "JOIN"}


@pytest_asyncio.fixture
async def here(sqlite_store: Store) -> AsyncIterator[Provided]:
    async with providing(sqlite_store, NOW) as provided:
        yield provided


def real(provided: Provided) -> dict[str, Request]:
    return {
        "status": from_twilio(provided.status_path(1), status(SID, "delivered")),
        "inbound": from_twilio(INBOUND, JOIN),
        "events": from_sendgrid([provided.event("delivered", 1, NOON)], NOW),
    }


async def stored(provided: Provided) -> int:
    total = 0
    for table in (reports, received_sms, events, customers):
        [(number,)] = await provided.rows(select(func.count()).select_from(table))
        total += number
    return total


@pytest.mark.parametrize("what", ["status", "inbound", "events"])
async def test_what_a_provider_signed_is_stored(here: Provided, what: str) -> None:
    """Whatever the Host header says."""
    answer = await here.post(real(here)[what], Host="elsewhere.example.com")
    assert answer.status_code in (200, 204)
    assert await stored(here) > 0


def flipped(request: Request) -> Iterator[Request]:
    """Every byte of the signature, in one of its bits and in another; and the signature cut or longer."""
    [name] = [name for name in request.headers if name.endswith("Signature")]
    signature = request.headers[name]
    others = [
        signature[:place] + chr(ord(signature[place]) ^ bit) + signature[place + 1 :]
        for place in range(len(signature))
        for bit in (1, 4, 32)
    ]
    for other in [*others, "", signature[:-1], signature + "=", signature.rstrip("="), signature.lower()]:
        if other != signature:
            yield replace(request, headers=request.headers | {name: other})


def without(request: Request) -> Iterator[Request]:
    for name in request.headers:
        if name != "Content-Type":
            yield replace(
                request, headers={key: value for key, value in request.headers.items() if key != name}
            )


def changed(request: Request) -> Iterator[Request]:
    """Each byte of the body another, some more and some less. Twilio signs what a form says, not how."""
    body = request.body
    for place in range(len(body)):
        yield replace(request, body=body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
    yield replace(request, body=b"")
    yield replace(request, body=body[:-1])
    yield replace(request, body=body + b"&Body=STOP")
    yield replace(request, body=body + body)
    yield replace(request, body=b"\xff\xfe" + body)


@pytest.mark.parametrize("what", ["status", "inbound", "events"])
@pytest.mark.parametrize("forge", [flipped, without, changed])
async def test_what_is_forged_is_refused_and_not_stored(here: Provided, what: str, forge: Any) -> None:
    for request in forge(real(here)[what]):
        answer = await here.post(request)
        assert (answer.status_code, answer.content) == (403, b""), request
    assert await stored(here) == 0


NOT_FOR_US_NOW = {
    "token": from_twilio(STATUS, status(SID, "delivered"), token="another"),
    "Host": from_twilio(STATUS, status(SID, "delivered"), url="http://inside.example.com" + STATUS),
    "no query": from_twilio(STATUS, status(SID, "delivered"), url=PUBLIC + STATUS.partition("?")[0]),
    "number signed": from_twilio(STATUS, status(SID, "delivered"), url=f"{PUBLIC}{STATUS}1"),
    "page signed": from_twilio(INBOUND, JOIN, url=PUBLIC + STATUS),
    "number": replace(from_twilio(STATUS, status(SID, "delivered")), path=STATUS.replace("1", "2")),
    "query": replace(from_twilio(STATUS, status(SID, "delivered")), path=STATUS + "&more=1"),
    "page": replace(from_twilio(INBOUND, JOIN), path="/webhooks/twilio/status?message=1"),
    "large form": from_twilio(INBOUND, JOIN | {"Body": "x" * MAX_BODY}),
    "key": from_sendgrid([], NOW, FOREIGN_KEY),
    "old": from_sendgrid([], NOW - timedelta(hours=26, seconds=1)),
    "future": from_sendgrid([], NOW + timedelta(minutes=5, seconds=1)),
    "deep": from_sendgrid(None, NOW, body=b"[" * 10_000),
    "no text": from_sendgrid(None, NOW, body=b"\xff"),
    "no JSON": from_sendgrid(None, NOW, body=b"not JSON"),
    "no list": from_sendgrid({"event": "delivered"}, NOW),
    "large": from_sendgrid(None, NOW, body=b"[" + b" " * 4_000_000 + b"]"),
}


async def test_what_is_not_for_us_now_is_refused(here: Provided) -> None:
    for wrong, request in NOT_FOR_US_NOW.items():
        answer = await here.post(request)
        assert (answer.status_code, answer.content) == (403, b""), wrong
    assert await stored(here) == 0


async def test_a_time_that_is_none_is_refused(here: Provided) -> None:
    request = real(here)["events"]
    for timestamp in ("", "x", "-5", "1e9", "\uff11\uff12", "99999999999", "9" * 400):
        headers = {name: value.encode() for name, value in request.headers.items()}
        headers[TIMESTAMP] = timestamp.encode()
        answer = await here.http.post(request.path, content=request.body, headers=headers)
        assert answer.status_code == 403, timestamp


async def test_a_signature_has_one_spelling(here: Provided) -> None:
    """The last letter has bits that say nothing; what decodes to the same is refused all the same."""
    signature = ""
    while not signature.endswith("=") or signature.endswith("=="):  # they differ in length
        request = real(here)["events"]
        signature = request.headers[SIGNATURE]
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    other = signature[:-2] + letters[letters.index(signature[-2]) + 1] + "="
    assert base64.b64decode(other) == base64.b64decode(signature)
    for spelling in (other, f"{signature[:9]} {signature[9:]}", f"{signature[:9]}!{signature[9:]}"):
        answer = await here.post(replace(request, headers=request.headers | {SIGNATURE: spelling}))
        assert answer.status_code == 403, spelling


async def test_two_signatures_prove_nothing(here: Provided) -> None:
    for request in real(here).values():
        [(name, value)] = [(name, value) for name, value in request.headers.items() if "Signature" in name]
        headers = [*request.headers.items(), (name, value)]
        answer = await here.http.post(request.path, content=request.body, headers=headers)
        assert answer.status_code == 403, name


@pytest.mark.parametrize("age", [timedelta(hours=-26), timedelta(minutes=5)])
async def test_sendgrid_may_come_late_and_its_clock_be_ahead(here: Provided, age: timedelta) -> None:
    assert (await here.post(from_sendgrid([], NOW + age))).status_code == 204


async def test_while_keys_and_tokens_are_changed_both_prove_it(here: Provided) -> None:
    event = here.event("delivered", 1, NOON)
    for number, key in enumerate((KEY, NEXT_KEY)):
        assert (
            await here.post(from_sendgrid([event | {"message_id": f"{number + 1}"}], NOW, key))
        ).is_success
    request = from_twilio(here.status_path(1), status(SID, "sent"), token=NEXT_TOKEN)
    assert (await here.post(request)).is_success
    assert await stored(here) == 3


async def test_who_is_not_in_use_is_not_there(sqlite_store: Store) -> None:
    async with providing(sqlite_store, NOW, Providers()) as nobody:
        answers = [await nobody.post(request) for request in real(nobody).values()]
        assert [answer.status_code for answer in answers] == [404, 404, 404]


def test_a_key_that_is_none_is_said_so() -> None:
    with pytest.raises(ConfigurationError, match="SENDGRID_WEBHOOK_KEYS: this is no verification key"):
        SendGrid.of(["not a key"])


async def told(provided: Provided) -> list[tuple[str, int, str, dict[str, Any]]]:
    query = select(reports).order_by(reports.c.key)
    return [(row.key, row.message_id, row.kind, row.detail) for row in await provided.rows(query)]


async def test_events_of_sendgrid_become_what_follows_from_them(here: Provided) -> None:
    offset = {"url": "https://shop.example.com/?secret", "url_offset": {"index": 3, "type": "html"}}
    person = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"
    said = [
        ("processed", {}, "accepted", {}),
        ("deferred", {"response": "421 try c1@example.com later"}, "deferred", {"code": "421"}),
        ("delivered", {"response": "250 OK", "ip": "192.0.2.7"}, "delivered", {}),
        ("bounce", {"type": "blocked", "reason": "554 no", "status": "5.7.1"}, "bounced",
         {"code": "554", "permanent": False}),
        ("dropped", {"reason": "Invalid"}, "failed", {"code": "invalid"}),
        ("dropped", {"reason": "c1@example.com is bad"}, "failed", {"code": "dropped"}),
        ("open", {"useragent": person, "sg_machine_open": False}, "opened", {}),
        ("open", {"useragent": person, "sg_machine_open": True}, "opened", {"agent": "machine"}),
        ("open", {"useragent": "Mozilla/5.0"}, "opened", {"agent": "machine"}),
        ("click", {"useragent": person, **offset}, "clicked", {"link": 3}),
        ("click", {"useragent": "curl/8.5.0", **offset}, "clicked", {"link": 3, "agent": "machine"}),
        ("click", {}, "clicked", {}),
        ("unsubscribe", {}, "unsubscribed", {}),
        ("group_unsubscribe", {"asm_group_id": 1}, "unsubscribed", {}),
        ("group_resubscribe", {}, None, {}),
        ("account_status_change", {}, None, {}),
    ]  # fmt: skip
    for number, (name, more, _, _) in enumerate(said, start=1):
        assert (await here.post(from_sendgrid([here.event(name, number, NOON, **more)], NOW))).is_success
    found = {message: (kind, detail) for _, message, kind, detail in await told(here)}
    assert found == {
        number: (kind, detail)
        for number, (_, _, kind, detail) in enumerate(said, start=1)
        if kind is not None
    }
    [row] = await here.rows(select(reports).where(reports.c.message_id == 1))
    assert (row.at, row.received_at, row.provider_id) == (NOON, NOW, "number-1")


async def test_what_only_sendgrid_knew_is_learnt_when_it_drops_a_message(here: Provided) -> None:
    """The bounce, the complaint or the opt-out itself may never have been told."""
    reasons = ("Bounced Address", "Spam Reporting Address", "Unsubscribed Address", "Invalid")
    written = await left(here.store, *(f"c{number}" for number in range(1, 5)))
    events = [here.event("dropped", id, NOON, reason=why) for id, why in zip(written, reasons, strict=True)]
    for _ in range(2):
        assert (await here.post(from_sendgrid(events, NOW))).is_success
        await here.follow_up(NOW)
    query = select(suppressions.c.channel, suppressions.c.reason).order_by(suppressions.c.reason)
    assert await here.rows(query) == [("email", "bounced"), ("email", "complained")]
    denied = select(consents.c.customer_id, consents.c.channel, consents.c.topic)
    assert await here.rows(denied.where(consents.c.state == "denied")) == [(3, "email", "news")]
    assert {row.state for row in await here.rows(select(messages.c.state))} == {"failed"}


async def test_addresses_are_known_by_their_hash_alone_and_texts_not_at_all(
    here: Provided, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "journeyflow")
    secrets = {"reason": "550 no mailbox c1@example.com", "ip": "192.0.2.7", "useragent": "Agent/007"}
    link = {"url": "https://shop.example.com/?who=c1", "url_offset": {"index": 0, "type": "text"}}
    names = ("bounce", "spamreport", "open", "click", "delivered", "dropped")
    found = [here.event(name, 1, NOON, type="bounce", **secrets, **link) for name in names]
    assert (await here.post(from_sendgrid(found, NOW))).is_success
    assert (await here.post(from_twilio(here.status_path(1), status(SID, "failed", error=30005)))).is_success
    kept = json.dumps([[str(value) for value in row] for row in await here.rows(select(reports))])
    for secret in ("c1@", "shop.example", "192.0.2.7", "Agent", "mailbox", "who=", "+4670"):
        assert secret not in kept + caplog.text
    details = {key.split("/")[0] + kind: detail for key, _, kind, detail in await told(here)}
    suppressing = {kind: detail["suppress"] for kind, detail in details.items() if "suppress" in detail}
    assert suppressing == {
        "sendgridbounced": "bounced", "sendgridcomplained": "complained", "twiliofailed": "unknown-number",
    }  # fmt: skip
    assert all(len(detail["addresses"][0]) == 64 for detail in details.values() if "suppress" in detail)


async def test_an_event_told_again_with_another_id_is_stored_once(here: Provided) -> None:
    first, second = (here.event("click", 1, NOON, url_offset={"index": n, "type": "html"}) for n in (0, 1))
    again = here.event("click", 1, NOON, url_offset={"index": 0, "type": "html"})
    assert first["sg_event_id"] != again["sg_event_id"]
    for found in ([first, again, second], [again]):
        assert (await here.post(from_sendgrid(found, NOW))).status_code == 204
    assert [key for key, *_ in await told(here)] == [
        f"sendgrid/1/click/{int(NOON.timestamp())}/html/{number}" for number in (0, 1)
    ]


OTHERS: list[dict[str, Any]] = [
    {"installation": "another"}, {"installation": None}, {"message_id": None}, {"message_id": 1},
    {"message_id": "0"}, {"message_id": "1;"}, {"message_id": "9" * 19}, {"timestamp": "1513299569"},
    {"timestamp": True}, {"timestamp": -1}, {"timestamp": 10**30}, {"timestamp": None},
    {"event": "opened"}, {"event": ["open"]}, {"event": None},
]  # fmt: skip


async def test_events_of_others_and_what_is_no_event_are_passed_over(here: Provided) -> None:
    odd = [here.event("open", 1, NOON) | more for more in OTHERS]
    found = [*odd, 5, None, "x", [], here.event("delivered", 2, NOON)]
    assert (await here.post(from_sendgrid(found, NOW))).status_code == 204
    assert [message for _, message, _, _ in await told(here)] == [2]


async def test_odd_values_in_an_event_lose_no_more_than_themselves(here: Provided) -> None:
    odd = {
        "reason": 5, "status": [], "email": {}, "url_offset": {"index": True, "type": "html"},
        "useragent": 7, "sg_message_id": "\x00", "type": "bounce", "sg_machine_open": "true",
    }  # fmt: skip
    found = [here.event(name, 1, NOON) | odd for name in ("bounce", "click", "open", "dropped")]
    assert (await here.post(from_sendgrid(found, NOW))).status_code == 204
    assert {kind: detail for _, _, kind, detail in await told(here)} == {
        "bounced": {"permanent": True}, "clicked": {}, "opened": {}, "failed": {"code": "dropped"},
    }  # fmt: skip


STATUSES: list[tuple[str, int | None, str | None, dict[str, Any]]] = [
    *((name, None, "accepted", {}) for name in ("accepted", "queued", "sending", "sent")),
    ("delivered", None, "delivered", {}),
    ("read", None, "delivered", {}),
    ("canceled", None, "failed", {}),
    ("undelivered", 30003, "failed", {"code": "30003"}),
    ("failed", 30007, "failed", {"code": "30007"}),
    ("receiving", None, None, {}),
    ("", None, None, {}),
]


async def test_statuses_of_twilio_become_what_follows_from_them(here: Provided) -> None:
    for number, (said, error, _, _) in enumerate(STATUSES, start=1):
        request = from_twilio(here.status_path(number), status(SID, said, error=error))
        assert (await here.post(request)).status_code == 204
    found = sorted((message, key, kind, detail) for key, message, kind, detail in await told(here))
    assert found == [
        (number, f"twilio/{number}/{SID}/{kind}" + (f"/{error}" if error else ""), kind, detail)
        for number, (_, error, kind, detail) in enumerate(STATUSES, start=1)
        if kind is not None
    ]


async def test_a_status_without_a_number_of_ours_is_passed_over(here: Provided) -> None:
    """Another store may send on the same account, with numbers of its own."""
    ours = f"installation={here.installation}"
    numbers = ("", "message=", "message=x", "message=0", "other=1")
    others = ("message=1", "message=1&installation=", "message=1&installation=another")
    for query in (*(f"{number}&{ours}" for number in numbers), *others):
        request = from_twilio(f"/webhooks/twilio/status?{query}", status(SID, "delivered"))
        assert (await here.post(request)).status_code == 204
    assert await stored(here) == 0


async def test_a_failure_whose_code_is_told_only_later_suppresses_the_number(here: Provided) -> None:
    [id] = await left(here.store, "c1", channel="sms")
    for said, error in (("failed", None), ("failed", 30005), ("undelivered", 30005), ("failed", None)):
        request = from_twilio(here.status_path(id), status(SID, said, error=error))
        assert (await here.post(request)).status_code == 204
        await here.follow_up(NOW)
    assert await here.rows(select(messages.c.state, messages.c.reason)) == [("failed", "30005")]
    assert await here.rows(select(suppressions.c.reason)) == [("unknown-number",)]


async def test_what_customers_write_is_obeyed_before_it_is_answered(here: Provided) -> None:
    answer = await here.post(from_twilio(INBOUND, JOIN))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert answer.text.endswith("<Response/>")
    [customer] = await here.rows(select(customers))
    assert (customer.phone, customer.key[:4], len(customer.key)) == (JOIN["From"], "sms-", 36)
    assert (await here.post(from_twilio(INBOUND, JOIN))).is_success
    names = [row.name for row in await here.rows(select(events.c.name).order_by(events.c.id))]
    assert names == ["sms.received", "consent.granted", "sms.joined"]


@pytest.mark.parametrize(
    ("body", "opt_out", "name"),
    [
        ("Prekini", "STOP", "sms.stopped"),
        ("Prekini", None, None),
        ("Prekini", "HELP", None),
        ("Prekini", "START", None),
        *((body, "STOP", "sms.stopped") for body in ("START", "JOIN", "YES", "HELP", "STOP PLEASE")),
        ("START", "HELP", "sms.started"),
        ("STOP", "START", "sms.stopped"),
    ],
)
async def test_what_twilio_takes_for_an_opt_out_is_one(
    here: Provided, body: str, opt_out: str | None, name: str | None
) -> None:
    """Whatever we read ourselves; with its HELP and START that stands."""
    await here.post(from_twilio(INBOUND, JOIN))
    await here.post(from_twilio(INBOUND, JOIN | {"MessageSid": "SM2", "Body": "STOP"}))
    [before] = await here.rows(select(func.max(events.c.id)))
    said = JOIN | {"MessageSid": "SM3", "Body": body} | ({"OptOutType": opt_out} if opt_out else {})
    assert (await here.post(from_twilio(INBOUND, said))).status_code == 200
    query = select(events.c.name).where(
        events.c.id > before[0], events.c.name.in_(["sms.stopped", "sms.started"])
    )
    assert [row.name for row in await here.rows(query)] == ([name] if name else [])
    stays = [] if name == "sms.started" else [("stopped",)]
    assert await here.rows(select(suppressions.c.reason)) == stays


async def test_what_twilio_brings_once_more_as_its_fallback_is_taken_in_once(here: Provided) -> None:
    """At the same URL, with the error that it had the first time."""
    stop = JOIN | {"MessageSid": "SM2", "Body": "STOP"}
    again = stop | {"ErrorCode": "11200", "ErrorUrl": PUBLIC + INBOUND}
    for said in (JOIN, stop, again):
        assert (await here.post(from_twilio(INBOUND, said))).status_code == 200
    query = select(events.c.name).where(events.c.name.like("sms.%")).order_by(events.c.id)
    assert [row.name for row in await here.rows(query)] == [
        "sms.received", "sms.joined", "sms.received", "sms.stopped",
    ]  # fmt: skip


@pytest.mark.parametrize("said", [{"From": "CLUB", "Body": "STOP"}, {"MessageSid": ""}])
async def test_what_cannot_be_obeyed_is_not_said_to_be(here: Provided, said: dict[str, str]) -> None:
    """Twilio shows it in its log of errors."""
    answer = await here.post(from_twilio(INBOUND, JOIN | said))
    assert (answer.status_code, answer.content) == (422, b"")
