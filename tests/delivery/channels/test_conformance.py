"""What every channel promises, asked of each adapter with a real provider behind it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import pytest_asyncio

from journeyflow.delivery.channels.base import (
    Accepted,
    Ambiguous,
    Outcome,
    Outgoing,
    Rejected,
    Throttled,
    Unanswerable,
)
from tests.delivery.channels.providers import (
    MAKERS,
    REMOTE,
    Make,
    OutboxFolder,
    Provider,
    Remote,
    Trouble,
    sought,
)

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


@pytest_asyncio.fixture(params=list(MAKERS))
async def adapter(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Provider, Make]]:
    begin, make = MAKERS[request.param]
    async with begin(tmp_path) as provider:
        yield provider, make


@pytest.fixture
def provider(adapter: tuple[Provider, Make]) -> Provider:
    return adapter[0]


@pytest.fixture
def make(adapter: tuple[Provider, Make]) -> Make:
    return adapter[1]


async def test_an_accepted_message_has_arrived_once(provider: Provider, make: Make) -> None:
    message = make(7)
    outcome = await provider.channel.send(message)
    assert isinstance(outcome, Accepted)
    assert outcome.provider_id
    (received,) = provider.received()
    assert received["To"] == message.to
    assert (await provider.channel.lookup(sought(message))) in (outcome, Unanswerable())


async def test_a_message_never_sent_is_not_said_to_be_accepted(provider: Provider, make: Make) -> None:
    assert await provider.channel.lookup(sought(make(8))) in (None, Unanswerable())


async def test_text_of_any_language_arrives_as_it_was(provider: Provider, make: Make) -> None:
    text = "Hej Åsa! 你好, Ünïcode 😀 = .\n.\nFrom here\ntab\t end \n" + "långt " * 200
    await provider.channel.send(make(1, text=text))
    (received,) = provider.received()
    part = received.get_body(("plain",))
    assert part is not None
    assert part.get_content().splitlines() == text.splitlines()


async def test_a_lone_surrogate_does_not_break_the_batch(provider: Provider, make: Make) -> None:
    assert isinstance(await provider.channel.send(make(1, text="a \ud800 b")), Accepted)


@pytest.mark.parametrize(
    "to", ["", "no-address", "{}\r\nBcc: eve@example.com", "{}\nX: y", "{}, eve@example.com", "{}>"]
)
async def test_what_is_not_one_address_is_refused_for_good(provider: Provider, make: Make, to: str) -> None:
    outcome = await provider.channel.send(make(1, to=to.format(make().to)))
    assert isinstance(outcome, Rejected)
    assert outcome.address_is_dead
    assert "eve" not in repr(outcome)
    assert provider.received() == []


async def test_a_message_of_another_channel_is_refused(provider: Provider, make: Make) -> None:
    outcome = await provider.channel.send(replace(make(1), channel="letter"))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.address_is_dead) == ("channel", False)
    assert provider.received() == []


async def test_while_the_provider_is_away_nothing_is_in_doubt(provider: Provider, make: Make) -> None:
    assert isinstance(await provider.channel.send(make(1)), Accepted)
    await empty(provider)
    before = len(provider.received())
    async with provider.away():
        outcome = await provider.channel.send(make(2))
        assert isinstance(outcome, Throttled)
        assert outcome.retry_after > 0
    assert isinstance(await provider.channel.send(make(2)), Accepted)
    assert len(provider.received()) == before + 1


async def empty(provider: Provider) -> None:
    if isinstance(provider, OutboxFolder):
        for path in provider.folder.iterdir():
            path.unlink()
        provider.folder.rmdir()


async def test_many_at_once_arrive_once_each(provider: Provider, make: Make) -> None:
    messages = [make(number) for number in range(1, min(3 * provider.channel.batch, 200) + 1)]
    outcomes = await asyncio.gather(*(provider.channel.send(message) for message in messages))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert len({outcome.provider_id for outcome in outcomes if isinstance(outcome, Accepted)}) == len(
        messages
    )
    assert len(provider.received()) == len(messages)


async def test_closing_twice_is_harmless(provider: Provider, make: Make) -> None:
    await provider.channel.send(make(1))
    await provider.channel.close()
    await provider.channel.close()


@pytest.fixture
def remote(adapter: tuple[Remote, Make]) -> Remote:
    return adapter[0]


over_a_network = pytest.mark.parametrize("adapter", REMOTE, indirect=True)


@over_a_network
async def test_a_message_that_is_rejected_is_not_tried_again(remote: Remote, make: Make) -> None:
    outcome, had = await send_in(remote, "rejected", make(1))
    assert isinstance(outcome, Rejected)
    assert not outcome.address_is_dead, "that was not said"
    assert had == 0


@over_a_network
async def test_a_provider_that_wants_a_pause_gets_it(remote: Remote, make: Make) -> None:
    outcome, had = await send_in(remote, "throttled", make(1))
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after == remote.pause
    assert had == 0


@over_a_network
@pytest.mark.parametrize("trouble", ["garbled", "lost"])
async def test_a_reply_that_is_lost_or_broken_leaves_doubt(
    remote: Remote, make: Make, trouble: Trouble
) -> None:
    outcome, had = await send_in(remote, trouble, make(1))
    assert isinstance(outcome, Ambiguous)
    assert had == 1, "it was accepted, and not handed over again"


@over_a_network
async def test_a_reply_that_does_not_come_in_time_leaves_doubt(remote: Remote, make: Make) -> None:
    channel = remote.impatient()
    remote.make_trouble("silent")
    assert isinstance(await channel.send(make(1)), Ambiguous)
    assert len(remote.received()) == 1
    await channel.close()


@over_a_network
async def test_nothing_personal_and_no_secret_is_told(
    remote: Remote, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    message = make(1, text="a private word")
    channel = remote.impatient()
    told = [repr(message), repr(channel), repr(vars(channel))]
    for trouble in (None, *get_args(Trouble)):
        remote.make_trouble(trouble)
        told.append(repr(await channel.send(message)))
    async with remote.away():
        told.append(repr(await channel.send(message)))
    await channel.close()
    told += [record.getMessage() for record in caplog.records if record.name != "mail.log"]  # aiosmtpd's own
    for private in (message.to, message.to.partition("@")[0], "private", remote.secret):
        assert [one for one in told if private in one] == []


async def send_in(remote: Remote, trouble: Trouble, message: Outgoing) -> tuple[Outcome, int]:
    """The outcome, and how many messages the provider had then; afterwards the same channel works again."""
    remote.make_trouble(trouble)
    outcome = await remote.channel.send(message)
    had = len(remote.received())
    remote.make_trouble(None)
    assert isinstance(await remote.channel.send(message), Accepted)
    return outcome, had


async def test_a_message_does_not_show_what_is_personal(make: Make) -> None:
    message = make(1, text="secret text")
    assert message.to not in repr(message)
    assert "secret" not in repr(message)
