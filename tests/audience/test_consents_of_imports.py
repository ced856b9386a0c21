"""What a file says about consent: it may take it away, but not override what the customer said since."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from journeyflow.audience.consent import Basis, Choice, State, decide
from journeyflow.audience.ingest import import_customers
from journeyflow.audience.records import CustomerRow, Proof, RecordError, parse_customer
from journeyflow.policy import Category, Policy
from journeyflow.store.customers import consent_log, consents, customers, events
from journeyflow.store.database import Store
from journeyflow.store.programme import policies
from tests.audience.test_consent import queue, rows_of, states

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = Policy(categories={"marketing": Category(), "receipts": Category(consent="not-required")})


async def number(store: Store, key: str = "ada") -> int:
    async with store.reading() as connection:
        query = select(customers.c.id).where(customers.c.key == key)
        return int((await connection.execute(query)).scalar_one())


async def take(
    store: Store, says: dict[str, str], now: datetime = NOW, proof: Proof | None = None
) -> Counter[str]:
    row = CustomerRow("ada", consents=says, proof=proof)
    return (await import_customers(store, [row], now, "import")).kept


async def say(store: Store, now: datetime, *said: tuple[str, str, State], policy: Policy = POLICY) -> None:
    choices = [Choice(*one) for one in said]
    async with store.writing() as connection:
        basis = Basis("page", "customer")
        await decide(connection, policy, await number(store), choices, basis, now)


async def put_in_force(store: Store, policy: Policy) -> None:
    async with store.writing() as connection:
        values = {"digest": "d", "body": policy.to_json(), "applied_at": NOW}
        await connection.execute(insert(policies).values(values))


async def stands(store: Store) -> dict[str, str]:
    rows = await rows_of(store, consents)
    return {f"{row['channel']}.{row['topic']}".rstrip("."): row["state"] for row in rows}


async def log(store: Store) -> list[tuple[Any, ...]]:
    return [
        (row["channel"], row["topic"], row["state"], row["at"]) for row in await rows_of(store, consent_log)
    ]


async def test_channels_and_topics_go_in_with_their_proof_and_as_no_events(store: Store) -> None:
    proof = Proof(NOW - DAY, "Yes, write to me", "2", "shop")
    await take(store, {"email": "granted", "email.news": "denied"}, proof=proof)
    assert await stands(store) == {"email": "granted", "email.news": "denied"}
    first, _ = await rows_of(store, consent_log)
    assert first | {"id": 0, "customer_id": 0} == {
        "id": 0,
        "customer_id": 0,
        "channel": "email",
        "topic": "",
        "state": "granted",
        "at": NOW - DAY,
        "source": "shop",
        "actor": "import",
        "wording": "Yes, write to me",
        "wording_version": "2",
        "origin": None,
    }
    assert await rows_of(store, events) == []


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (None, "denied"),
        (NOW - DAY, "denied"),
        (NOW, "denied"),
        (NOW + timedelta(seconds=1), "granted"),
        (NOW + 9 * DAY, "denied"),  # in the future: somebody's clock is wrong
    ],
)
async def test_a_denial_stays_unless_the_consent_is_later(
    store: Store, given: datetime | None, state: str
) -> None:
    await take(store, {})
    await say(store, NOW, ("sms", "", "denied"))
    kept = await take(store, {"sms": "granted"}, NOW + DAY, Proof(given))
    assert await stands(store) == {"sms": state}
    assert kept == (Counter(denied=1) if state == "denied" else Counter())


async def test_a_topic_is_not_granted_past_the_denial_of_its_channel(store: Store) -> None:
    await take(store, {})
    await say(store, NOW, ("email", "", "denied"))
    assert await take(store, {"email.news": "granted"}, NOW + DAY) == Counter(denied=1)
    assert await stands(store) == {"email": "denied"}


async def test_a_newer_denial_of_the_channel_outweighs_the_topics_older_one(store: Store) -> None:
    await take(store, {})
    await say(store, NOW - 50 * DAY, ("email", "news", "denied"))
    await say(store, NOW, ("email", "", "denied"))
    proof = Proof(NOW - 20 * DAY)
    assert await take(store, {"email.news": "granted"}, NOW + DAY, proof) == Counter(denied=1)
    assert await stands(store) == {"email": "denied", "email.news": "denied"}


async def test_a_topic_denied_once_comes_back_by_a_later_consent_whatever_the_channel(store: Store) -> None:
    await take(store, {})
    await say(store, NOW - 50 * DAY, ("email", "news", "denied"))
    await say(store, NOW, ("email", "", "granted"))
    assert await take(store, {"email.news": "granted"}, NOW + DAY, Proof(NOW - 20 * DAY)) == Counter()
    assert await stands(store) == {"email": "granted", "email.news": "granted"}


async def test_a_denial_by_file_counts_from_now(store: Store) -> None:
    await take(store, {"email": "denied"}, NOW, Proof(NOW - 50 * DAY))
    assert await take(store, {"email": "granted"}, NOW + DAY, Proof(NOW - 20 * DAY)) == Counter(denied=1)
    assert await stands(store) == {"email": "denied"}
    assert await log(store) == [("email", "", "denied", NOW)]


async def test_what_is_to_be_confirmed_stays_so(store: Store) -> None:
    await take(store, {})
    await say(store, NOW, ("email", "", "granted"), policy=Policy(double_opt_in=("email",)))
    assert await take(store, {"email": "granted"}, NOW + DAY) == Counter(pending=1)
    assert await stands(store) == {"email": "pending"}


@pytest.mark.parametrize(
    ("given", "state"),
    [(None, "pending"), (NOW - DAY, "granted"), (NOW + DAY, "pending")],
    ids=["without its time", "with it", "in the future"],
)
async def test_where_consents_are_confirmed_a_file_grants_what_was_given_elsewhere(
    store: Store, given: datetime | None, state: str
) -> None:
    await put_in_force(store, Policy(double_opt_in=("email",)))
    kept = await take(store, {"email": "granted", "sms": "granted"}, NOW, Proof(given))
    assert kept == (Counter(pending=1) if state == "pending" else Counter())
    assert await stands(store) == {"email": state, "sms": "granted"}
    assert await rows_of(store, events) == [], "so nobody is written to because of a file"
    again = await take(store, {"email": "granted", "email.news": "granted"}, NOW, Proof(given))
    assert again == (Counter(pending=2) if state == "pending" else Counter())
    assert await stands(store) == {"email": state, "sms": "granted"} | (
        {"email.news": "granted"} if state == "granted" else {}
    )


async def test_what_holds_needs_no_confirming_by_a_file(store: Store) -> None:
    await take(store, {"email": "granted"})
    await put_in_force(store, Policy(double_opt_in=("email",)))
    assert await take(store, {"email": "granted", "email.news": "granted"}) == Counter()
    assert await stands(store) == {"email": "granted", "email.news": "granted"}


async def test_a_denial_is_always_taken(store: Store) -> None:
    await take(store, {})
    await say(store, NOW, ("email", "", "granted"), ("email", "news", "granted"))
    await take(store, {"email": "denied"}, NOW + DAY, Proof(NOW - DAY))
    assert await stands(store) == {"email": "denied"}


async def test_the_same_file_again_changes_nothing(store: Store) -> None:
    says = {"email": "denied", "email.news": "granted", "sms": "granted"}
    for _ in range(3):
        await take(store, says)
    assert await stands(store) == says
    assert await log(store) == [
        ("email", "", "denied", NOW),
        ("email", "news", "granted", NOW),
        ("sms", "", "granted", NOW),
    ]


async def test_a_denial_by_file_cancels_what_has_not_left(store: Store) -> None:
    await put_in_force(store, POLICY)
    await take(store, {"email": "granted"})
    ada = await number(store)
    await queue(store, ada, *(("email", "", name, "queued") for name in ("marketing", "receipts")))
    await take(store, {"email": "denied"})
    assert await states(store, ada) == [("cancelled", "consent"), ("queued", None)]


def test_a_record_with_everything_about_consent() -> None:
    record = {
        "id": "ada",
        "consents": {"email": "granted", "email.news": "denied", "sms": ""},
        "consented_at": "2026-03-01T12:00:00+01:00",
        "consent_wording": " Yes,\nwrite to me ",
        "consent_wording_version": "2",
        "consent_source": None,
    }
    row = parse_customer(record, topics=["news"])
    assert row.consents == {"email": "granted", "email.news": "denied"}
    assert row.proof == Proof(datetime(2026, 3, 1, 11, tzinfo=UTC), "Yes,\nwrite to me", "2", None)
    assert parse_customer({"id": "ada"}).proof is None


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"consents": {"email.": "granted"}}, "a name in consents is empty"),
        (
            {"consents": {"email.newz": "granted"}},
            'names the topic "newz"; the policy in force has news, ads',
        ),
        ({"consents": {"fax.news": "granted"}}, "consents has an unknown channel"),
        ({"consents": {"email": "pending"}}, "the consent for email is neither granted nor denied"),
        ({"consented_at": "2026-03-01"}, "consented_at has no offset"),
        ({"consented_at": 17}, "consented_at is missing or no text"),
        ({"consent_wording": 3}, "consent_wording must be text, not a number"),
        ({"consent_source": "a\x00"}, "consent_source has characters that are not text"),
        ({"country": "Sweden"}, "country is no code of ISO 3166"),
        ({"country": "XX"}, "country is no code of ISO 3166"),
    ],
)
def test_what_is_wrong_is_told(record: dict[str, Any], reason: str) -> None:
    with pytest.raises(RecordError, match=reason):
        parse_customer({"id": "ada", **record}, topics=["news", "ads"])


@pytest.mark.parametrize(("given", "kept"), [("se", "SE"), ("US-FL", "US-FL"), ("", None)])
def test_countries(given: str, kept: str | None) -> None:
    assert parse_customer({"id": "ada", "country": given}).columns == {"country": kept}
