"""Consent: what holds, what is logged, told and cancelled, on both stores."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Table, insert, select

from journeyflow.audience.consent import Basis, Choice, State, confirm, decide, decide_all, history, standings
from journeyflow.audience.ingest import record_customers
from journeyflow.audience.records import CustomerRow
from journeyflow.policy import Category, Policy
from journeyflow.store.customers import consents, customers, events
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import cohorts, enrollments
from journeyflow.store.programme import journey_versions

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
PAGE = Basis("page", "customer", "Yes, write to me", "3", "192.0.2.7")
POLICY = Policy(categories={"marketing": Category(), "receipts": Category(consent="not-required")})
DOUBLE = Policy(double_opt_in=("email",))


async def rows_of(store: Store, table: Table) -> list[dict[str, Any]]:
    async with store.reading() as connection:
        found = await connection.execute(select(table).order_by(*table.primary_key.columns))
        return [dict(row) for row in found.mappings()]


async def someone(store: Store, key: str = "ada") -> int:
    await record_customers(store, [CustomerRow(key)], NOW, "test")
    async with store.reading() as connection:
        query = select(customers.c.id).where(customers.c.key == key)
        return int((await connection.execute(query)).scalar_one())


async def say(
    store: Store,
    customer: int,
    *said: tuple[str, str, State],
    policy: Policy = POLICY,
    now: datetime = NOW,
    confirmed: bool = False,
) -> list[tuple[str, str, str]]:
    choices = [Choice(*one) for one in said]
    async with store.writing() as connection:
        changed = await decide(connection, policy, customer, choices, PAGE, now, confirmed)
    return [(one.channel, one.topic, one.state) for one in changed]


async def holds(store: Store, customer: int, channel: str, topic: str = "") -> str | None:
    async with store.reading() as connection:
        return (await standings(connection, [customer]))[customer].holds(channel, topic)


async def queue(store: Store, customer: int, *told: tuple[str, str, str, str]) -> list[int]:
    """Messages by channel, topic, category and state; gives their numbers."""
    async with store.writing() as connection:
        version = (
            await connection.execute(
                insert(journey_versions)
                .values(journey="j", digest=f"{customer}", plan={}, source="", applied_at=NOW)
                .returning(journey_versions.c.id)
            )
        ).scalar_one()
        cohort = (
            await connection.execute(
                insert(cohorts).values(version_id=version, size=1, created_at=NOW).returning(cohorts.c.id)
            )
        ).scalar_one()
        enrollment = 1_000 * cohort
        await connection.execute(
            insert(enrollments).values(
                id=enrollment, cohort_id=cohort, version_id=version, journey="j", customer_id=customer,
                occasion="once", entered_at=NOW, since=NOW, reached_at=NOW, state="active",
            )
        )  # fmt: skip
        rows = [
            {
                "enrollment_id": enrollment, "step": step, "leg": 1, "customer_id": customer,
                "version_id": version, "journey": "j", "channel": channel, "category": category,
                "topic": topic, "priority": 50, "template": "hello", "state": state, "at": NOW,
            }
            for step, (channel, topic, category, state) in enumerate(told)
        ]  # fmt: skip
        statement = insert(messages).returning(messages.c.id, sort_by_parameter_order=True)
        return list((await connection.execute(statement, rows)).scalars())


async def states(store: Store, customer: int) -> list[tuple[str, str | None]]:
    found = [row for row in await rows_of(store, messages) if row["customer_id"] == customer]
    return [(row["state"], row["reason"]) for row in found]


async def test_a_choice_holds_is_logged_with_its_basis_and_told(store: Store) -> None:
    ada = await someone(store)
    assert await say(store, ada, ("email", "", "granted")) == [("email", "", "granted")]
    assert await holds(store, ada, "email") == "granted"
    async with store.reading() as connection:
        (row,) = await history(connection, ada)
    assert dict(row._mapping) == {
        "id": row.id,
        "customer_id": ada,
        "channel": "email",
        "topic": "",
        "state": "granted",
        "at": NOW,
        "source": "page",
        "actor": "customer",
        "wording": "Yes, write to me",
        "wording_version": "3",
        "origin": "192.0.2.7",
    }
    (event,) = await rows_of(store, events)
    assert (event["name"], event["properties"]) == ("consent.granted", {"channel": "email", "topic": ""})
    assert (event["customer_id"], event["at"], event["routed_at"]) == (ada, NOW, None)


async def test_what_holds_already_is_neither_logged_nor_told(store: Store) -> None:
    ada = await someone(store)
    await say(store, ada, ("email", "", "granted"))
    assert await say(store, ada, ("email", "", "granted"), now=LATER) == []
    assert len(await rows_of(store, events)) == 1
    assert [row["at"] for row in await rows_of(store, consents)] == [NOW]


async def test_a_topic_goes_by_its_own_row_else_by_the_channel(store: Store) -> None:
    ada = await someone(store)
    await say(store, ada, ("email", "", "granted"), ("email", "news", "denied"))
    assert await holds(store, ada, "email", "news") == "denied"
    assert await holds(store, ada, "email", "events") == "granted"
    assert await holds(store, ada, "sms", "news") is None


async def test_denying_the_channel_takes_the_grants_of_topics_along(store: Store) -> None:
    ada = await someone(store)
    await say(store, ada, ("email", "", "granted"), ("email", "news", "granted"), ("email", "ads", "denied"))
    assert await say(store, ada, ("email", "", "denied"), now=LATER) == [
        ("email", "", "denied"),
        ("email", "news", "denied"),
    ]
    assert await holds(store, ada, "email", "news") == "denied"
    assert await say(store, ada, ("email", "news", "granted")) == [("email", "news", "granted")]
    assert await holds(store, ada, "email", "news") == "granted"
    assert await holds(store, ada, "email", "other") == "denied"


async def test_granting_the_channel_leaves_what_was_said_about_topics(store: Store) -> None:
    ada = await someone(store)
    await say(store, ada, ("sms", "", "granted"), ("sms", "ads", "denied"), ("sms", "news", "granted"))
    await say(store, ada, ("sms", "", "denied"))
    await say(store, ada, ("sms", "", "granted"))
    assert await holds(store, ada, "sms", "ads") == "denied", "a denial outlives stop and start"
    assert await holds(store, ada, "sms", "news") == "granted"


async def test_a_grant_waits_for_its_confirmation(store: Store) -> None:
    ada = await someone(store)
    assert await say(store, ada, ("email", "", "granted"), policy=DOUBLE) == [("email", "", "pending")]
    assert await say(store, ada, ("email", "", "granted"), policy=DOUBLE) == []
    assert await say(store, ada, ("sms", "", "granted"), policy=DOUBLE) == [("sms", "", "granted")]
    confirmed = await say(store, ada, ("email", "", "granted"), policy=DOUBLE, confirmed=True)
    assert confirmed == [("email", "", "granted")]
    assert await say(store, ada, ("email", "news", "granted"), policy=DOUBLE) == [
        ("email", "news", "granted")
    ], "nobody confirms an address twice"
    assert await say(store, ada, ("email", "", "pending"), policy=DOUBLE) == []
    names = [row["name"] for row in await rows_of(store, events)]
    assert names == ["consent.pending", "consent.granted", "consent.granted", "consent.granted"]


async def test_confirming_grants_whatever_is_pending_on_the_channel(store: Store) -> None:
    ada = await someone(store)
    await say(store, ada, ("email", "news", "granted"), ("email", "ads", "denied"), policy=DOUBLE)
    async with store.writing() as connection:
        changed = await confirm(connection, DOUBLE, ada, "email", PAGE, LATER)
        assert changed == [Choice("email", "news", "granted")]
        assert await confirm(connection, DOUBLE, ada, "email", PAGE, LATER) == []
    assert await holds(store, ada, "email", "ads") == "denied"
    assert await holds(store, ada, "email") is None


async def test_a_denial_said_again_is_newer_but_not_logged(store: Store) -> None:
    ada = await someone(store)
    await say(store, ada, ("sms", "", "denied"))
    assert await say(store, ada, ("sms", "", "denied"), now=LATER) == []
    assert [row["at"] for row in await rows_of(store, consents)] == [LATER]
    assert len(await rows_of(store, events)) == 1


async def test_denying_a_channel_cancels_what_has_not_left(store: Store) -> None:
    ada, bob = await someone(store), await someone(store, "bob")
    told = [
        ("email", "", "marketing", "queued"),
        ("email", "news", "marketing", "outranked"),
        ("email", "", "unheard-of", "queued"),
        ("email", "", "receipts", "queued"),
        ("sms", "", "marketing", "queued"),
        ("email", "", "marketing", "sending"),
        ("email", "", "marketing", "held"),
    ]
    for customer in (ada, bob):
        await queue(store, customer, *told)
    await say(store, ada, ("email", "", "granted"), ("email", "news", "granted"))
    await say(store, ada, ("email", "", "denied"))
    assert await states(store, ada) == [
        ("cancelled", "consent"),
        ("cancelled", "consent"),
        ("cancelled", "consent"),
        ("queued", None),
        ("queued", None),
        ("sending", None),
        ("held", None),
    ]
    assert await states(store, bob) == [(state, None) for _, _, _, state in told]


async def test_denying_a_topic_cancels_its_messages_alone(store: Store) -> None:
    ada = await someone(store)
    await queue(store, ada, *[("email", topic, "marketing", "queued") for topic in ("", "news", "ads")])
    await say(store, ada, ("email", "", "granted"), ("email", "news", "denied"))
    assert [state for state, _ in await states(store, ada)] == ["queued", "cancelled", "queued"]


async def test_a_topic_granted_in_the_same_breath_is_spared(store: Store) -> None:
    ada = await someone(store)
    await queue(store, ada, *[("email", topic, "marketing", "queued") for topic in ("", "news", "ads")])
    await say(store, ada, ("email", "", "denied"), ("email", "news", "granted"))
    assert [state for state, _ in await states(store, ada)] == ["cancelled", "queued", "cancelled"]


async def test_nothing_chosen_is_nothing_done(store: Store) -> None:
    assert await say(store, await someone(store)) == []


async def test_of_a_customer_who_is_gone_nothing_changes(store: Store) -> None:
    assert await say(store, 4711, ("email", "", "denied")) == []
    assert await rows_of(store, events) == []


async def test_decisions_at_once_are_taken_one_after_the_other(store: Store) -> None:
    """Each change in the log is one: it differs from the one before it."""
    ada = await someone(store)
    said: list[State] = ["granted", "denied"] * 8
    await asyncio.gather(*(say(store, ada, ("email", "", state)) for state in said))
    async with store.reading() as connection:
        log = [row.state for row in await history(connection, ada)]
    assert len(log) > 1
    assert all(one != other for one, other in pairwise(log))
    assert await holds(store, ada, "email") == log[-1]
    assert [row["name"] for row in await rows_of(store, events)] == [f"consent.{state}" for state in log]


async def test_customers_decide_together_without_waiting_for_each_other(store: Store) -> None:
    people = [await someone(store, f"c{number}") for number in range(6)]
    for customer in people:
        await queue(store, customer, ("sms", "", "marketing", "queued"))

    async def stop(order: list[int]) -> None:
        async with store.writing() as connection:
            choices = {customer: [Choice("sms", "", "denied")] for customer in order}
            await decide_all(connection, POLICY, choices, PAGE, NOW)

    await asyncio.gather(*(stop(order) for order in (people, people[::-1], people[3:] + people[:3])))
    assert [await states(store, customer) for customer in people] == [[("cancelled", "consent")]] * 6
    assert len(await rows_of(store, events)) == 6
