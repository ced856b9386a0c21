"""What is particular to webhooks: who signs, who may be asked again, and where they go at all."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import pytest_asyncio
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from journeyflow.delivery.channels.base import Accepted, Outgoing, Rejected, Throttled
from journeyflow.delivery.channels.webhook import Webhook
from journeyflow.errors import ConfigurationError
from journeyflow.policy import Sender
from tests.delivery.channels.receiver import Receiver, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOON = datetime(2031, 5, 7, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest_asyncio.fixture
async def channel() -> AsyncIterator[Webhook]:
    channel = Webhook("store", SECRET)
    yield channel
    await channel.close()
    await channel.close()


def message(url: str, number: int = 7, at: datetime = NOON, text: str = '{"a": "åäö 😀"}') -> Outgoing:
    return Outgoing(number, "webhook", url, Sender("journeyflow"), at, None, None, text)


async def test_it_arrives_as_signed_json_under_a_name_of_its_own(
    receiver: Receiver, channel: Webhook
) -> None:
    now = datetime.now(UTC)
    assert await channel.send(message(receiver.url, at=now)) == Accepted("store-7")
    [got] = receiver.received
    assert (got.path, got.content) == ("/hook", {"a": "åäö 😀"})
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == "store-7"
    assert Verifier(SECRET).verify(got.text, got.headers) == got.content
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(got.text.replace("a", "b"), got.headers)


async def test_without_a_secret_nothing_is_signed(receiver: Receiver) -> None:
    channel = Webhook("store")
    await channel.send(message(receiver.url))
    await channel.close()
    assert "webhook-signature" not in receiver.received[0].headers


async def test_a_repeat_has_the_same_id_and_is_asked_for_after_a_crash(
    receiver: Receiver, channel: Webhook
) -> None:
    await channel.send(message(receiver.url))
    assert await channel.lookup(7) is None, "certainly not taken, as far as anybody can tell"
    await channel.send(message(receiver.url, at=NOON + timedelta(hours=1)))
    assert [got.headers["webhook-id"] for got in receiver.received] == ["store-7", "store-7"]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_what_says_yes(receiver: Receiver, channel: Webhook, status: int) -> None:
    receiver.answer = lambda _: (status, {})
    assert isinstance(await channel.send(message(receiver.url)), Accepted)


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 400, 401, 403, 404, 409, 410, 422])
async def test_what_says_never(receiver: Receiver, channel: Webhook, status: int) -> None:
    receiver.answer = lambda _: (status, {"location": f"{receiver.url}/elsewhere"})
    outcome = await channel.send(message(receiver.url))
    assert outcome == Rejected(str(status), f"the receiver answered {status}")
    assert len(receiver.received) == 1, "a redirect is not followed"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_what_says_later(receiver: Receiver, channel: Webhook, status: int) -> None:
    receiver.answer = lambda _: (status, {})
    outcome = await channel.send(message(receiver.url))
    assert outcome == Throttled(60, f"the receiver answered {status}", alone=True)


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("120", 120),
        ("0", 1),
        ("9999999", 86_400),
        (format_datetime(NOON + timedelta(minutes=5), usegmt=True), 300),
        (format_datetime(NOON - timedelta(minutes=5), usegmt=True), 1),
        ("soon", 60),
        ("-5", 60),
        ("", 60),
    ],
)
async def test_how_much_later(receiver: Receiver, channel: Webhook, retry_after: str, seconds: float) -> None:
    receiver.answer = lambda _: (503, {"retry-after": retry_after})
    outcome = await channel.send(message(receiver.url))
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after == seconds


async def test_silence_and_absence_say_later(receiver: Receiver) -> None:
    channel = Webhook("store", timeout=0.2)
    receiver.silent = True
    outcome = await channel.send(message(receiver.url))
    assert outcome == Throttled(60, "the receiver did not answer in time", alone=True)
    assert len(receiver.received) == 1
    await receiver.stop()
    outcome = await channel.send(message(receiver.url))
    assert outcome == Throttled(60, "the receiver cannot be reached")
    await receiver.start()
    receiver.silent = False
    assert isinstance(await channel.send(message(receiver.url)), Accepted)
    await channel.close()


@pytest.mark.parametrize(
    "url", ["http://example.com/", "ftp://127.0.0.1/", "", "http://127.0.0.1:x/", "https://[x"]
)
async def test_anywhere_else_it_does_not_go(channel: Webhook, url: str) -> None:
    outcome = await channel.send(message(url))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "address"


async def test_nothing_is_carried_from_one_customer_to_the_next(receiver: Receiver, channel: Webhook) -> None:
    receiver.answer = lambda _: (204, {"set-cookie": "who=ann; Path=/"})
    for number in (1, 2):
        await channel.send(message(receiver.url, number))
    assert [got.headers.get("cookie") for got in receiver.received] == [None, None]


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64 åäö"])
def test_a_secret_that_is_none_is_refused_and_not_quoted(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="JOURNEYFLOW_WEBHOOK_SECRET") as caught:
        Webhook("store", secret)
    assert "not base64 å" not in str(caught.value)


def test_a_message_does_not_show_what_is_personal() -> None:
    shown: Any = repr(message("https://hooks.example.com/secret", text='{"a": "private"}'))
    assert "private" not in shown
    assert "secret" not in shown
