"""Inbound SMS: whom a message concerns, what its keyword does, and that no message counts twice."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from journeyflow.audience.consent import Basis, Choice, State, decide, history, standings
from journeyflow.audience.inbound import Received, receive_sms
from journeyflow.audience.ingest import record_customers
from journeyflow.audience.keywords import Keyword
from journeyflow.audience.permission import refused_by
from journeyflow.audience.records import CustomerRow
from journeyflow.audience.suppression import Reason, is_suppressed, suppress
from journeyflow.errors import JourneyflowError
from journeyflow.policy import Brand, Category, Policy, Sender
from journeyflow.store.customers import consents, customers, events, received_sms
from journeyflow.store.database import Store
from tests.audience.test_consent import queue, rows_of, states

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
POLICY = Policy(categories={"marketing": Category()}, brand=Brand("Skivlyckan"))
DOUBLE = Policy(double_opt_in=("sms",))
ADA, NOBODY, US = "+46701740601", "+46701740602", "+46701740605"
ids = count(1)


async def people(store: Store, *keys: str, phone: str | None = ADA, **said: str) -> list[int]:
    rows = [CustomerRow(key, {"phone": phone}, consents=said) for key in keys]
    await record_customers(store, rows, NOW, "test")
    async with store.reading() as connection:
        query = select(customers.c.id).where(customers.c.key.in_(keys)).order_by(customers.c.id)
        return list((await connection.execute(query)).scalars())


async def text(
    store: Store,
    said: str,
    sender: str = ADA,
    policy: Policy = POLICY,
    message_id: str | None = None,
    now: datetime = LATER,
) -> Received:
    number = next(ids)
    return await receive_sms(
        store,
        policy,
        sender=sender,
        to=US,
        text=said,
        message_id=message_id or f"m{number}",
        newcomer=f"sms-{number}",
        now=now,
    )


async def say(store: Store, customer: int, *said: tuple[str, State], policy: Policy = POLICY) -> None:
    async with store.writing() as connection:
        choices = [Choice("sms", topic, state) for topic, state in said]
        await decide(connection, policy, customer, choices, Basis("page", "customer"), NOW)


async def holds(store: Store, customer: int, topic: str = "") -> str | None:
    async with store.reading() as connection:
        return (await standings(connection, [customer]))[customer].holds("sms", topic)


async def told(store: Store, customer: int) -> list[str]:
    return [row["name"] for row in await rows_of(store, events) if row["customer_id"] == customer]


async def may_get(store: Store, customer: int) -> tuple[str | None, str | None]:
    """What refuses an SMS that needs consent, and one that does not."""
    rules = [
        refused_by("sms", Category(consent=kind), "", customers, None).label(kind)
        for kind in ("opt-in", "not-required")
    ]
    async with store.reading() as connection:
        row = (await connection.execute(select(*rules).where(customers.c.id == customer))).one()
    return row[0], row[1]


async def suppressed(store: Store, phone: str) -> str | None:
    async with store.reading() as connection:
        return await is_suppressed(connection, "sms", phone)


async def test_any_message_is_an_event_of_everybody_who_has_the_number(store: Store) -> None:
    ada, bob = await people(store, "ada", "bob")
    await people(store, "cid", phone=NOBODY)
    received = await text(store, "Is the shop open?", message_id="m")
    assert received == Received((ada, bob))
    first, second = await rows_of(store, events)
    assert [first["customer_id"], second["customer_id"]] == [ada, bob]
    assert (first["name"], first["at"], first["routed_at"]) == ("sms.received", LATER, None)
    assert first["properties"] == {"text": "Is the shop open?", "to": US, "answer": False}


async def test_stop_denies_for_everybody_and_answers_one(store: Store) -> None:
    ada, bob = await people(store, "ada", "bob", sms="granted")
    await say(store, bob, ("news", "granted"))
    for customer in (ada, bob):
        await queue(store, customer, ("sms", "", "marketing", "queued"), ("email", "", "marketing", "queued"))
    received = await text(store, "STOPP!")
    assert received.reading is not None
    assert (received.customers, received.reading.keyword, received.changed) == (
        (ada, bob),
        Keyword.STOP,
        (ada, bob),
    )
    for customer in (ada, bob):
        assert await holds(store, customer) == await holds(store, customer, "news") == "denied"
        assert await states(store, customer) == [("cancelled", "consent"), ("queued", None)]
    stopped = [row for row in await rows_of(store, events) if row["name"] == "sms.stopped"]
    assert [row["properties"]["answer"] for row in stopped] == [True, False]
    assert stopped[0]["properties"] == {"keyword": "stop", "to": US, "answer": True}
    async with store.reading() as connection:
        row = (await history(connection, ada))[-1]
    assert (row.state, row.source, row.actor, row.wording, row.origin) == (
        "denied",
        "sms",
        "customer",
        "STOPP!",
        ADA,
    )
    assert await suppressed(store, ADA) == "stopped"


async def test_stop_said_again_is_not_answered_again(store: Store) -> None:
    (ada,) = await people(store, "ada")
    await text(store, "stop")
    assert (await text(store, "stop")).changed == ()
    stopped = [row for row in await rows_of(store, events) if row["name"] == "sms.stopped"]
    assert [row["properties"]["answer"] for row in stopped] == [True, False]
    assert await holds(store, ada) == "denied"


async def test_stop_of_nobody_suppresses_the_number_until_start(store: Store) -> None:
    await text(store, "Stop", sender=NOBODY)
    assert await suppressed(store, NOBODY) == "stopped"
    await text(store, "Start", sender=NOBODY)
    assert await suppressed(store, NOBODY) is None
    assert await rows_of(store, events) == []


async def test_stop_is_about_the_number_whoever_gets_it_later(store: Store) -> None:
    await people(store, "ada", sms="granted")
    await text(store, "STOP")
    (bob,) = await people(store, "bob", sms="granted")
    assert await holds(store, bob) == "granted"
    assert await may_get(store, bob) == ("suppressed", None)
    received = await text(store, "START")
    assert await may_get(store, bob) == (None, None)
    started = [row for row in await rows_of(store, events) if row["name"] == "sms.started"]
    assert [row["properties"]["answer"] for row in started] == [True, False]
    assert len(received.customers) == 2


async def test_start_that_only_lifts_is_answered(store: Store) -> None:
    await text(store, "STOP")
    await people(store, "bob", sms="granted")
    assert (await text(store, "START")).changed == ()
    (started,) = [row for row in await rows_of(store, events) if row["name"] == "sms.started"]
    assert started["properties"]["answer"] is True


@pytest.mark.parametrize("word", ["START", "JOIN"])
@pytest.mark.parametrize("reason", ["erased", "unknown-number", "stopped"])
async def test_whoever_asks_from_the_number_itself_is_heard(store: Store, reason: Reason, word: str) -> None:
    async with store.writing() as connection:
        await suppress(connection, "sms", [NOBODY], reason, NOW)
    received = await text(store, word, sender=NOBODY)
    assert await suppressed(store, NOBODY) is None
    for customer in received.customers:
        assert await may_get(store, customer) == (None, None)
    assert len(received.customers) == (word == "JOIN")


@pytest.mark.parametrize("word", ["START", "JOIN", "YES"])
@pytest.mark.parametrize("reason", ["manual", "complained"])
async def test_what_others_decided_is_not_lifted(sqlite_store: Store, reason: Reason, word: str) -> None:
    async with sqlite_store.writing() as connection:
        await suppress(connection, "sms", [NOBODY], reason, NOW)
    await text(sqlite_store, "STOP", sender=NOBODY)
    await text(sqlite_store, word, sender=NOBODY)
    assert await suppressed(sqlite_store, NOBODY) == reason


async def test_yes_lifts_only_with_what_it_confirms(store: Store) -> None:
    (ada,) = await people(store, "ada")
    await text(store, "STOP", policy=DOUBLE)
    await text(store, "YES", policy=DOUBLE)
    assert await suppressed(store, ADA) == "stopped"
    await say(store, ada, ("news", "granted"), policy=DOUBLE)
    await text(store, "YES", policy=DOUBLE)
    assert await suppressed(store, ADA) is None
    assert (await holds(store, ada, "news"), await holds(store, ada)) == ("granted", "denied")


async def test_a_message_counts_once(store: Store) -> None:
    (ada,) = await people(store, "ada", sms="granted")
    await text(store, "start", message_id="first")
    await text(store, "stop", message_id="second")
    assert await text(store, "start", message_id="first") == Received(repeated=True)
    assert await holds(store, ada) == "denied"
    assert len([name for name in await told(store, ada) if name == "sms.received"]) == 2


async def test_a_repeated_start_of_nobody_does_not_undo_the_stop_after_it(store: Store) -> None:
    await text(store, "start", sender=NOBODY, message_id="first")
    await text(store, "stop", sender=NOBODY)
    await text(store, "start", sender=NOBODY, message_id="first")
    assert await suppressed(store, NOBODY) == "stopped"


async def test_the_same_message_many_times_at_once_counts_once(store: Store) -> None:
    (ada,) = await people(store, "ada", sms="granted")
    received = await asyncio.gather(*(text(store, "stop", message_id="m") for _ in range(8)))
    assert sum(not one.repeated for one in received) == 1
    assert (await told(store, ada)).count("sms.stopped") == 1


@pytest.mark.parametrize("word", ["YES", "ja tack", "START"])
async def test_pending_is_confirmed(store: Store, word: str) -> None:
    (ada,) = await people(store, "ada")
    await say(store, ada, ("", "granted"), ("news", "granted"), policy=DOUBLE)
    assert await holds(store, ada) == "pending"
    await text(store, word, policy=DOUBLE)
    assert await holds(store, ada) == await holds(store, ada, "news") == "granted"
    assert "sms.started" in await told(store, ada)


async def test_who_had_stopped_comes_back(store: Store) -> None:
    (ada,) = await people(store, "ada", sms="denied")
    assert (await text(store, "unstop", policy=DOUBLE)).changed == (ada,)
    assert await holds(store, ada) == "granted"


@pytest.mark.parametrize("word", ["Ja", "y", "jo", "YES!"])
async def test_yes_undoes_no_denial(store: Store, word: str) -> None:
    (ada,) = await people(store, "ada", sms="denied")
    await say(store, ada, ("news", "granted"), ("news", "denied"))
    assert (await text(store, word)).changed == ()
    assert await holds(store, ada) == await holds(store, ada, "news") == "denied"
    assert "sms.started" not in await told(store, ada)


async def test_yes_from_somebody_never_asked_means_something_else(store: Store) -> None:
    (ada,) = await people(store, "ada")
    await text(store, "yes")
    assert await holds(store, ada) is None
    assert await told(store, ada) == ["sms.received"]
    await text(store, "START")
    assert await holds(store, ada) == "granted"


async def test_help_changes_nothing_and_answers_one(store: Store) -> None:
    ada, bob = await people(store, "ada", "bob")
    await text(store, "Help!")
    helped = [row for row in await rows_of(store, events) if row["name"] == "sms.help"]
    assert [(row["customer_id"], row["properties"]["answer"]) for row in helped] == [
        (ada, True),
        (bob, False),
    ]
    assert await rows_of(store, consents) == []


@pytest.mark.parametrize(("policy", "state"), [(POLICY, "granted"), (DOUBLE, "pending")])
async def test_join_makes_a_customer(store: Store, policy: Policy, state: str) -> None:
    (received,) = (await text(store, "JOIN", sender=NOBODY, policy=policy)).customers
    (customer,) = await rows_of(store, customers)
    assert customer["id"] == received
    assert customer["key"].startswith("sms-")
    assert customer["phone"] == NOBODY
    assert await holds(store, received) == state
    assert await told(store, received) == ["sms.received", f"consent.{state}", "sms.joined"]
    async with store.reading() as connection:
        (row,) = await history(connection, received)
    assert (row.wording, row.origin) == ("JOIN", NOBODY)


async def test_joining_several_times_at_once_makes_one_customer(store: Store) -> None:
    await asyncio.gather(*(text(store, "JOIN", sender=NOBODY) for _ in range(6)))
    assert len(await rows_of(store, customers)) == 1


async def test_join_by_somebody_known_is_consent_and_lifts_their_stop(store: Store) -> None:
    await text(store, "stop")
    (ada,) = await people(store, "ada")
    await text(store, "Join Skivlyckan")
    assert await suppressed(store, ADA) is None
    assert await holds(store, ada) == "granted"
    assert len(await rows_of(store, customers)) == 1


@pytest.mark.parametrize("sender", ["46701740601", "0046701740601", "+46 70-174 06 01"])
async def test_senders_as_gateways_write_them(sqlite_store: Store, sender: str) -> None:
    (ada,) = await people(sqlite_store, "ada", sms="granted")
    assert (await text(sqlite_store, "stop", sender=sender)).customers == (ada,)


async def test_a_national_number_is_one_of_our_country(sqlite_store: Store) -> None:
    (ada,) = await people(sqlite_store, "ada", sms="granted")
    assert (await text(sqlite_store, "stop", sender="0701740601")).customers == (ada,)
    ours = Policy(senders={"sms": Sender(US)})
    taken: dict[str, Any] = {
        "sender": "0701740601",
        "to": "72345",
        "text": "hello",
        "newcomer": "sms-new",
        "now": LATER,
    }
    assert (await receive_sms(sqlite_store, ours, message_id="m", **taken)).customers == (ada,)


@pytest.mark.parametrize("sender", ["72345", "Skivlyckan", "SHOP", "", "0801"])
@pytest.mark.parametrize("said", ["join", "start", "hello", "yes", "help"])
async def test_a_sender_without_a_number_is_nobody(store: Store, sender: str, said: str) -> None:
    """And not everybody whose number is unknown."""
    (ada,) = await people(store, "ada", phone=None, sms="denied")
    assert (await text(store, said, sender=sender)).customers == ()
    assert await holds(store, ada) == "denied"
    assert await rows_of(store, events) == []
    assert len(await rows_of(store, customers)) == 1


@pytest.mark.parametrize("sender", ["72345", "Skivlyckan"])
async def test_a_stop_of_nobody_in_particular_is_no_secret(
    store: Store, sender: str, caplog: pytest.LogCaptureFixture
) -> None:
    (ada,) = await people(store, "ada", phone=None, sms="granted")
    for _ in range(2):  # the gateway's second try is refused as well
        with pytest.raises(JourneyflowError, match="from what is no telephone number") as error:
            await text(store, "STOP", sender=sender, message_id="m")
        assert sender not in str(error.value)
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 2
    assert sender not in caplog.text
    assert await holds(store, ada) == "granted"


@pytest.mark.parametrize("said", ["", "\x00stop", "\ud800", "🙏" * 5_000, "stop" * 5_000])
async def test_no_text_is_too_strange(store: Store, said: str) -> None:
    (ada,) = await people(store, "ada")
    assert (await text(store, said)).customers == (ada,)


@pytest.mark.parametrize("message_id", ["x" * 201])
async def test_a_message_needs_an_id(sqlite_store: Store, message_id: str) -> None:
    with pytest.raises(JourneyflowError, match="needs an id of 1 to 200 characters"):
        await text(sqlite_store, "stop", message_id=message_id)
    assert await rows_of(sqlite_store, received_sms) == []


async def test_doubt_is_logged_without_the_number(
    sqlite_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    (ada,) = await people(sqlite_store, "ada")
    with caplog.at_level(logging.INFO, logger="journeyflow"):
        await text(sqlite_store, "stop")
        assert caplog.messages == []
        await text(sqlite_store, "stop by tomorrow, Kim?")
    assert caplog.messages == [f"an SMS that says more than STOP was taken as one; customers: [{ada}]"]
    assert await holds(sqlite_store, ada) == "denied"
    caplog.clear()
    await text(sqlite_store, "Where is the bus stop?")
    assert caplog.messages == [
        f"in doubt: an SMS with a word for stopping was taken as no opt-out; customers: [{ada}]"
    ]


async def test_a_failure_leaves_the_message_to_be_taken_in_again(store: Store) -> None:
    await people(store, "ada")
    taken: dict[str, Any] = {"sender": NOBODY, "to": US, "text": "join", "newcomer": "ada", "now": LATER}
    with pytest.raises(IntegrityError):
        await receive_sms(store, POLICY, message_id="m", **taken)
    received = await receive_sms(store, POLICY, message_id="m", **(taken | {"newcomer": "sms-new"}))
    assert len(received.customers) == 1
