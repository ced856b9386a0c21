"""Delivery: each message once, whatever the provider says and whenever the worker dies."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from journeyflow.audience.suppression import is_suppressed, suppress
from journeyflow.delivery.activities import DeliveryActivities
from journeyflow.delivery.channels.base import Accepted, Outcome, Outgoing, Rejected, Throttled, Unanswerable
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, deliver
from journeyflow.delivery.pauses import AT_ONCE, TryAgain, back_off
from journeyflow.engine.status import status
from journeyflow.engine.timeline import story
from journeyflow.errors import ConfigurationError
from journeyflow.store.customers import customers, suppressions
from journeyflow.store.ledger import messages
from journeyflow.workflows.contracts import DeliveryCount, DeliveryRequest
from tests.delivery.channels.providers import smtp_server
from tests.engine.programmes import World, keys
from tests.journeys.writing import POLICY

JOURNEY = """
    journey: letters
    enter: {event: began}
    exit:
      - event: stopped
      - when: {attribute: quiet, is: true}
    steps:
      - send: {email: hello}
      - wait: 1 day
"""
BROKEN = "---\nsubject: Hello {{ customer.nickname }}\n---\n<p>Hello</p>\n"
GREETING = {"hello/email.html": "---\nsubject: Hello {{ customer.id }}\n---\n<p>For {{ customer.id }}</p>\n"}


async def queue(world: World, *customers: str, policy: str = POLICY) -> None:
    """Each customer has a message in the ledger that nobody has claimed."""
    await world.apply(JOURNEY, policy=policy, templates=GREETING)
    await world.customers(*customers)
    await world.enter(*customers)
    world.now += timedelta(minutes=1)


async def put(world: World, **values: Any) -> None:
    async with world.store.writing() as connection:
        await connection.execute(messages.update().values(**values))


async def put_customers(world: World, **values: Any) -> None:
    async with world.store.writing() as connection:
        await connection.execute(customers.update().values(**values))


async def states(world: World) -> Counter[str]:
    return Counter(row.state for row in await world.rows(select(messages)))


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """Those that the database is given in the meantime."""
    given: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        given.append(statement)

    event.listen(world.store.engine.sync_engine, "before_cursor_execute", note)
    yield given
    event.remove(world.store.engine.sync_engine, "before_cursor_execute", note)


async def test_all_messages_of_a_leg_are_handed_over_and_recorded(world: World, tmp_path: Path) -> None:
    await queue(world, *keys(401))
    outbox = Outbox(tmp_path / "outbox")
    assert await world.deliver(outbox) == DeliveryCount(sent=401)
    rows = await world.rows(select(messages))
    assert {(row.state, row.sent_at, row.claimed_at) for row in rows} == {("sent", world.now, world.now)}
    assert {row.provider_id for row in rows} == {path.name for path in (tmp_path / "outbox").iterdir()}
    assert await world.deliver(outbox) == DeliveryCount(sent=401), "and only once"
    assert len(list((tmp_path / "outbox").iterdir())) == 401


async def test_each_gets_their_own(world: World) -> None:
    await queue(world, "ann", "ben")
    async with smtp_server() as server:
        await world.deliver(server.channel)
        got = {_to(mail): str(mail["subject"]) for mail in server.received()}
    assert got == {"ann@example.com": "Hello ann", "ben@example.com": "Hello ben"}


async def test_what_a_killed_worker_left_is_asked_after(world: World, tmp_path: Path) -> None:
    """It died between claiming and recording: one message had reached the outbox, the other had not."""
    await queue(world, "c0", "c1")
    outbox = Outbox(tmp_path / "outbox")
    await world.deliver(outbox)
    await put(world, state="sending", sent_at=None, provider_id=None)
    lost = (await world.messages("c1"))[0].id
    (tmp_path / "outbox" / f"{lost}.eml").unlink()
    kept = (tmp_path / "outbox" / f"{(await world.messages('c0'))[0].id}.eml").stat()
    assert await world.deliver(outbox, attempt=2) == DeliveryCount(sent=2)
    assert [await world.ledger(key) for key in ("c0", "c1")] == [[("hello", "sent", None)]] * 2
    assert (tmp_path / "outbox" / f"{lost}.eml").exists()
    assert (tmp_path / "outbox" / f"{(await world.messages('c0'))[0].id}.eml").stat() == kept


async def test_where_nobody_can_be_asked_it_is_unknown_and_not_sent_again(world: World) -> None:
    await queue(world, "c0", "c1")
    await put(world, state="sending", handed_at=world.now)
    async with smtp_server() as server:
        assert await world.deliver(server.channel, attempt=2) == DeliveryCount(unknown=2)
        assert server.received() == []
    assert await world.ledger("c0") == [("hello", "unknown", "interrupted")]


async def test_silence_after_handing_over_is_unknown_and_not_sent_again(world: World) -> None:
    await queue(world, "lost", "ann")
    async with smtp_server() as server:
        assert await world.deliver(server.channel) == DeliveryCount(sent=1, unknown=1)
        assert await world.deliver(server.channel, attempt=2) == DeliveryCount(sent=1, unknown=1)
        assert sorted(map(_to, server.received())) == ["ann@example.com", "lost@example.com"]


async def test_a_provider_that_wants_a_pause_gets_it_and_then_the_rest(world: World) -> None:
    await queue(world, *keys(25))
    async with smtp_server() as server:
        async with server.away():
            with pytest.raises(TryAgain) as pause:
                await world.deliver(server.channel)
        assert timedelta(seconds=60) <= pause.value.after <= timedelta(seconds=66)
        assert {row.state for row in await world.rows(select(messages))} == {"queued"}
        assert await world.deliver(server.channel, attempt=2) == DeliveryCount(sent=25)
        assert len({_to(mail) for mail in server.received()}) == len(server.received()) == 25


async def test_why_messages_do_not_leave_is_seen_until_they_do(world: World) -> None:
    await queue(world, *keys(25))
    async with smtp_server() as server:
        async with server.away():
            with pytest.raises(TryAgain) as pause:
                await world.deliver(server.channel)
        why = "the SMTP server cannot be reached"
        assert (pause.value.waiting, pause.value.reason) == (25, why)
        [letters] = await status(world.store, world.programme)
        assert letters.messages == {("email", "queued", why): 10, ("email", "queued", ""): 15}
        told = await story(world.store, world.programme, "c0")
        assert told is not None
        assert f"message 1, email hello queued: {why}" in [moment.text for moment in told.moments]
        await world.deliver(server.channel, attempt=2)
    [letters] = await status(world.store, world.programme)
    assert letters.messages == {("email", "sent", ""): 25}


async def test_a_pause_is_one_line_in_the_log_and_no_error(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await queue(world, *keys(25))
    channel = Recorder(batch=10, outcome=Throttled(90, "the provider is busy"))
    activities = DeliveryActivities(Courier(world.store, {"email": channel}, world.programme))
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, started_time=world.now)
    with pytest.raises(ApplicationError) as raised:
        await environment.run(activities.deliver, DeliveryRequest(1, 0, "email"))
    assert raised.value.category is ApplicationErrorCategory.BENIGN
    assert raised.value.next_retry_delay == back_off(DeliveryRequest(1, 0, "email"), 1, 90, False)
    [line] = [record for record in caplog.records if record.name.startswith("journeyflow")]
    assert (line.levelname, line.getMessage()) == (
        "WARNING", "email: 25 waiting for 0:01:36: the provider is busy",
    )  # fmt: skip


async def test_one_that_is_put_off_does_not_undo_the_others(world: World) -> None:
    await queue(world, "ann", "grey", "ben")
    async with smtp_server() as server:
        with pytest.raises(TryAgain):
            await world.deliver(server.channel)
        assert sorted(map(_to, server.received())) == ["ann@example.com", "ben@example.com"]
    assert await world.ledger("ann") == [("hello", "sent", None)]
    assert await world.ledger("grey") == [
        ("hello", "queued", "the SMTP server answered 451 to the recipient")
    ]


async def test_a_dead_address_is_suppressed_and_another_refusal_is_not(world: World) -> None:
    await queue(world, "gone", "spam", "ann")
    async with smtp_server() as server:
        assert await world.deliver(server.channel) == DeliveryCount(sent=1, failed=2)
    assert await world.ledger("gone") == [("hello", "failed", "rejected: 550 5.1.1")]
    [dead] = await world.rows(select(suppressions))
    assert (dead.channel, dead.reason) == ("email", "bounced")
    async with world.store.reading() as connection:
        assert await is_suppressed(connection, "email", "gone@example.com")
        assert not await is_suppressed(connection, "email", "spam@example.com")
    assert [row.state for row in await world.enrollments("gone")] == ["active"], "it goes on without this one"


@pytest.mark.parametrize(
    ("since", "reason"), [("consent", "consent"), ("event", "exited"), ("condition", "exited")]
)
async def test_what_was_withdrawn_since_it_was_queued_is_cancelled(
    world: World, tmp_path: Path, since: str, reason: str
) -> None:
    await queue(world, "c0", "c1")
    match since:
        case "consent":
            await world.customers("c0", consents={"email": "denied"})
        case "event":
            await world.enter("c0", name="stopped")
        case _:
            await world.customers("c0", quiet=True)
    outbox = Outbox(tmp_path / "outbox")
    assert await world.deliver(outbox) == DeliveryCount(sent=1, cancelled=1)
    assert await world.ledger("c0") == [("hello", "cancelled", reason)]
    assert await world.ledger("c1") == [("hello", "sent", None)]
    assert len(list((tmp_path / "outbox").iterdir())) == 1


async def test_an_address_that_was_suppressed_or_removed_since_is_left_alone(
    world: World, tmp_path: Path
) -> None:
    await queue(world, "c0", "c1")
    async with world.store.writing() as connection:
        await suppress(connection, "email", ["c0@example.com"], "bounced", world.now)
    await world.customers("c1", email=None)
    assert await world.deliver(Outbox(tmp_path)) == DeliveryCount(cancelled=2)
    assert await world.ledger("c0") == [("hello", "cancelled", "suppressed")]
    assert await world.ledger("c1") == [("hello", "cancelled", "no-address")]


@pytest.mark.parametrize("kind", ["withdrawn", "broken", "dead"])
async def test_many_that_cannot_go_cost_no_more_statements_than_one(
    world: World, tmp_path: Path, kind: str
) -> None:
    await queue(world, "c0")
    await queue(world, *[f"d{number}" for number in range(40)])
    if kind == "withdrawn":
        await put_customers(world, email=None)
    elif kind == "dead":
        await put_customers(world, email=customers.c.key)
    else:
        await world.apply(JOURNEY, templates={"hello/email.html": BROKEN})
    with statements(world) as of_one:
        await world.deliver(Outbox(tmp_path), cohort=1)
    with statements(world) as of_many:
        await world.deliver(Outbox(tmp_path), cohort=2)
    assert len(of_one) == len(of_many)
    assert not {row.state for row in await world.rows(select(messages))} & {"queued", "sending", "sent"}


async def test_quiet_hours_that_have_begun_since_hold_it_until_they_end(world: World, tmp_path: Path) -> None:
    await queue(world, "c0", policy=POLICY + '    quiet_hours: [{from: "21:00", to: "08:00"}]\n')
    world.now = world.now.replace(hour=22, minute=0)
    with pytest.raises(TryAgain) as pause:
        await world.deliver(Outbox(tmp_path / "outbox"))
    assert pause.value.after == timedelta(hours=10)
    assert (pause.value.waiting, pause.value.reason) == (1, "quiet-hours")
    assert await world.ledger("c0") == [("hello", "queued", "quiet-hours")]
    world.now += pause.value.after
    assert await world.deliver(Outbox(tmp_path / "outbox"), attempt=2) == DeliveryCount(sent=1)


async def test_those_who_must_wait_do_not_stop_those_behind_them(world: World) -> None:
    """In the first batches everybody sleeps, in the last one it is day."""
    await queue(world, *keys(25), policy=POLICY + '    quiet_hours: [{from: "21:00", to: "08:00"}]\n')
    awake = keys(25)[20:]
    await world.customers(*awake, timezone="America/New_York")
    world.now = world.now.replace(hour=22, minute=0)
    channel = Recorder(batch=10)
    with pytest.raises(TryAgain):
        await world.deliver(channel)
    assert [await world.ledger(key) for key in awake] == [[("hello", "sent", None)]] * 5
    assert len(channel.sent) == 5


async def test_a_worker_that_shuts_down_finishes_the_batch_in_flight(world: World) -> None:
    await queue(world, *keys(25))
    channel = Recorder(batch=10)
    request = DeliveryRequest(1, 0, "email")
    courier = Courier(world.store, {"email": channel}, world.programme)
    with pytest.raises(TryAgain) as pause:
        await deliver(courier, request, Attempt(1, lambda: world.now, lambda: bool(channel.sent)))
    assert pause.value.after == AT_ONCE
    states = sorted(row.state for row in await world.rows(select(messages)))
    assert states == ["queued"] * 15 + ["sent"] * 10
    assert len(channel.sent) == 10
    assert await world.deliver(channel, attempt=2) == DeliveryCount(sent=25)
    assert len(set(channel.sent)) == len(channel.sent) == 25


async def test_a_worker_that_shuts_down_begins_nothing(world: World) -> None:
    await queue(world, "c0")
    channel = Recorder(batch=10)
    courier = Courier(world.store, {"email": channel}, world.programme)
    with pytest.raises(TryAgain):
        await deliver(courier, DeliveryRequest(1, 0, "email"), Attempt(1, lambda: world.now, lambda: True))
    assert (channel.sent, await states(world)) == ([], {"queued": 1})


async def test_the_gate_is_asked_after_others_have_gone_first(world: World) -> None:
    """The channel is at the first cohort's message when somebody of the second one changes their mind."""
    await queue(world, "c0")
    await queue(world, "c1")
    sleeper = Sleeper(batch=1)
    courier = Courier(world.store, {"email": sleeper}, world.programme)
    attempt = Attempt(1, lambda: world.now, lambda: False)
    first = asyncio.create_task(deliver(courier, DeliveryRequest(1, 0, "email"), attempt))
    await sleeper.asleep(1)
    second = asyncio.create_task(deliver(courier, DeliveryRequest(2, 0, "email"), attempt))
    while courier.slots("email").takers < 2:
        await asyncio.sleep(0)
    await world.customers("c1", consents={"email": "denied"})
    sleeper.wake(2)
    assert (await first, await second) == (DeliveryCount(sent=1), DeliveryCount(cancelled=1))
    assert len(sleeper.sent) == 1


async def test_a_crash_while_handing_over_leaves_only_that_batch_in_doubt(world: World) -> None:
    await queue(world, *keys(25))
    channel = Recorder(batch=10, breaks_at=15, error=asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await world.deliver(channel)
    assert await states(world) == {"sent": 10, "sending": 15}
    handed = messages.c.handed_at.is_not(None)
    assert len(await world.rows(select(messages.c.id).where(handed))) == 20, "of the last five it is certain"
    channel.breaks_at = None
    assert await world.deliver(channel, attempt=2) == DeliveryCount(sent=15, unknown=10)
    assert len(set(channel.sent)) == len(channel.sent)


@pytest.mark.parametrize(
    ("outcome", "answer", "counts"),
    [
        (Accepted("late"), Unanswerable(), DeliveryCount(sent=25)),
        (Throttled(60, "busy"), Unanswerable(), DeliveryCount(sent=15, unknown=10)),
        (Rejected("550", "no", address_is_dead=True), Unanswerable(), DeliveryCount(sent=15, unknown=10)),
        (Throttled(60, "busy"), None, DeliveryCount(sent=25)),
        (Rejected("550", "no"), None, DeliveryCount(sent=25)),
    ],
)
async def test_an_attempt_that_wakes_after_the_next_one_took_over_changes_nothing_but_what_is_certain(
    world: World, outcome: Outcome, answer: Unanswerable | None, counts: DeliveryCount
) -> None:
    await queue(world, *keys(25))
    sleeper = Sleeper(batch=10, outcome=outcome)
    asleep = asyncio.create_task(world.deliver(sleeper))
    await sleeper.asleep(10)
    world.now += timedelta(seconds=30)
    await world.deliver(Recorder(batch=10, answer=answer), attempt=2)
    sleeper.wake(10)
    await asyncio.wait([asleep])
    assert await world.deliver(Recorder(batch=10), attempt=3) == counts
    assert len(sleeper.sent) == 10, "it claims no more"


async def test_of_what_was_claimed_long_ago_the_gate_is_asked_again(world: World) -> None:
    """The provider takes its time, and somebody at the end of the line changes their mind meanwhile."""
    await queue(world, *keys(25))

    class Slow(Recorder):
        async def send(self, message: Outgoing) -> Outcome:
            world.now += timedelta(seconds=3)
            if not self.sent:
                await world.customers("c24", consents={"email": "denied"})
            return await super().send(message)

    channel = Slow(batch=5)
    assert await world.deliver(channel) == DeliveryCount(sent=24, cancelled=1)
    assert len(set(channel.sent)) == len(channel.sent) == 24
    assert await world.ledger("c24") == [("hello", "cancelled", "consent")]


async def test_an_attempt_that_was_taken_over_claims_no_more(world: World) -> None:
    await queue(world, *keys(25))
    sleeper = Sleeper(batch=10)
    asleep = asyncio.create_task(world.deliver(sleeper))
    await sleeper.asleep(10)
    world.now += timedelta(seconds=30)
    with pytest.raises(TryAgain):
        await world.deliver(Recorder(batch=10, outcome=Throttled(60, "busy")), attempt=2)
    sleeper.wake(25)
    await asyncio.wait([asleep])
    assert await states(world) == {"sent": 10, "queued": 15}


async def test_what_an_attempt_claims_while_the_next_one_settles_is_settled_by_the_one_after(
    world: World,
) -> None:
    await queue(world, *keys(60))
    sleeper = Sleeper(batch=50)
    asleep = asyncio.create_task(world.deliver(sleeper))
    await sleeper.asleep(50)
    world.now += timedelta(seconds=30)

    class Rouser(Recorder):
        async def lookup(self, message_id: int) -> Unanswerable:
            if not sleeper.sent:
                sleeper.wake(50)
                await sleeper.asleep(10)
            return Unanswerable()

    with pytest.raises(TryAgain) as pause:
        await world.deliver(Rouser(batch=10), attempt=2)
    assert await states(world) == {"sent": 50, "sending": 10}
    asleep.cancel()
    await asyncio.wait([asleep])
    world.now += pause.value.after
    assert await world.deliver(Recorder(batch=10), attempt=3) == DeliveryCount(sent=50, unknown=10)


async def test_a_first_attempt_too_leaves_nothing_in_sending(world: World) -> None:
    """Its workflow may have been set back to before an earlier activity."""
    await queue(world, "c0")
    await put(world, state="sending", handed_at=world.now)
    with pytest.raises(TryAgain):
        await world.deliver(Recorder(batch=10))
    assert await world.deliver(Recorder(batch=10), attempt=2) == DeliveryCount(unknown=1)


async def test_an_error_of_the_channels_leaves_its_message_in_doubt_and_no_other(world: World) -> None:
    await queue(world, *keys(25))
    channel = Recorder(batch=10, breaks_at=12, error=ConnectionAbortedError("c12@example.com"))
    with pytest.raises(ConnectionAbortedError):
        await world.deliver(channel)
    assert await states(world) == {"sent": 12, "unknown": 8, "queued": 5}, (
        "the batch is recorded, then it ends"
    )
    [reason] = {row.reason for row in await world.rows(select(messages)) if row.state == "unknown"}
    assert reason == "ConnectionAbortedError"
    channel.breaks_at = None
    assert await world.deliver(channel, attempt=2) == DeliveryCount(sent=17, unknown=8)


async def test_a_fault_of_ours_before_handing_over_leaves_nothing_in_doubt(world: World) -> None:
    """Somebody applies a policy without the sender while messages are queued, and then puts it right."""
    await queue(world, *keys(25))
    without = POLICY.replace('      email: {from: "Club <club@example.com>"}\n', "")
    await world.apply(JOURNEY.replace("email: hello", "sms: hello"), policy=without)
    channel = Recorder(batch=10)
    for attempt in (1, 2):
        with pytest.raises(ConfigurationError, match='no sender for the channel "email"'):
            await world.deliver(channel, attempt=attempt)
        assert await states(world) == {"queued": 25}
    assert "no sender" in (await world.ledger("c0"))[0][2]
    await world.apply(JOURNEY, templates=GREETING)
    assert await world.deliver(channel, attempt=3) == DeliveryCount(sent=25)
    assert await world.ledger("c0") == [("hello", "sent", None)]


async def test_a_fault_of_ours_stops_no_message_that_it_does_not_concern(world: World) -> None:
    await queue(world, *keys(25))
    channel = Recorder(batch=10, error=ConfigurationError("no"))
    channel.breaks_on = (await world.messages("c3"))[0].id
    with pytest.raises(ConfigurationError):
        await world.deliver(channel)
    assert await states(world) == {"sent": 24, "queued": 1}
    channel.breaks_on = None
    assert await world.deliver(channel, attempt=2) == DeliveryCount(sent=25)


async def test_a_channel_that_is_not_there_is_said(world: World) -> None:
    await queue(world, "c0")
    with pytest.raises(ConfigurationError, match='no channel "email"'):
        await deliver(
            Courier(world.store, {}), DeliveryRequest(1, 0, "email"), Attempt(1, lambda: world.now, bool)
        )


@dataclass
class Recorder:
    """A provider that notes what it took, and answers always the same. Raises `error` where it is told to."""

    batch: int
    outcome: Outcome = Accepted("taken")  # noqa: RUF009 - frozen
    answer: Unanswerable | None = Unanswerable()  # noqa: RUF009 - frozen
    breaks_at: int | None = None  # after so many
    breaks_on: int | None = None  # a message
    error: BaseException = field(default_factory=ConnectionAbortedError)
    sent: list[int] = field(default_factory=list)

    async def send(self, message: Outgoing) -> Outcome:
        if message.message_id == self.breaks_on or len(self.sent) == self.breaks_at:
            raise self.error
        self.sent.append(message.message_id)
        return self.outcome

    async def lookup(self, message_id: int) -> Accepted | Unanswerable | None:
        return self.answer

    async def close(self) -> None:
        """Nothing is held open."""


@dataclass
class Sleeper(Recorder):
    """A paused worker's: each message takes until it is woken."""

    _asleep: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    _awake: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def send(self, message: Outgoing) -> Outcome:
        self._asleep.release()
        await self._awake.acquire()
        return await super().send(message)

    async def asleep(self, number: int) -> None:
        """Waits until so many more are."""
        for _ in range(number):
            await self._asleep.acquire()

    def wake(self, number: int) -> None:
        for _ in range(number):
            self._awake.release()


def _to(mail: EmailMessage) -> str:
    return str(mail["to"])
