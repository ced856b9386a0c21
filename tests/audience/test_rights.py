"""A customer's rights: all that is held is exported, and nothing of it is left after an erasure."""

import asyncio
import json
from typing import Any

from sqlalchemy import Text, func, insert, select

from journeyflow.audience.holdings import holdings
from journeyflow.audience.ingest import import_customers, record_events
from journeyflow.audience.records import CustomerRow, EventRow
from journeyflow.audience.rights import erase, export
from journeyflow.audience.suppression import is_suppressed, suppress
from journeyflow.store.audit import audit_log
from journeyflow.store.customers import customers, events, suppressions
from journeyflow.store.database import Store
from journeyflow.store.events import event_keys
from journeyflow.store.tables import metadata
from tests.audience.lives import NOW, PLAN, cohort_of, live, personal_tables

# Tables without any row about one customer, and why.
IMPERSONAL = {
    "api_keys": "programs of the company",
    "audit_log": "who of the staff did what; a customer is a number",
    "cohorts": "a size and a time",
    "best_hours": "counts of all customers together",
    "coupons": "codes; whose one was is forgotten",
    "event_keys": "the senders' ids; they go with the events of whoever is erased",
    "experiments": "what users wrote, and figures",
    "installation": "the store's own name",
    "journey_versions": "what users wrote",
    "journeys": "what users wrote",
    "legs": "places in a cohort; what they mean stands in enrollments",
    "policies": "what users wrote",
    "received_sms": "the gateway's own ids of messages",
    "segments": "what users wrote",
    "starts": "cohorts",
    "suppressions": "salted hashes",
    "sweeps": "how far an occasion has got",
    "templates": "what users wrote",
}


async def filled(store: Store) -> None:
    """Ann and Bea in one cohort, with a row in every table."""
    async with store.writing() as connection:
        cohort = await cohort_of(connection, 2)
        for member, mark in enumerate(("ann", "bea")):
            await live(connection, cohort, member, mark)


async def everything(store: Store) -> dict[str, list[Any]]:
    async with store.reading() as connection:
        return {
            table.name: [tuple(row) for row in await connection.execute(select(table))]
            for table in metadata.sorted_tables
        }


def test_every_table_is_known_to_be_personal_or_not() -> None:
    personal = {table.name for table in personal_tables()}
    assert personal | set(IMPERSONAL) == set(metadata.tables)
    assert not personal & set(IMPERSONAL)


async def test_every_personal_table_is_held_and_goes_before_what_it_points_to(store: Store) -> None:
    async with store.reading() as connection:
        order = [table.name for table in await holdings(connection, 1)]
    assert set(order) == {table.name for table in personal_tables()}
    for name in order:
        for key in metadata.tables[name].foreign_keys:
            parent = key.column.table.name
            assert parent not in order or order.index(name) < order.index(parent)


async def test_an_export_has_every_column_of_every_row_and_nobody_elses(store: Store) -> None:
    await filled(store)
    found = await export(store, "ann-customers-key", "sam", NOW)
    assert found is not None
    assert (found["format"], found["version"]) == ("journeyflow customer", 1)
    assert found == json.loads(json.dumps(found)), "it is JSON"
    assert "bea" not in json.dumps(found)
    for table in personal_tables():
        rows = [found["customer"]] if table is customers else found[table.name]
        assert len(rows) == 1, table.name
        assert set(rows[0]) == set(table.columns.keys())
        for column in table.columns:
            value = rows[0][column.name]
            if isinstance(column.type, Text) and value not in ("active", "queued", "email"):
                assert value == f"ann-{table.name}-{column.name}"


async def test_an_export_tells_the_way_taken(store: Store) -> None:
    await filled(store)
    found = await export(store, "bea-customers-key", "sam", NOW)
    assert found is not None
    common = {"enrollment": found["enrollments"][0]["id"], "journey": "welcome", "version": PLAN.digest}
    common |= {"at": NOW.isoformat(), "detail": {}}
    assert found["journey_versions"] == [{"id": 1, "journey": "welcome", "digest": PLAN.digest}]
    assert found["steps"] == [
        {**common, "step": 0, "path": "steps/0", "what": "queued", "event": None},
        {**common, "step": 1, "path": "steps/1", "what": "event", "event": 2},
    ]


async def test_an_export_tells_what_is_suppressed_and_is_noted(store: Store) -> None:
    await filled(store)
    async with store.writing() as connection:
        await suppress(connection, "email", ["ann-customers-email"], "bounced", NOW)
    found = await export(store, "ann-customers-key", "sam", NOW)
    assert found is not None
    assert found["suppressions"] == [{"channel": "email", "reason": "bounced"}]
    assert await export(store, "nobody", "sam", NOW) is None
    (row,) = (await everything(store))["audit_log"]
    assert row[2:] == ("sam", "export", "1", {})


async def test_nothing_is_left_of_an_erased_customer(store: Store) -> None:
    await filled(store)
    before = await everything(store)
    done = await erase(store, "ann-customers-key", "sam", NOW)
    assert done is not None
    assert done.removed == {table.name: 1 for table in personal_tables()}
    after = await everything(store)
    assert "ann-" not in repr(after)
    for name, rows in before.items():
        if name in IMPERSONAL:
            assert name in ("audit_log", "installation", "suppressions") or after[name] == rows, name
        else:
            assert after[name] == rows[1:], f"Bea's {name}"
    assert await erase(store, "ann-customers-key", "sam", NOW) is None


async def test_no_key_is_left_of_what_an_erased_customer_did(store: Store) -> None:
    rows = [EventRow(f"{who}-looked", who, "looked", NOW, {}) for who in ("ann", "bea")]
    await record_events(store, rows, NOW)
    await erase(store, "ann", "sam", NOW)
    async with store.reading() as connection:
        left = (await connection.execute(select(event_keys.c.key))).scalars().all()
    assert left == ["bea-looked"]


async def test_an_erasure_by_number(store: Store) -> None:
    """As after a backup was restored, when the audit log alone knows who was erased."""
    await filled(store)
    assert await erase(store, 99, "sam", NOW) is None
    done = await erase(store, 2, "sam", NOW)
    assert done is not None
    assert done.customer == 2
    assert await export(store, "bea-customers-key", "sam", NOW) is None
    assert await export(store, "ann-customers-key", "sam", NOW) is not None


async def test_an_erasure_is_noted_by_number_with_counts(store: Store) -> None:
    await filled(store)
    done = await erase(store, "ann-customers-key", "sam", NOW)
    assert done is not None
    async with store.reading() as connection:
        (row,) = await connection.execute(select(audit_log))
    assert (row.at, row.actor, row.action, row.subject) == (NOW, "sam", "erase", "1")
    assert row.detail == {"removed": done.removed, "suppressed": ["email", "sms"]}


async def test_the_same_address_imported_anew_is_suppressed(store: Store) -> None:
    await filled(store)
    await erase(store, "ann-customers-key", "sam", NOW)
    async with store.writing() as connection:
        assert await is_suppressed(connection, "email", "Ann-customers-EMAIL") == "erased"
        assert await is_suppressed(connection, "sms", "ann-customers-phone") == "erased"
        assert (await connection.execute(select(func.count()).select_from(suppressions))).scalar() == 2
        values = {"attributes": {}, "created_at": NOW, "updated_at": NOW}
        anew = insert(customers).values(key="ann-customers-key", **values).returning(customers.c.id)
        assert (await connection.execute(anew)).scalar_one() == 3, "nobody gets an erased number"


async def test_what_only_others_can_remove_is_told(store: Store) -> None:
    await filled(store)
    async with store.writing() as connection:
        values = {"email": "ANN-customers-email", "attributes": {}, "created_at": NOW, "updated_at": NOW}
        await connection.execute(insert(customers).values(key="twin", **values))
        messages = metadata.tables["messages"]
        await connection.execute(messages.update().where(messages.c.id == 1).values(state="sending"))
    done = await erase(store, "ann-customers-key", "sam", NOW)
    assert done is not None
    assert (done.handed_over, done.under_way, done.sharing) == ([1], [1], ["twin"])
    other = await erase(store, "bea-customers-key", "sam", NOW)
    assert other is not None
    assert (other.handed_over, other.under_way, other.sharing) == ([], [], [])


async def test_an_import_meets_an_erasure(store: Store) -> None:
    """Whichever comes first: no import fails, and events have a customer."""
    for number in range(20):
        event = EventRow(f"e{number}", "ann", "looked", NOW, {})
        person = CustomerRow("ann", {"email": "ann@example.com"}, {"number": number}, {"email": "granted"})
        await record_events(store, [event], NOW)
        again = EventRow(f"f{number}", "ann", "looked", NOW, {})
        await asyncio.gather(
            record_events(store, [again], NOW),
            erase(store, "ann", "test", NOW),
            import_customers(store, [person], NOW, "file"),
        )
        async with store.reading() as connection:
            owners = select(customers.c.key).join(events, events.c.customer_id == customers.c.id)
            told = set((await connection.execute(owners)).scalars())
            assert told <= {"ann"}
            assert (await connection.execute(select(func.count()).select_from(events))).scalar() == 0 or told
