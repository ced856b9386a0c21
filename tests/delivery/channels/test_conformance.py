"""What every channel promises, asked of each adapter with a real provider behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from journeyflow.delivery.channels.base import Accepted, Outgoing, Rejected, Throttled, Unanswerable
from tests.delivery.channels.providers import OutboxFolder, Provider, outgoing, sms, smtp_server

Make = Callable[..., Outgoing]
MAKERS: dict[str, Make] = {"outbox-email": outgoing, "outbox-sms": sms, "smtp": outgoing}


@pytest_asyncio.fixture(params=list(MAKERS))
async def adapter(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Provider, Make]]:
    make = MAKERS[request.param]
    if request.param == "smtp":
        async with smtp_server() as server:
            yield server, make
    else:
        yield OutboxFolder(tmp_path / "outbox"), make


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
    assert (await provider.channel.lookup(7)) in (outcome, Unanswerable())


async def test_a_message_never_sent_is_not_said_to_be_accepted(provider: Provider) -> None:
    assert await provider.channel.lookup(8) in (None, Unanswerable())


async def test_text_of_any_language_arrives_as_it_was(provider: Provider, make: Make) -> None:
    text = "Hej Åsa! 你好, Ünïcode 😀 = .\n.\nFrom here\ntab\t end \n" + "långt " * 400
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


async def test_while_the_provider_is_away_nothing_is_in_doubt(provider: Provider, make: Make) -> None:
    assert isinstance(await provider.channel.send(make(1)), Accepted)
    before = len(provider.received())
    await empty(provider)
    async with provider.away():
        outcome = await provider.channel.send(make(2))
        assert isinstance(outcome, Throttled)
        assert outcome.retry_after > 0
    assert isinstance(await provider.channel.send(make(2)), Accepted)
    assert len(provider.received()) >= before


async def empty(provider: Provider) -> None:
    if isinstance(provider, OutboxFolder):
        for path in provider.folder.iterdir():
            path.unlink()
        provider.folder.rmdir()


async def test_many_at_once_arrive_once_each(provider: Provider, make: Make) -> None:
    messages = [make(number) for number in range(1, 3 * provider.channel.batch + 1)]
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


async def test_a_message_does_not_show_what_is_personal(make: Make) -> None:
    message = make(1, text="secret text")
    assert message.to not in repr(message)
    assert "secret" not in repr(message)
