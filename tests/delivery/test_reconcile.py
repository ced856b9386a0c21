"""Messages that are unknown: asked after three times, and sent again only where the step says so."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from journeyflow.delivery.channels.base import (
    Accepted,
    Ambiguous,
    Outcome,
    Outgoing,
    Sought,
    Throttled,
    Unanswerable,
)
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, deliver
from journeyflow.delivery.pauses import TryAgain
from journeyflow.delivery.reconcile import LOST, reconcile
from journeyflow.store.ledger import messages
from journeyflow.workflows.contracts import DeliveryCount, DeliveryRequest, Reconciled
from tests.engine.programmes import World

MARKETING = """
    journey: letters
    enter: {event: began}
    steps: [{send: {email: hello}}]
"""
WAITED_FOR = """
    journey: letters
    category: transactional
    enter: {event: began}
    steps: [{send: {email: hello, when_unknown: resend}}]
"""
PATIENT = WAITED_FOR.replace(", when_unknown: resend", "")
AGAIN = DeliveryRequest(1, 0, "email", resend=True)
Answer = Accepted | Unanswerable | None


@dataclass
class Provider:
    """Says nothing to what it is given first, and takes the rest. `answer` is what it says when asked."""

    answer: Answer = Unanswerable()  # noqa: RUF009 - frozen
    silent: int = 1  # messages that get no reply
    batch: int = 10
    got: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None  # happens while it is asked

    async def send(self, message: Outgoing) -> Outcome:
        self.got.append(message.message_id)
        return Ambiguous("silence") if len(self.got) <= self.silent else Accepted("theirs")

    async def lookup(self, sought: Sought) -> Answer:
        self.asked.append(sought.message_id)
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.answer

    async def close(self) -> None:
        """Nothing is held open."""


async def doubtful(world: World, journey: str, provider: Provider, *customers: str) -> None:
    await world.apply(journey)
    await world.customers(*(customers or ("c0",)))
    await world.enter(*(customers or ("c0",)))
    await world.deliver(provider)


async def asked(world: World, provider: Provider, after: timedelta = timedelta(minutes=10)) -> Reconciled:
    world.now += after
    return await reconcile(courier(world, provider), "email", world.now)


async def sent_again(world: World, provider: Provider) -> DeliveryCount:
    attempt = Attempt(1, lambda: world.now, lambda: False)
    return await deliver(courier(world, provider), AGAIN, attempt)


def courier(world: World, provider: Provider) -> Courier:
    return Courier(world.store, {"email": provider}, world.programme)


async def put(world: World, **values: Any) -> None:
    async with world.store.writing() as connection:
        await connection.execute(update(messages).values(**values))


async def test_it_is_asked_three_times_and_then_left(world: World) -> None:
    provider = Provider()
    await doubtful(world, MARKETING, provider)
    claimed = world.now
    asked_at = []
    for minutes in (5, 9.9, 10, 11, 59, 60, 61, 1439, 1440, 1500, 9000):
        world.now = claimed + timedelta(minutes=minutes)
        if (await reconcile(courier(world, provider), "email", world.now)).asked:
            asked_at.append(minutes)
    assert asked_at == [10, 60, 1440]
    assert await world.ledger("c0") == [("hello", "unknown", "silence")]
    assert len(provider.got) == 1


async def test_when_nobody_asked_for_days_once_is_enough(world: World) -> None:
    provider = Provider()
    await doubtful(world, WAITED_FOR, provider)
    assert await asked(world, provider, timedelta(days=2)) == Reconciled(asked=1)
    assert await asked(world, provider, timedelta(days=2)) == Reconciled()
    assert await world.ledger("c0") == [("hello", "unknown", "silence")], "nobody waits for it any more"


@pytest.mark.parametrize(("hours", "state"), [(23, "queued"), (24, "failed"), (9 * 24, "failed")])
async def test_what_surely_did_not_go_is_sent_again_within_a_day(
    world: World, hours: int, state: str
) -> None:
    provider = Provider(None)
    await doubtful(world, WAITED_FOR, provider)
    await asked(world, provider, timedelta(hours=hours))
    assert await world.ledger("c0") == [("hello", state, None if state == "queued" else LOST)]


@pytest.mark.parametrize("answer", [Unanswerable(), None, Accepted("theirs")])
async def test_a_provider_that_cannot_be_asked_now_has_not_been_asked(world: World, answer: Answer) -> None:
    provider = Provider(Unanswerable(for_now=True))
    await doubtful(world, WAITED_FOR, provider)
    for _ in range(8):
        assert await asked(world, provider) == Reconciled(asked=1)
    assert await world.ledger("c0") == [("hello", "unknown", "silence")]
    provider.answer = answer
    assert (await asked(world, provider)).settled == 1
    assert await world.ledger("c0") == [("hello", "sent" if isinstance(answer, Accepted) else "queued", None)]


async def test_a_provider_that_cannot_be_asked_for_days_is_left(world: World) -> None:
    provider = Provider(Unanswerable(for_now=True))
    await doubtful(world, WAITED_FOR, provider)
    days = [(await asked(world, provider, timedelta(days=1))).asked for _ in range(5)]
    assert days == [1, 1, 1, 0, 0]
    assert await world.ledger("c0") == [("hello", "unknown", "silence")]


@pytest.mark.parametrize(
    ("journey", "answer", "state", "reason"),
    [
        (MARKETING, Accepted("theirs"), "sent", None),
        (MARKETING, Unanswerable(), "unknown", "silence"),
        (MARKETING, None, "failed", LOST),
        (PATIENT, None, "failed", LOST),
        (PATIENT, Unanswerable(), "unknown", "silence"),
        (WAITED_FOR, Accepted("theirs"), "sent", None),
        (WAITED_FOR, Unanswerable(), "queued", None),
        (WAITED_FOR, None, "queued", None),
    ],
)
async def test_what_comes_of_an_answer(
    world: World, journey: str, answer: Answer, state: str, reason: str | None
) -> None:
    provider = Provider(answer)
    await doubtful(world, journey, provider)
    handed_over_at = world.now
    done = await asked(world, provider)
    assert done.again == ([AGAIN] if state == "queued" else [])
    assert await world.ledger("c0") == [("hello", state, reason)]
    [message] = await world.messages("c0")
    assert message.provider_id == ("theirs" if state == "sent" else None)
    assert message.sent_at == (handed_over_at if state in ("sent", "unknown") else None)


@pytest.mark.parametrize("answer", [Unanswerable(), None])
async def test_it_is_sent_again_once_and_never_a_third_time(world: World, answer: Answer) -> None:
    provider = Provider(answer, silent=2)
    await doubtful(world, WAITED_FOR, provider)
    await asked(world, provider)
    assert await sent_again(world, provider) == DeliveryCount(unknown=1)
    for _ in range(3):
        assert (await asked(world, provider, timedelta(days=1))).again == []
    assert len(provider.got) == 2
    assert [state for _, state, _ in await world.ledger("c0")] == ["unknown" if answer else "failed"]


async def test_the_second_time_is_a_delivery_of_its_own(world: World) -> None:
    """The first one may still be at others of the leg, and must not take this for what it left."""
    provider = Provider()
    await doubtful(world, WAITED_FOR, provider, "c0", "c1")
    await asked(world, provider)
    assert await world.deliver(provider, attempt=2) == DeliveryCount(sent=1)
    assert len(provider.got) == 2
    assert await sent_again(world, provider) == DeliveryCount(sent=1)
    assert sorted(provider.got) == [1, 1, 2]


async def test_what_a_report_proves_meanwhile_is_left_alone(world: World) -> None:
    async def reported() -> None:
        await put(world, state="delivered")

    provider = Provider(meanwhile=reported)
    await doubtful(world, WAITED_FOR, provider)
    assert await asked(world, provider) == Reconciled(asked=1)
    assert await world.ledger("c0") == [("hello", "delivered", "silence")]


async def test_two_who_ask_at_once_send_it_again_once(world: World) -> None:
    provider = Provider()
    await doubtful(world, WAITED_FOR, provider)
    world.now += timedelta(minutes=10)
    both = [reconcile(courier(world, provider), "email", world.now) for _ in range(2)]
    done = await asyncio.gather(*both)
    assert sum(one.settled for one in done) == 1
    assert [row.resends for row in await world.messages("c0")] == [1]


@pytest.mark.parametrize("handed_over", [False, True])
async def test_a_crash_while_it_is_sent_again_sends_it_no_third_time(world: World, handed_over: bool) -> None:
    provider = Provider()
    await doubtful(world, WAITED_FOR, provider)
    await asked(world, provider)
    await put(world, state="sending", handed_at=world.now if handed_over else None)
    assert (await asked(world, provider)).again == [AGAIN], "it is not forgotten"
    ended = await sent_again(world, provider)
    assert ended == (DeliveryCount(unknown=1) if handed_over else DeliveryCount(sent=1))
    assert (await asked(world, provider, timedelta(days=2))).again == []


async def test_what_cannot_go_now_is_there_for_the_next_run(world: World) -> None:
    provider = Provider()
    await doubtful(world, WAITED_FOR, provider)
    await asked(world, provider)
    with pytest.raises(TryAgain):
        await sent_again(world, Away())
    assert (await asked(world, provider)).again == [AGAIN]


async def test_many_are_asked_after_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("journeyflow.delivery.reconcile._BATCH", 4)
    names = [f"c{number}" for number in range(10)]
    provider = Provider(Accepted("theirs"), silent=10)
    await doubtful(world, MARKETING, provider, *names)
    assert await asked(world, provider) == Reconciled(asked=10, settled=10)
    assert sorted(provider.asked) == list(range(1, 11))


class Away(Provider):
    async def send(self, message: Outgoing) -> Outcome:
        return Throttled(60, "away")
