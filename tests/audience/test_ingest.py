"""Recording is set-based, merges, logs consents once, and may be repeated."""

import asyncio
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Table, select

from journeyflow.audience.ingest import record_customers, record_events
from journeyflow.audience.records import CustomerRow, EventRow
from journeyflow.store.customers import consent_log, consents, customers, events
from journeyflow.store.database import Store
from journeyflow.store.events import SHORTEST, forget_keys, take_keys

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


async def rows_of(store: Store, table: Table) -> list[dict[str, Any]]:
    async with store.reading() as connection:
        found = await connection.execute(select(table).order_by(*table.primary_key.columns))
        return [dict(row) for row in found.mappings()]


async def test_a_new_customer_is_a_row(store: Store) -> None:
    row = CustomerRow("ada", {"email": "ada@example.com"}, {"points": 3}, {"email": "granted"})
    assert await record_customers(store, [row], NOW, "import") == ["new"]
    (customer,) = await rows_of(store, customers)
    assert customer | {"id": 0} == {
        "id": 0,
        "key": "ada",
        "email": "ada@example.com",
        "phone": None,
        "timezone": None,
        "locale": None,
        "country": None,
        "attributes": {"points": 3},
        "told_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
    }


async def test_given_columns_overwrite_and_attributes_merge(store: Store) -> None:
    first = CustomerRow("ada", {"email": "ada@example.com", "locale": "sv"}, {"points": 3, "tier": "gold"})
    second = CustomerRow(
        "ada", {"email": "new@example.com", "locale": None}, {"points": 4, "tier": None, "vip": True}
    )
    await record_customers(store, [first], NOW, "import")
    assert await record_customers(store, [second], LATER, "import") == ["changed"]
    (customer,) = await rows_of(store, customers)
    assert (customer["email"], customer["locale"]) == ("new@example.com", None)
    assert customer["attributes"] == {"points": 4, "vip": True}
    assert (customer["created_at"], customer["updated_at"]) == (NOW, LATER)


async def test_recording_again_changes_nothing(store: Store) -> None:
    rows = [
        CustomerRow(
            "ada", {"email": "ada@example.com"}, {"big": 1e20, "list": ["a", 1.5]}, {"sms": "denied"}
        ),
        CustomerRow("bob"),
    ]
    await record_customers(store, rows, NOW, "import")
    before = [await rows_of(store, table) for table in (customers, consents, consent_log)]
    assert await record_customers(store, rows, LATER, "import") == ["unchanged", "unchanged"]
    assert [await rows_of(store, table) for table in (customers, consents, consent_log)] == before


async def test_true_and_one_are_different_attributes(store: Store) -> None:
    await record_customers(store, [CustomerRow("ada", {}, {"vip": 1})], NOW, "import")
    assert await record_customers(store, [CustomerRow("ada", {}, {"vip": True})], LATER, "import") == [
        "changed"
    ]
    (customer,) = await rows_of(store, customers)
    assert customer["attributes"]["vip"] is True


async def test_one_customer_twice_in_a_batch_is_taken_in_order(store: Store) -> None:
    rows = [
        CustomerRow("ada", {}, {"points": 1}, {"email": "granted"}),
        CustomerRow("ada", {}, {"points": 2}, {"email": "denied"}),
        CustomerRow("ada", {}, {"points": 2}),
    ]
    assert await record_customers(store, rows, NOW, "import") == ["new", "changed", "unchanged"]
    (customer,) = await rows_of(store, customers)
    assert customer["attributes"] == {"points": 2}
    (consent,) = await rows_of(store, consents)
    assert consent["state"] == "denied"


async def test_consents_are_logged_only_when_they_change(store: Store) -> None:
    granted = CustomerRow("ada", consents={"email": "granted", "sms": "denied"})
    denied = CustomerRow("ada", consents={"email": "denied"})
    await record_customers(store, [granted], NOW, "import")
    assert await record_customers(store, [denied], LATER, "api") == ["changed"]
    await record_customers(store, [denied], LATER + timedelta(hours=1), "api")
    log = [
        (row["channel"], row["state"], row["at"], row["source"]) for row in await rows_of(store, consent_log)
    ]
    assert log == [
        ("email", "granted", NOW, "import"),
        ("sms", "denied", NOW, "import"),
        ("email", "denied", LATER, "api"),
    ]
    current = {row["channel"]: (row["state"], row["at"]) for row in await rows_of(store, consents)}
    assert current == {"email": ("denied", LATER), "sms": ("denied", NOW)}


async def test_events_create_unknown_customers_and_ignore_known_keys(store: Store) -> None:
    await record_customers(store, [CustomerRow("ada", {"email": "ada@example.com"})], NOW, "import")
    one = EventRow("e1", "ada", "order.completed", NOW - timedelta(days=1), {"total": 12.5})
    two = EventRow("e2", "bob", "member.joined", NOW)
    other = EventRow("e1", "bob", "order.refunded", NOW)
    assert await record_events(store, [one], NOW) == ["new"]
    assert await record_events(store, [one, two, two, other], LATER) == [
        "unchanged",
        "new",
        "unchanged",
        "unchanged",
    ]
    first, second = await rows_of(store, events)
    assert (first["key"], first["name"], first["properties"]) == ("e1", "order.completed", {"total": 12.5})
    assert (first["at"], first["received_at"], first["routed_at"]) == (NOW - timedelta(days=1), NOW, None)
    assert (second["key"], second["properties"]) == ("e2", {})
    bob = next(row for row in await rows_of(store, customers) if row["key"] == "bob")
    assert (bob["email"], bob["attributes"], bob["id"]) == (None, {}, second["customer_id"])


async def test_an_event_that_is_told_each_night_is_known_as_long_as_it_is_there(store: Store) -> None:
    for days in (0, *range(25, 110, 5)):
        now = NOW + timedelta(days=days)
        moved = EventRow("e2", "ada", "order.completed", now)  # known by its key alone
        told = await record_events(store, [EventRow("e1", "ada", "order.completed", NOW), moved], now)
        assert told == (["unchanged"] * 2 if days else ["new"] * 2), days
        await forget_keys(store, now - SHORTEST)
    later, ahead = now + 2 * SHORTEST, EventRow("e3", "ada", "trip.begun", now + 2 * SHORTEST)
    assert await record_events(store, [ahead], now) == ["new"]
    await forget_keys(store, later - SHORTEST)
    assert await record_events(store, [ahead], later) == ["unchanged"]
    other = [EventRow("e1", "bob", "order.completed", NOW), EventRow("e2", "ada", "order.completed", NOW)]
    assert await record_events(store, other, later) == ["new", "unchanged"]


async def test_no_event_can_be_sent_that_bars_a_call(sqlite_store: Store) -> None:
    guessed = sha256(b"identify/m9").hexdigest()
    await record_events(sqlite_store, [EventRow(guessed, "ada", "seen", NOW)], NOW)
    for days, taken in ((0, {"identify/m9"}), (20, set()), (40, set())):  # known from when it was told last
        now = NOW + timedelta(days=days)
        await forget_keys(sqlite_store, now - SHORTEST)
        async with sqlite_store.writing() as connection:
            assert await take_keys(connection, ["identify/m9"], now) == taken


async def test_events_of_a_batch_are_numbered_by_their_times(store: Store) -> None:
    rows = [EventRow(f"e{hours}", "ada", "seen", NOW - timedelta(hours=hours)) for hours in (1, 3, 2)]
    await record_events(store, rows, NOW)
    assert [row["key"] for row in await rows_of(store, events)] == ["e3", "e2", "e1"]


async def test_batches_with_the_same_rows_at_once_end_as_one(store: Store) -> None:
    people = [CustomerRow(f"c{number}", {}, {"n": number}, {"email": "granted"}) for number in range(200)]
    seen = [EventRow(f"e{number}", f"c{number}", "seen", NOW) for number in range(200)]
    results = await asyncio.gather(
        *(record_customers(store, order, NOW, "import") for order in (people, people[::-1], people)),
        *(record_events(store, order, NOW) for order in (seen, seen[::-1], seen)),
    )
    assert sum(outcomes.count("new") for outcomes in results[3:]) == 200
    assert len(await rows_of(store, customers)) == len(await rows_of(store, events)) == 200
    assert len(await rows_of(store, consent_log)) == 200
    assert all(row["attributes"] for row in await rows_of(store, customers))


async def test_nothing_to_record_is_fine(store: Store) -> None:
    assert await record_customers(store, [], NOW, "import") == []
    assert await record_events(store, [], NOW) == []
