"""What is particular to SendGrid: the payload, whose fault a refusal is, and what may be told of it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from journeyflow import bootstrap
from journeyflow.delivery.channels.base import Accepted, Ambiguous, Outcome, Rejected, Throttled
from journeyflow.delivery.channels.sendgrid import HOSTS, SendGrid
from journeyflow.errors import ConfigurationError
from journeyflow.policy import Sender
from journeyflow.settings import Settings
from journeyflow.testing.vendors.http import Behaviour, Reply
from journeyflow.testing.vendors.sendgrid import SendGridServer, errors, sendgrid_server, throttled
from journeyflow.testing.vendors.shapes import Problem
from tests.delivery.channels.providers import outgoing

LINK = "https://post.example.com/u/1?a=b"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SendGridServer]:
    async with sendgrid_server(senders=["example.com", "xn--exmple-cua.com"]) as server:
        yield server


@pytest_asyncio.fixture
async def channel(server: SendGridServer) -> AsyncIterator[SendGrid]:
    channel = SendGrid(server.key, "shop", server.url)
    yield channel
    await channel.close()


async def mail_of(server: SendGridServer, channel: SendGrid, **changes: Any) -> dict[str, Any]:
    assert isinstance(await channel.send(outgoing(7, **changes)), Accepted)
    return server.accepted[-1].mail


async def answered(server: SendGridServer, channel: SendGrid, reply: Reply) -> Outcome:
    server.behave(Behaviour(answer=reply))
    return await channel.send(outgoing(7))


async def test_the_payload(server: SendGridServer, channel: SendGrid) -> None:
    sender = Sender('"Klubb Ås, AB" <club@exämple.com>', "Help <help@example.com>")
    mail = await mail_of(
        server,
        channel,
        sender=sender,
        subject="Hej Åsa 😀",
        unsubscribe_url=LINK,
        counts_clicks=True,
        counts_opens=True,
    )
    ids = {"message_id": "7", "installation": "shop"}
    assert mail == {
        "personalizations": [{"to": [{"email": "kim@example.com"}], "custom_args": ids}],
        "from": {"email": "club@xn--exmple-cua.com", "name": "Klubb Ås, AB"},
        "reply_to": {"email": "help@example.com", "name": "Help"},
        "subject": "Hej Åsa 😀",
        "content": [
            {"type": "text/plain", "value": "Hello"},
            {"type": "text/html", "value": "<p>Hello</p>"},
        ],
        "headers": {
            "List-Unsubscribe": f"<{LINK}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }


async def test_what_we_do_not_count_is_left_to_the_account(server: SendGridServer, channel: SendGrid) -> None:
    mail = await mail_of(server, channel, sender=Sender("club@example.com"), html=None)
    assert mail["tracking_settings"] == {"subscription_tracking": {"enable": False}}
    assert mail["from"] == {"email": "club@example.com"}
    assert mail["content"] == [{"type": "text/plain", "value": "Hello"}]
    assert mail.keys().isdisjoint({"reply_to", "headers"})


async def test_an_empty_text_is_left_out_beside_html(server: SendGridServer, channel: SendGrid) -> None:
    mail = await mail_of(server, channel, text="")
    assert mail["content"] == [{"type": "text/html", "value": "<p>Hello</p>"}]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"subject": ""}, "subject"),
        ({"subject": None}, "subject"),
        ({"subject": "a\r\nBcc: eve@example.com"}, "subject"),
        ({"text": "", "html": None}, "content"),
        ({"text": "", "html": ""}, "content"),
        ({"text": "SG.private.private"}, "content"),
    ],
)
async def test_what_it_cannot_convey_is_refused(
    server: SendGridServer, channel: SendGrid, changes: dict[str, Any], code: str
) -> None:
    outcome = await channel.send(outgoing(1, **changes))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.address_is_dead) == (code, False)
    assert "eve" not in repr(outcome)
    assert "private" not in repr(outcome)
    assert server.http.requests == 0


@pytest.mark.parametrize("local", ["a!b#c$d%e&f'g*h+i", "j=k?l^m_n`o{p|q}r~s/t", "-", "a..b", ".a", "a."])
async def test_an_odd_address_goes_as_it_is_or_is_refused_by_sendgrid(
    server: SendGridServer, channel: SendGrid, local: str
) -> None:
    outcome = await channel.send(outgoing(1, f"{local}@example.com"))
    if ".." in local or local.strip(".") != local:
        assert outcome == Rejected(
            "400 personalizations.0.to.0.email", "SendGrid refused the message", address_is_dead=True
        )
    else:
        to = server.accepted[0].mail["personalizations"][0]["to"]
        assert to == [{"email": f"{local}@example.com"}]


async def test_a_sender_that_is_no_address_is_a_fault_of_the_policy(channel: SendGrid) -> None:
    with pytest.raises(ConfigurationError, match="policy: the sender"):
        await channel.send(outgoing(1, sender=Sender("Club")))


async def test_a_wrong_key_fails_no_message(server: SendGridServer) -> None:
    channel = SendGrid("SG.wrong-private-key", "shop", server.url)
    outcome = await channel.send(outgoing())
    await channel.close()
    assert isinstance(outcome, Throttled)
    assert "401" in outcome.reason
    assert "JOURNEYFLOW_SENDGRID_API_KEY" in outcome.reason
    assert "wrong" not in repr(outcome)


async def test_a_sender_that_is_not_verified_fails_no_message(
    server: SendGridServer, channel: SendGrid
) -> None:
    outcome = await channel.send(outgoing(1, sender=Sender("club@shop.example")))
    assert isinstance(outcome, Throttled)
    assert "sender is verified" in outcome.reason


async def test_its_window_is_kept(server: SendGridServer, channel: SendGrid) -> None:
    server.behave(Behaviour(answer=throttled(30)))
    outcome = await channel.send(outgoing(1, at=datetime.now(UTC)))
    assert isinstance(outcome, Throttled)
    assert 1 <= outcome.retry_after <= 30


@pytest.mark.parametrize("status", [200, 201, 204, 500, 502, 503, 504])
async def test_what_leaves_doubt(server: SendGridServer, channel: SendGrid, status: int) -> None:
    """200 would say that the mail is fine but does not go out; nobody should have told it to."""
    assert await answered(server, channel, Reply(status)) == Ambiguous(f"SendGrid answered {status}")


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404, 405, 407, 408, 415])
async def test_what_is_our_own_fault(server: SendGridServer, channel: SendGrid, status: int) -> None:
    outcome = await answered(server, channel, Reply(status, headers={"Location": "/elsewhere"}))
    assert isinstance(outcome, Throttled)
    assert outcome.reason.startswith(f"SendGrid answered {status}: look at ")
    assert server.http.requests == 1


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_what_is_the_message_s(server: SendGridServer, channel: SendGrid, status: int) -> None:
    assert await answered(server, channel, Reply(status)) == Rejected(
        str(status), "SendGrid refused the message"
    )


@pytest.mark.parametrize(
    ("field", "outcome"),
    [
        ("content.0.value", Rejected("400 content.0.value", "SendGrid refused the message")),
        (
            "personalizations.0.to.0.email",
            Rejected("400 personalizations.0.to.0.email", "SendGrid refused the message", True),
        ),
        (
            "personalizations.0.to",
            Rejected("400 personalizations.0.to", "SendGrid refused the message", True),
        ),
        ("personalizations", Rejected("400 personalizations", "SendGrid refused the message")),
        (
            "from.email",
            Throttled(60, "SendGrid answered 400 to from.email: look at the sender in the policy"),
        ),
        ("reply_to", Throttled(60, "SendGrid answered 400 to reply_to: look at the sender in the policy")),
        ("kim@example.com", Rejected("400", "SendGrid refused the message")),
        ("x" * 81, Rejected("400", "SendGrid refused the message")),
        (None, Rejected("400", "SendGrid refused the message")),
    ],
)
async def test_whose_fault_it_is_shows_in_the_field(
    server: SendGridServer, channel: SendGrid, field: str | None, outcome: Outcome
) -> None:
    reply = errors(400, Problem("kim@example.com is wrong", field))
    assert await answered(server, channel, reply) == outcome


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"\xff", b"[]", b'{"errors": []}', b'{"errors": [{"field": 7}]}', b'{"errors": null}',
        b"[" * 65_000,
    ],
    ids=lambda body: body[:30],
)  # fmt: skip
async def test_an_error_in_another_form_is_one_all_the_same(
    server: SendGridServer, channel: SendGrid, body: bytes
) -> None:
    assert await answered(server, channel, Reply(400, body)) == Rejected(
        "400", "SendGrid refused the message"
    )


async def test_an_acceptance_without_a_number_gets_ours(server: SendGridServer, channel: SendGrid) -> None:
    assert await answered(server, channel, Reply(202)) == Accepted("shop-7")


@pytest.mark.parametrize("key", ["", "SG.private key", "SG.private\n", "SG.privaté"])
def test_a_key_that_is_none_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(ConfigurationError, match="JOURNEYFLOW_SENDGRID_API_KEY") as caught:
        SendGrid(key, "shop")
    assert "priva" not in str(caught.value)


async def test_settings_lead_to_it(server: SendGridServer) -> None:
    settings = Settings(email="sendgrid", sendgrid_api_key=server.key, sendgrid_url=f"{server.url}/")
    channel = bootstrap.channel_of(settings, "email", "shop")
    assert isinstance(await channel.send(outgoing(9)), Accepted)
    await channel.close()
    assert server.accepted[0].custom_args == {"message_id": "9", "installation": "shop"}


def test_the_hosts_are_sendgrid_s() -> None:
    assert HOSTS == {"global": "https://api.sendgrid.com", "eu": "https://api.eu.sendgrid.com"}


async def test_a_payload_is_utf_8_and_small(channel: SendGrid) -> None:
    content = channel._mail(outgoing(1, text="å \ud800"))
    assert isinstance(content, bytes)
    assert "å ?".encode() in content
    assert json.loads(content)
