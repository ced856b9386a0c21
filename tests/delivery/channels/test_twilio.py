"""Twilio: what it is asked for, what each of its answers means, and how a message in doubt is looked for."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from journeyflow import bootstrap
from journeyflow.delivery.channels import twilio_codes
from journeyflow.delivery.channels.base import (
    Accepted,
    Ambiguous,
    Outcome,
    Rejected,
    Sought,
    Throttled,
    Unanswerable,
)
from journeyflow.delivery.channels.http import Timeouts
from journeyflow.delivery.channels.twilio import Twilio
from journeyflow.delivery.channels.twilio_codes import meaning
from journeyflow.errors import ConfigurationError
from journeyflow.policy import Sender
from journeyflow.settings import Settings
from journeyflow.testing.vendors.http import Behaviour, Reply
from journeyflow.testing.vendors.twilio import SERVICE, TwilioServer, problem, throttled, twilio_server
from tests.delivery.channels.providers import sms

TO, OURS = "+46700000001", "+46700000000"
THEN = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = THEN + timedelta(minutes=10)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[TwilioServer]:
    async with twilio_server(clock=lambda: THEN) as server:
        yield server


@pytest_asyncio.fixture
async def channel(server: TwilioServer) -> AsyncIterator[Twilio]:
    channel = of(server)
    yield channel
    await channel.close()


def of(server: TwilioServer, token: str | None = None, **options: Any) -> Twilio:
    return Twilio(server.account, token or server.token, "here", origin=server.url, **options)


async def send(channel: Twilio, **message: Any) -> Outcome:
    """And close it."""
    try:
        return await channel.send(sms(7, **message))
    finally:
        await channel.close()


async def test_twilio_is_asked_for_what_is_meant_and_no_more(server: TwilioServer) -> None:
    outcome = await send(of(server, public_url="https://post.example.com/club/", validity=600))
    (taken,) = server.accepted
    assert outcome == Accepted(taken.sid)
    assert taken.params == {
        "To": TO,
        "From": OURS,
        "Body": "Hello",
        "ValidityPeriod": "600",
        "StatusCallback": "https://post.example.com/club/webhooks/twilio/status?message=7&installation=here",
    }


async def test_a_messaging_service_chooses_the_sender(server: TwilioServer) -> None:
    assert isinstance(await send(of(server, service=SERVICE)), Accepted)
    assert server.accepted[0].params == {
        "To": TO,
        "MessagingServiceSid": SERVICE,
        "Body": "Hello",
        "ValidityPeriod": "3600",
    }


@pytest.mark.parametrize("sender", ["+46700000000", "71200", "Club", "The Club 24", "A&B-1_+"])
async def test_senders_are_what_twilio_takes(server: TwilioServer, sender: str) -> None:
    assert isinstance(await send(of(server), sender=Sender(sender)), Accepted)
    assert server.accepted[0].params["From"] == sender


@pytest.mark.parametrize(
    "sender", ["", "+0700", "12", "Twelve chars", "Café", "12 34", "whatsapp:+4670000000"]
)
async def test_other_senders_fail_no_message(server: TwilioServer, sender: str) -> None:
    with pytest.raises(ConfigurationError, match="no such sender"):
        await send(of(server), sender=Sender(sender))
    assert server.http.requests == 0


@pytest.mark.parametrize("validity", [0, 36_001])
def test_a_validity_that_twilio_refuses_is_told_at_once(validity: int) -> None:
    with pytest.raises(ConfigurationError, match="1 to 36000 seconds"):
        Twilio("AC", "token", "here", validity=validity)


def test_twilio_is_not_told_to_report_to_this_machine() -> None:
    """It would refuse every message."""
    own = vars(Twilio("AC", "token", "here", public_url="http://localhost:8080"))
    assert not [value for value in own.values() if isinstance(value, str) and "localhost" in value]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"text": ""}, "text"),
        ({"text": " \n"}, "text"),
        ({"text": "x" * 1601}, "text"),
        ({"html": "<p>Hello</p>"}, "channel"),
        ({"subject": "Hello"}, "channel"),
        ({"channel": "email"}, "channel"),
        ({"to": "+46 70 000 00 01"}, "address"),
        ({"to": "0700000001"}, "address"),
    ],
)
async def test_what_twilio_cannot_take_is_refused_before(
    server: TwilioServer, changes: dict[str, Any], code: str
) -> None:
    outcome = await of(server).send(sms(**changes))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.address_is_dead) == (code, code == "address")
    assert server.http.requests == 0


async def test_the_longest_text_is_taken(server: TwilioServer) -> None:
    assert isinstance(await send(of(server), text="å" * 1600), Accepted)


KINDS = {
    "dead": lambda code, told: Rejected(str(code), told.words, address_is_dead=True),
    "stopped": lambda code, told: Rejected(str(code), told.words, opted_out=True),
    "rejected": lambda code, told: Rejected(str(code), told.words),
    "ours": lambda code, told: Throttled(60, f"Twilio refuses with {code}: {told.words}", told.alone),
    "later": lambda code, told: Throttled(60, f"Twilio answered {code}: {told.words}"),
}


async def test_every_code_of_the_table_becomes_what_it_means(server: TwilioServer, channel: Twilio) -> None:
    for code in [*twilio_codes.known(), 29999]:
        server.behave(Behaviour(answer=problem(400, code, f"Quotes {TO}")))
        told = meaning(code)
        assert await channel.send(sms()) == KINDS[told.kind](code, told), code
    assert server.accepted == []


@pytest.mark.parametrize(
    ("to", "outcome"),
    [
        ("+15005550001", Rejected("21211", "this is not a phone number", address_is_dead=True)),
        ("+15005550002", Rejected("21612", "Twilio has no way from this sender to this number")),
        (
            "+15005550003",
            Rejected("21408", "this account may not send to this country; allow it in Twilio's console"),
        ),
        ("+15005550004", Rejected("21610", "the recipient has told Twilio to stop", opted_out=True)),
        ("+15005550009", Rejected("21614", "this is not a mobile number", address_is_dead=True)),
    ],
)
async def test_twilios_numbers_for_tests(server: TwilioServer, to: str, outcome: Outcome) -> None:
    assert await send(of(server), to=to) == outcome


@pytest.mark.parametrize(
    ("sender", "code", "alone"),
    [("+15005550001", "21212", False), ("+15005550007", "21606", True), ("+15005550008", "21611", False)],
)
async def test_a_sender_that_is_refused_fails_no_message(
    server: TwilioServer, sender: str, code: str, alone: bool
) -> None:
    outcome = await send(of(server), sender=Sender(sender))
    assert isinstance(outcome, Throttled)
    assert code in outcome.reason
    assert outcome.alone is alone
    assert sender not in outcome.reason


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        ({"token": "another"}, "20003", "look at both settings"),
        ({"service": "MG" + "0" * 32}, "21701", "JOURNEYFLOW_TWILIO_MESSAGING_SERVICE"),
    ],
)
async def test_wrong_settings_fail_no_message_and_are_named(
    server: TwilioServer, options: dict[str, str], code: str, told: str
) -> None:
    outcome = await send(of(server, **options))
    assert isinstance(outcome, Throttled)
    assert code in outcome.reason
    assert told in outcome.reason


BODY = b"<html>+46700000001</html>"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Reply(400, BODY), Rejected("400", "see Twilio's page on this code")),
        (problem(400, "+46700000001"), Rejected("400", "see Twilio's page on this code")),  # type: ignore[arg-type]
        (Reply(413), Rejected("413", "see Twilio's page on this code")),
        (Reply(500, BODY), Ambiguous("Twilio answered 500")),
        (problem(503, 20503), Ambiguous("Twilio answered 503")),
        (problem(500, 21610), Ambiguous("Twilio answered 500")),
        (Reply(201), Ambiguous("Twilio gave no whole answer after the message was handed over")),
        (Reply(201, b"[]"), Ambiguous("Twilio gave no whole answer after the message was handed over")),
        (Reply(201, BODY), Ambiguous("Twilio gave no whole answer after the message was handed over")),
        (Reply(201, b"{}"), Ambiguous("Twilio's answer names no message")),
        (Reply(201, b'{"sid": "+46700000001"}'), Ambiguous("Twilio's answer names no message")),
        (Reply(201, b'{"sid": 5, "date_sent": 7}'), Ambiguous("Twilio's answer cannot be read")),
    ],
)
async def test_strange_answers(server: TwilioServer, answer: Reply, outcome: Outcome) -> None:
    server.behave(Behaviour(answer=answer))
    assert await send(of(server)) == outcome


@pytest.mark.parametrize("status", [302, 401, 403, 404, 405, 407, 408, 425])
async def test_what_something_on_the_way_answers_fails_no_message(server: TwilioServer, status: int) -> None:
    server.behave(Behaviour(answer=Reply(status, BODY, {"Location": f"{server.url}/elsewhere"})))
    assert isinstance(await send(of(server)), Throttled)
    assert server.http.requests == 1


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (throttled(7), 7),
        (problem(429, 20429), 60),
        (Reply(429), 60),
        (problem(429, 21611), 60),
        (problem(429, 29999), 60),
    ],
)
async def test_a_pause_is_as_long_as_twilio_wants_it(
    server: TwilioServer, answer: Reply, seconds: float
) -> None:
    server.behave(Behaviour(answer=answer))
    outcome = await send(of(server))
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after == seconds


@pytest.mark.parametrize(
    ("origin", "speaks"),
    [
        ("http://twilio.invalid", True),
        ("https://127.0.0.1:{port}", True),
        ("https://127.0.0.1:{port}", False),
    ],
    ids=["no such name", "no TLS", "silence"],
)
async def test_without_a_connection_nothing_is_in_doubt(origin: str, speaks: bool) -> None:
    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" if speaks else b"")
        await reader.read()
        writer.close()

    listener = await asyncio.start_server(no_tls, "127.0.0.1", 0)
    place = origin.format(port=listener.sockets[0].getsockname()[1])
    channel = Twilio("AC", "token", "here", origin=place, timeouts=Timeouts(reach=0.1))
    assert await send(channel) == Throttled(60, "Twilio cannot be reached")
    listener.close()


async def test_connections_are_kept(server: TwilioServer, channel: Twilio) -> None:
    for _ in range(5):
        await channel.send(sms())
    assert (server.http.connections, len(server.accepted)) == (1, 5)


async def test_a_connection_that_twilio_has_closed_is_no_doubt(server: TwilioServer, channel: Twilio) -> None:
    await channel.send(sms())
    await server.http.hang_up()
    await asyncio.sleep(0)  # the server closes them in the loop's next turn
    assert isinstance(await channel.send(sms()), Accepted)
    assert server.http.connections == 2


async def test_a_worker_sends_through_what_the_settings_name(server: TwilioServer, tmp_path: Path) -> None:
    settings = Settings(
        sms="twilio",
        twilio_account_sid=server.account,
        twilio_auth_tokens=f"{server.token}, old-token",  # type: ignore[arg-type]
        twilio_messaging_service=SERVICE,
        twilio_url=server.url,
        public_url="http://127.0.0.1:8080",
        link_secrets="s" * 32,  # type: ignore[arg-type]
        outbox=tmp_path,
    )
    channel = bootstrap.channel_of(settings, "sms", "here")
    assert isinstance(await channel.send(sms(7)), Accepted)
    await channel.close()
    (taken,) = server.accepted
    assert taken.params["MessagingServiceSid"] == SERVICE
    assert (
        taken.params["StatusCallback"]
        == "http://127.0.0.1:8080/webhooks/twilio/status?message=7&installation=here"
    )


@pytest.mark.parametrize("word", ["STOP", " stop ", "Unsubscribe"])
async def test_after_stop_twilio_says_so(server: TwilioServer, word: str) -> None:
    server.stopped.clear()
    server.hear(TO, word)
    outcome = await send(of(server))
    assert isinstance(outcome, Rejected)
    assert outcome.opted_out
    server.hear(TO, "START")
    assert isinstance(await send(of(server)), Accepted)


# Looking for a message in doubt. It was handed over at THEN; Twilio is asked at LATER.


def doubt(**changes: Any) -> Sought:
    return replace(Sought(7, TO, Sender(OURS), THEN), **changes)


async def look(server: TwilioServer, sought: Sought, now: datetime = LATER, **options: Any) -> Any:
    server.clock = lambda: now
    channel = of(server, **options)
    try:
        return await channel.lookup(sought)
    finally:
        await channel.close()


@pytest.mark.parametrize(
    "seconds", [-60, 0, 3600], ids=["clocks that differ", "at once", "at the end of its validity"]
)
async def test_the_one_message_from_about_then_is_it(server: TwilioServer, seconds: int) -> None:
    found = server.put({"To": TO, "From": OURS}, THEN + timedelta(seconds=seconds))
    assert await look(server, doubt()) == Accepted(found.sid)
    await send(of(server))


async def test_a_reply_that_was_lost_is_found(server: TwilioServer) -> None:
    server.behave(Behaviour(lose=True, times=1))
    assert isinstance(await send(of(server)), Ambiguous)
    assert await look(server, doubt(), THEN) == Accepted(server.accepted[0].sid)


@pytest.mark.parametrize("seconds", [-61, 3601])
async def test_a_message_from_another_time_is_not_it(server: TwilioServer, seconds: int) -> None:
    server.put({"To": TO, "From": OURS}, THEN + timedelta(seconds=seconds))
    assert await look(server, doubt()) is None


@pytest.mark.parametrize(
    ("sought", "now", "answer"),
    [
        (doubt(), LATER, None),
        (doubt(doubled=True), LATER, None),
        (doubt(), THEN + timedelta(minutes=5), None),
        (doubt(), THEN + timedelta(minutes=4, seconds=59), Unanswerable()),
        (doubt(moved=True), LATER, Unanswerable()),
        (doubt(to=""), LATER, Unanswerable()),
        (doubt(to="kim@example.com"), LATER, Unanswerable()),
    ],
    ids=["none", "none of two", "settled", "too soon", "another number", "no number", "an address"],
)
async def test_that_there_is_none_is_said_only_where_it_is_certain(
    server: TwilioServer, sought: Sought, now: datetime, answer: Any
) -> None:
    server.put({"To": "+46700000009", "From": OURS}, THEN)
    assert await look(server, sought, now) == answer


async def test_messages_that_are_known_are_not_it(server: TwilioServer) -> None:
    known, other = server.put({"To": TO, "From": OURS}, THEN), server.put({"To": TO, "From": OURS}, THEN)
    assert await look(server, doubt()) == Unanswerable()
    assert await look(server, doubt(taken=frozenset({known.sid}))) == Accepted(other.sid)
    assert await look(server, doubt(taken=frozenset({known.sid, other.sid}))) is None


async def test_one_message_cannot_be_two(server: TwilioServer) -> None:
    server.put({"To": TO, "From": OURS}, THEN)
    assert await look(server, doubt(doubled=True)) == Unanswerable()


@pytest.mark.parametrize(
    ("params", "options", "is_ours"),
    [
        ({"From": OURS}, {}, True),
        ({"From": "+46700000055"}, {}, False),
        ({"MessagingServiceSid": SERVICE}, {}, False),
        ({"MessagingServiceSid": SERVICE}, {"service": SERVICE}, True),
        ({"From": OURS}, {"service": SERVICE}, False),
    ],
)
async def test_what_somebody_else_sent_leaves_doubt(
    server: TwilioServer, params: dict[str, str], options: dict[str, str], is_ours: bool
) -> None:
    found = server.put({"To": TO, **params}, THEN)
    answer = await look(server, doubt(), **options)
    assert answer == (Accepted(found.sid) if is_ours else Unanswerable())


async def test_whoever_has_more_messages_than_twilio_shows_at_once_is_not_judged(
    server: TwilioServer,
) -> None:
    for _ in range(1000):
        server.put({"To": TO, "From": OURS}, THEN - timedelta(days=1))
    assert await look(server, doubt()) == Unanswerable()


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(answer=throttled(7)),
        Behaviour(answer=problem(500, 20500)),
        Behaviour(answer=Reply(200, b"{}")),
        Behaviour(answer=Reply(200, b'{"messages": [5]}')),
        Behaviour(answer=Reply(200, b'{"messages": []}', {"Date": "soon"})),
        Behaviour(lose=True),
        Behaviour(garble=True),
        Behaviour(silent=True),
    ],
)
async def test_without_a_proper_answer_there_is_none(server: TwilioServer, behaviour: Behaviour) -> None:
    server.behave(behaviour)
    assert isinstance(await look(server, doubt(), timeouts=Timeouts(reply=0.1)), Unanswerable)


async def test_whoever_is_looked_for_is_named_nowhere(
    server: TwilioServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = [repr(doubt())]
    for behaviour in (None, Behaviour(answer=problem(400, 21211, TO)), Behaviour(lose=True)):
        server.behave(behaviour)
        told.append(repr(await look(server, doubt())))
    told += [record.getMessage() for record in caplog.records]
    for private in (TO, TO[1:], server.token):
        assert [one for one in told if private in one] == []


async def test_while_twilio_is_away_nobody_can_tell(server: TwilioServer) -> None:
    async with server.away():
        assert await look(server, doubt()) == Unanswerable(for_now=True)
