"""What was told about messages is followed up: the ledger, journeys, suppressions and consents."""

import asyncio
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, literal_column, select, text, true

from journeyflow.audience import rights
from journeyflow.audience.consent import Basis, Choice, decide
from journeyflow.audience.ingest import record_customers
from journeyflow.audience.records import CustomerRow
from journeyflow.audience.rights import erase
from journeyflow.audience.suppression import hashes_of, is_suppressed
from journeyflow.delivery.channels.base import Accepted, Outcome, Outgoing
from journeyflow.delivery.machines import HOLD
from journeyflow.delivery.reports import Told, handle, tell
from journeyflow.engine.locks import lock_customers
from journeyflow.engine.purge import purge
from journeyflow.policy import Policy
from journeyflow.store.customers import consents, customers, events
from journeyflow.store.database import Store
from journeyflow.store.installation import name_and_salt
from journeyflow.store.ledger import messages
from journeyflow.store.reports import reports
from tests.delivery.ledgers import NOON, left
from tests.engine.programmes import World, keys

LETTER = """
    journey: letter
    topic: news
    enter: {event: began, again: always}
    steps: [{send: {email: hello}}]
"""
POLICY = """
    topics: {news: {title: {en: News}}}
    senders:
      email: {from: "Club <club@example.com>"}
    defaults: {timezone: UTC, locale: en}
"""
numbers = count(1)


class Post:
    """A provider that takes everything."""

    batch = 5

    async def send(self, message: Outgoing) -> Outcome:
        return Accepted(f"number-{message.message_id}")

    async def lookup(self, sought: object) -> None:
        """Knows nothing of any message."""

    async def close(self) -> None:
        """Nothing is held open."""


@pytest_asyncio.fixture
async def sent(store: Store, tmp_path: Path) -> World:
    """A letter to Ann, message 1, has left at noon. On both databases."""
    await left(store, "ann")
    return World(store, tmp_path / "programme")


@pytest_asyncio.fixture
async def sent_here(sqlite_store: Store, tmp_path: Path) -> World:
    """The same, where the database makes no difference."""
    await left(sqlite_store, "ann")
    return World(sqlite_store, tmp_path / "programme")


def told(kind: Any, message: int = 1, at: datetime | None = None, **detail: Any) -> Told:
    """Told a minute after the message has left, unless `at` says otherwise."""
    when = at or NOON + timedelta(minutes=1)
    return Told(f"test/{next(numbers)}", message, kind, when, when, None, detail)


LATER = NOON + timedelta(hours=1)


async def tells(world: World, *rows: Told, now: datetime = LATER) -> None:
    """Stored and followed up."""
    async with world.store.writing() as connection:
        await tell(connection, rows)
    while await handle(world.store, world.programme, now):
        pass


async def happened(world: World, name: str) -> list[dict[str, Any]]:
    query = select(events.c.properties).where(events.c.name == name).order_by(events.c.id)
    return [row.properties for row in await world.rows(query)]


async def state(world: World, key: str = "ann") -> tuple[str, str | None]:
    [row] = await world.messages(key)
    return row.state, row.reason


async def test_a_report_overtakes_our_own_record_and_is_not_written_over(world: World) -> None:
    class Quick(Post):
        async def send(self, message: Outgoing) -> Outcome:
            kind = "delivered" if message.message_id == 1 else "failed"
            row = told(kind, message.message_id, code="550")
            await tells(world, Told(row.key, row.message, row.kind, row.at, row.at, "theirs", row.detail))
            return Accepted("theirs")

    await world.apply(LETTER, policy=POLICY)
    await world.customers("ann", "bob")
    await world.enter("ann", "bob")
    await world.deliver(Quick())
    assert [await state(world, key) for key in ("ann", "bob")] == [("delivered", None), ("failed", "550")]
    assert {row.provider_id for row in await world.rows(select(messages))} == {"theirs"}


async def test_the_ledger_goes_on_message_by_message(sent: World) -> None:
    before = ("sending", "unknown", "queued", "cancelled", "sent", "failed", "delivered")
    kinds = ("accepted", "deferred", "delivered", "accepted", "bounced", "delivered", "accepted")
    keys = [f"c{number}" for number in range(len(before))]
    written = [(await left(sent.store, key, state=state))[0] for key, state in zip(keys, before, strict=True)]
    await tells(sent, *(told(kind, id, code="550") for kind, id in zip(kinds, written, strict=True)))
    after = ("sent", "sent", "delivered", "sent", "bounced", "failed", "delivered")
    assert tuple([(await state(sent, key))[0] for key in keys]) == after
    assert await state(sent, "c4") == ("bounced", "550")


async def test_a_report_says_under_which_number_the_provider_has_it_and_when_it_left(
    sent_here: World,
) -> None:
    [id] = await left(sent_here.store, "bob", state="sending", sent_at=None)
    await tells(sent_here, Told("key", id, "accepted", LATER, LATER, "theirs"))
    [row] = await sent_here.messages("bob")
    assert (row.state, row.provider_id, row.sent_at) == ("sent", "theirs", row.claimed_at)


async def test_journeys_are_told(sent: World) -> None:
    await tells(
        sent,
        told("accepted"),
        told("deferred", code="421"),
        told("delivered"),
        told("opened", at=NOON + timedelta(minutes=2)),
        told("opened", at=NOON + timedelta(minutes=3), agent="machine"),
        told("clicked", at=NOON + timedelta(minutes=4), link=2),
        told("bounced", at=NOON + timedelta(minutes=5), code="550", permanent=True),
        told("complained", at=NOON + timedelta(minutes=6)),
        told("failed", at=NOON + timedelta(minutes=7), code="invalid"),
    )
    common = {"message": 1, "template": "hello", "journey": "letter", "channel": "email"}
    query = select(events).order_by(events.c.id)
    assert [(row.name, row.properties) for row in await sent.rows(query)] == [
        ("email.delivered", common),
        ("email.opened", common | {"machine": False}),
        ("email.opened", common | {"machine": True}),
        ("email.clicked", common | {"machine": False, "link": 2}),
        ("email.bounced", common | {"code": "550", "permanent": True}),
        ("email.complained", common),
        ("email.failed", common | {"code": "invalid"}),
    ]


async def test_what_is_told_of_the_future_happens_now(sent_here: World) -> None:
    row = Told("key", 1, "delivered", LATER + timedelta(days=1), LATER)
    await tells(sent_here, row)
    [event] = await sent_here.rows(select(events).where(events.c.name == "email.delivered"))
    assert event.at == LATER


async def test_of_an_sms_journeys_are_told_as_well(sent_here: World) -> None:
    await left(sent_here.store, "bob", channel="sms", template="hi")
    later = LATER + HOLD
    await tells(
        sent_here, told("delivered", 2), told("opened", 2), told("clicked", 2, at=LATER, link=0), now=later
    )
    common = {"message": 2, "template": "hi", "journey": "letter", "channel": "sms"}
    assert await happened(sent_here, "sms.delivered") == [common]
    assert await happened(sent_here, "sms.clicked") == [common | {"link": 0, "machine": False}]
    assert await happened(sent_here, "sms.opened") == []


async def test_soon_is_after_the_delivery_where_that_is_known(sent_here: World) -> None:
    delivered = told("delivered", at=NOON + timedelta(minutes=5))
    ahead = told("clicked", at=NOON + timedelta(minutes=4), link=0)
    await tells(sent_here, ahead, delivered, told("clicked", at=NOON + timedelta(minutes=6), link=0))
    assert [event["machine"] for event in await happened(sent_here, "email.clicked")] == [True, False]


async def test_people_follow_a_link_of_an_sms_before_its_delivery_is_told(sent_here: World) -> None:
    await left(sent_here.store, "bob", channel="sms")
    clicks = [told("clicked", 2, NOON + timedelta(seconds=after), link=0) for after in (1, 5, 34)]
    await tells(sent_here, *clicks, told("delivered", 2, NOON + timedelta(seconds=36)))
    assert [event["machine"] for event in await happened(sent_here, "sms.clicked")] == [True, False, False]


async def test_a_click_waits_for_others_before_it_is_judged(sent: World) -> None:
    """The first is not taken for a person's because the second is told a little later."""
    at = NOON + timedelta(minutes=1)
    await tells(sent, told("clicked", at=at, link=0), now=at + timedelta(seconds=1))
    assert await happened(sent, "email.clicked") == []
    await tells(sent, told("clicked", at=at + timedelta(seconds=1), link=1), now=at + HOLD)
    await tells(sent, now=at + HOLD + timedelta(seconds=1))
    assert [event["machine"] for event in await happened(sent, "email.clicked")] == [True, True]


async def hashed(world: World, address: str, channel: str = "email") -> list[str]:
    async with world.store.writing() as connection:
        _, salt = await name_and_salt(connection)
    return sorted(hashes_of(salt, channel, address))


async def suppressed(world: World, address: str, channel: str = "email") -> str | None:
    async with world.store.reading() as connection:
        return await is_suppressed(connection, channel, address)


async def test_exactly_the_address_that_was_told_of_is_suppressed(sent: World) -> None:
    """Ann has another by now."""
    addresses = await hashed(sent, "ann@example.com")
    changed = CustomerRow("ann", {"email": "ann@new.example.com"})
    await record_customers(sent.store, [changed], LATER, "test")
    await tells(sent, told("bounced", suppress="bounced", addresses=addresses))
    assert await suppressed(sent, "Ann@Example.com") == "bounced"
    assert await suppressed(sent, "ann@new.example.com") is None


async def test_a_weightier_reason_stays_whoever_comes_first(sent_here: World) -> None:
    addresses = await hashed(sent_here, "ann@example.com")
    await tells(sent_here, told("complained", suppress="complained", addresses=addresses))
    await tells(sent_here, told("bounced", suppress="bounced", addresses=addresses))
    assert await suppressed(sent_here, "ann@example.com") == "complained"


async def test_who_unsubscribes_at_the_provider_gets_nothing_more_about_it(sent: World) -> None:
    await left(sent.store, "ann", state="queued", claimed_at=None, sent_at=None)
    await tells(sent, told("unsubscribed"))
    assert await sent.ledger("ann") == [("hello", "delivered", None), ("hello", "cancelled", "consent")]
    rows = [(row.channel, row.topic, row.state) for row in await sent.rows(select(consents))]
    assert sorted(rows) == [
        ("email", "", "granted"),
        ("email", "news", "denied"),
        ("sms", "", "granted"),
    ]
    assert len(await happened(sent, "email.unsubscribed")) == 1
    assert await happened(sent, "consent.denied") == [{"channel": "email", "topic": "news"}]


async def test_a_consent_that_was_given_since_stands(sent_here: World) -> None:
    async with sent_here.store.writing() as connection:
        for choice in (Choice("email", "news", "denied"), Choice("email", "news", "granted")):
            await decide(connection, Policy(), 1, [choice], Basis("page", "customer"), LATER)
    await tells(sent_here, told("unsubscribed"))
    query = select(consents.c.state).where(consents.c.topic == "news")
    assert [row.state for row in await sent_here.rows(query)] == ["granted"]


async def test_of_whom_nobody_knows_nothing_comes_and_nothing_is_kept(sent: World) -> None:
    """Ann has been erased, message 2 never left, and 99 was never ours."""
    await left(sent.store, "bob", state="queued", claimed_at=None, sent_at=None)
    await tells(sent, told("delivered", 2), told("delivered", 99))
    assert await sent.rows(select(reports)) == []
    async with sent.store.writing() as connection:
        await tell(connection, [told("delivered"), told("unsubscribed")])
    await erase(sent.store, "ann", "sam", LATER)
    assert await sent.rows(select(reports)) == []
    await tells(sent, told("delivered"), told("unsubscribed"))
    assert await sent.rows(select(reports)) == []
    assert await sent.ledger("bob") == [("hello", "queued", None)]
    assert await happened(sent, "email.delivered") == []


async def test_an_sms_of_another_number_is_another_one(sent_here: World) -> None:
    await left(sent_here.store, "bob", channel="sms", provider_id="SM-1")
    await tells(sent_here, Told("key", 2, "delivered", LATER, LATER, "SM-2"))
    assert await state(sent_here, "bob") == ("sent", None)


async def test_what_waits_to_be_sent_is_not_failed_by_a_report(sent_here: World) -> None:
    """It was claimed, and put back since the provider had too much to do."""
    await left(sent_here.store, "bob", channel="sms", state="queued", sent_at=None)
    await tells(sent_here, Told("key", 2, "failed", LATER, LATER, "SM-2", {"code": "30008"}))
    assert await state(sent_here, "bob") == ("queued", None)
    assert await happened(sent_here, "sms.failed") == []


async def test_told_again_it_counts_once(sent: World) -> None:
    row = told("opened")
    await tells(sent, row, row)
    await tells(sent, row)
    assert len(await happened(sent, "email.opened")) == 1
    async with sent.store.writing() as connection:
        assert await tell(connection, [row, told("opened")]) == 1


async def test_more_than_a_batch_is_followed_up_batch_by_batch(sent_here: World) -> None:
    async with sent_here.store.writing() as connection:
        await tell(connection, [told("opened") for _ in range(5)])
    assert [await handle(sent_here.store, sent_here.programme, LATER, 2) for _ in range(4)] == [2, 2, 1, 0]


async def test_reports_go_three_days_after_they_were_followed_up(sent: World) -> None:
    await tells(sent, told("delivered", at=NOON))
    async with sent.store.writing() as connection:
        await tell(connection, [told("opened", at=NOON)])
    await purge(sent.store, sent.programme, NOON + timedelta(days=3))
    assert len(await sent.rows(select(reports))) == 2
    await purge(sent.store, sent.programme, NOON + timedelta(days=3, seconds=1))
    assert [row.kind for row in await sent.rows(select(reports))] == ["opened"], "it waits to be followed up"


@pytest.fixture
def busy(postgresql_store: Store, tmp_path: Path) -> World:
    return World(postgresql_store, tmp_path / "programme")


async def test_several_follow_up_while_others_send_and_erase(busy: World) -> None:
    """Nobody waits in a circle, and nothing is done twice."""
    people = keys(20)
    await busy.apply(LETTER, policy=POLICY)
    await busy.customers(*people)
    for _ in range(3):  # two cohorts each time, of whose letters the first have left
        await busy.enter(*people[:10])
        await busy.enter(*people[10:])
    for cohort in (1, 2):
        await busy.deliver(Post(), cohort)
    await asyncio.gather(
        _tell_all(busy, await hashed(busy, "nobody@example.com")),
        *(_follow_up(busy) for _ in range(2)),
        _erase(busy, people[::5]),
        *(busy.deliver(Post(), cohort) for cohort in (3, 4, 5, 6)),
        busy.enter(*reversed(people)),
    )
    await tells(busy)
    assert await busy.rows(select(reports).where(reports.c.handled_at.is_(None))) == []
    told_of = events.c.name.like("email.%")
    for rows, which in ((reports, true()), (events, told_of)):
        [(number,)] = await busy.rows(select(func.count()).select_from(rows).where(which))
        assert number == 160, "four of twenty have been erased"


async def test_who_is_erased_while_somebody_follows_up_is_gone_afterwards(
    busy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has what the other would wait for: the customer, and the report."""
    monkeypatch.setattr(rights, "_ATTEMPTS", 1)
    await left(busy.store, "ann")
    async with busy.store.writing() as connection:
        await tell(connection, [told("delivered")])
    async with busy.store.writing() as connection:
        await lock_customers(connection, [1])
        erasing = asyncio.create_task(erase(busy.store, "ann", "sam", LATER))
        await _waiting(busy, 1)
        following = asyncio.create_task(handle(busy.store, busy.programme, LATER))
        await _waiting(busy, 2)
    assert await erasing
    await following
    assert [await busy.rows(select(one)) for one in (reports, customers, messages)] == [[], [], []]


async def _waiting(world: World, number: int) -> None:
    """Until so many wait for locks."""
    query = select(literal_column("count(*)")).select_from(text("pg_locks")).where(text("NOT granted"))
    async with asyncio.timeout(30):
        while [(number,)] != [tuple(row) for row in await world.rows(query)]:
            await asyncio.sleep(0)


async def _tell_all(world: World, addresses: list[str]) -> None:
    kinds = ("delivered", "opened", "unsubscribed", "bounced", "clicked")
    for begin in range(200, 0, -20):
        rows = [
            told(kinds[number % 5], number % 20 + 1, suppress="bounced", addresses=addresses, link=number % 3)
            for number in range(begin, begin - 20, -1)
        ]
        async with world.store.writing() as connection:
            await tell(connection, rows)


async def _follow_up(world: World) -> None:
    for _ in range(15):
        await handle(world.store, world.programme, LATER, 15)


async def _erase(world: World, people: list[str]) -> None:
    for key in people:
        assert await erase(world.store, key, "sam", LATER)
