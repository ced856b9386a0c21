"""The migrations build exactly what the tables say, on both databases, whoever runs them and how often."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, DateTime, MetaData, Text, inspect, literal, select, text

from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.engine.programme import Programme
from journeyflow.errors import ConfigurationError
from journeyflow.policy import DAY, Cap, Category, QuietHours
from journeyflow.store import migrate
from journeyflow.store.customers import consent_log, customers, suppressions
from journeyflow.store.database import Store
from journeyflow.store.events import add_events
from journeyflow.store.hashing import address_hash, hash_of
from journeyflow.store.installation import installation, name_of
from journeyflow.store.ledger import messages
from journeyflow.store.months import MONTH
from journeyflow.store.tables import metadata
from tests.databases import Postgresql, create_database, drop_database
from tests.engine.programmes import NOON, World

UPGRADE = """
import asyncio, sys
from journeyflow.store import migrate
from journeyflow.store.customers import consent_log, customers, suppressions
from journeyflow.store.database import Store

async def main():
    store = Store.open(sys.argv[1])
    await migrate.upgrade(store)
    await store.close()

asyncio.run(main())
"""


@pytest.fixture(params=["sqlite", "postgresql"])
async def empty_url(request: pytest.FixtureRequest, tmp_path: Path):
    """The URL of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    server: Postgresql = request.getfixturevalue("postgresql")
    await create_database(server, "empty")
    yield server.url("empty")
    await drop_database(server, "empty")


async def test_migrated_store_has_no_drift_from_the_tables(store: Store) -> None:
    async with store.writing() as connection:
        await connection.run_sync(lambda sync: command.check(migrate.scripts(sync)))


async def test_drift_would_be_found(store: Store) -> None:
    async with store.writing() as connection:
        await connection.execute(text("ALTER TABLE customers ADD COLUMN shoe_size INTEGER"))
        with pytest.raises(Exception, match="shoe_size"):
            await connection.run_sync(lambda sync: command.check(migrate.scripts(sync)))


async def test_partial_indexes_are_partial(store: Store) -> None:
    query = (
        "SELECT sql FROM sqlite_master WHERE type = 'index'"
        if store.is_sqlite
        else "SELECT indexdef FROM pg_indexes"
    )
    async with store.reading() as connection:
        definitions = [row or "" for row in (await connection.scalars(text(query))).all()]
    partial = {name for name in ("ix_events_unrouted", "ix_messages_open") for d in definitions if name in d}
    assert partial == {"ix_events_unrouted", "ix_messages_open"}
    assert all("WHERE" in d for d in definitions if "ix_events_unrouted" in d or "ix_messages_open" in d)


async def test_upgrade_is_pending_once(empty_url: str) -> None:
    store = Store.open(empty_url)
    assert await migrate.pending(store)
    await migrate.upgrade(store)
    assert not await migrate.pending(store)
    await migrate.upgrade(store)
    async with store.reading() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    months = {name for name in tables if MONTH.fullmatch(name)}
    assert set(tables) - months == {*metadata.tables, "alembic_version"}
    await store.close()


async def test_processes_that_start_together_take_turns(empty_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", UPGRADE, empty_url, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    errors = [(await process.communicate())[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors


async def test_foreign_keys_are_checked_again_after_upgrading(sqlite_store: Store) -> None:
    await migrate.upgrade(sqlite_store)
    async with sqlite_store.reading() as connection:
        assert await connection.scalar(text("PRAGMA foreign_keys")) == 1


async def test_rows_that_refer_to_nothing_stop_the_upgrade(sqlite_store: Store) -> None:
    with closing(sqlite3.connect(sqlite_store.engine.url.database or "")) as careless, careless:
        careless.execute("INSERT INTO starts (cohort_id) VALUES (7)")
    with pytest.raises(ConfigurationError, match='rows in "starts" without one in "cohorts"'):
        await migrate.upgrade(sqlite_store)


BEFORE_THE_GATE = Path(__file__).parent / "before_the_gate.json"  # rows by table, made by that version itself


@pytest.fixture
async def old_store(empty_url: str):
    """Of before the gate: people inside a journey, a message queued, an address suppressed."""
    store = Store.open(empty_url)
    async with store.writing() as connection:
        await connection.run_sync(lambda sync: command.upgrade(migrate.scripts(sync), "0001"))
        await connection.run_sync(_fill)
    yield store
    await store.close()


def _fill(connection: Connection) -> None:
    tables = MetaData()
    tables.reflect(connection)
    for name, rows in json.loads(BEFORE_THE_GATE.read_text()).items():
        table = tables.tables[name]
        times = {column.name for column in table.c if isinstance(column.type, DateTime)}
        for row in rows:
            given = {key: datetime.fromisoformat(row[key]) for key in times if row[key]}
            connection.execute(table.insert(), [row | given])
        if connection.dialect.name == "postgresql" and "id" in table.c:
            sequence = f"pg_get_serial_sequence('{name}', 'id')"
            connection.execute(text(f"SELECT setval({sequence}, {len(rows)}) WHERE {sequence} IS NOT NULL"))


async def test_what_was_there_before_the_gate_is_taken_along(old_store: Store) -> None:
    await migrate.upgrade(old_store)
    hashed = address_hash(literal("email"), customers.c.email)
    suppressed = select(suppressions.c.reason, customers.c.key)
    suppressed = suppressed.join_from(suppressions, customers, suppressions.c.hash == hashed)
    async with old_store.reading() as connection:
        assert (await connection.execute(suppressed)).all() == [("rejected", "dead")]
        journeys = (await connection.execute(select(messages.c.journey))).scalars().all()
        assert journeys == ["welcome"] * 5
        assert set((await connection.execute(select(consent_log.c.actor))).scalars()) == {"unknown"}
        index = text("SELECT sql FROM sqlite_master WHERE name = 'ix_messages_open'")
        index = (
            index
            if old_store.is_sqlite
            else text("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_messages_open'")
        )
        assert "outranked" in (await connection.execute(index)).scalar_one()
        policy = await Programme().policy(connection)
    assert policy.categories == {
        "marketing": Category("opt-in"),
        "newsletter": Category("opt-in"),
        "transactional": Category("not-required", "exempt", "exempt"),
    }
    assert policy.caps == (Cap(3, DAY), Cap(2, 7 * DAY, "sms"))
    assert policy.quiet_hours == (QuietHours("21:00", "08:00"), QuietHours("12:00", "13:00", "sms"))


async def test_codes_of_countries_move_to_where_conditions_look(old_store: Store) -> None:
    await migrate.upgrade(old_store)
    query = select(customers.c.key, customers.c.country, customers.c.attributes).order_by(customers.c.id)
    async with old_store.reading() as connection:
        found = (await connection.execute(query)).all()
    assert found == [
        ("ann", "SE", {}),
        ("ben", "US-FL", {}),
        ("cat", None, {"country": "Sweden"}),
        ("dead", None, {}),
        ("eve", None, {"country": ["SE"]}),
    ]


async def test_what_was_held_when_its_passage_ended_is_cancelled(old_store: Store) -> None:
    async with old_store.writing() as connection:
        ended = "UPDATE enrollments SET state = 'exited', step = NULL, wake_at = NULL WHERE id = 1000"
        await connection.execute(text(ended))
        held = "UPDATE messages SET state = 'held', reason = 'quiet-hours' WHERE id IN (1, 2)"
        await connection.execute(text(held))
    await migrate.upgrade(old_store)
    query = select(messages.c.state, messages.c.reason).where(messages.c.id < 3).order_by(messages.c.id)
    async with old_store.reading() as connection:
        found = (await connection.execute(query)).all()
    assert found == [("cancelled", "exited"), ("held", "quiet-hours")]


async def test_journeys_from_before_the_gate_go_on(old_store: Store, tmp_path: Path) -> None:
    await migrate.upgrade(old_store)
    world = World(old_store, tmp_path, NOON + timedelta(hours=2), _numbers=count(100))
    await world.deliver(Outbox(tmp_path / "outbox"), cohort=2)
    assert await world.ledger("eve") == [("hello", "sent", None)]
    world.now = NOON + timedelta(days=1, hours=2)
    await world.travel(1, 1, 1, size=4)
    await world.deliver(Outbox(tmp_path / "outbox"), leg=1, name="sms")
    last = {key: (await world.ledger(key))[-1] for key in ("ann", "ben", "cat", "dead")}
    assert last == {
        "ann": ("swedish", "sent", None),
        "ben": ("others", "held", "quiet-hours"),  # in the United States, where it is early still
        "cat": ("others", "dropped", "consent"),
        "dead": ("others", "sent", None),
    }
    await world.customers("new")
    await world.customers("twin", email="Dead@example.com", phone="+12125550125")
    await world.enter("new", "twin")
    assert await world.ledger("new") == [("hello", "queued", None)]
    assert await world.ledger("twin") == [("hello", "dropped", "suppressed")]


MUCH_IN_JUNE = """
    INSERT INTO events (key, customer_id, name, at, received_at, properties)
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000)
    SELECT 'june-' || n, 1, 'looked', '2031-06-15 12:00:00.000000', '2031-06-15 12:00:00.000000', '{}'
    FROM numbers
"""


async def test_events_stay_as_they_are_when_they_move_into_months(old_store: Store) -> None:
    """Those that are known stay known, numbers go on, and passages still know what began them."""
    columns = "id, key, customer_id, name, at, received_at, properties, routed_at"
    began = text("SELECT id, event_id FROM enrollments ORDER BY id")
    kept = text(f"SELECT {columns} FROM events ORDER BY id")
    async with old_store.writing() as connection:
        await connection.execute(text(MUCH_IN_JUNE))
        before = (await connection.execute(kept)).all(), (await connection.execute(began)).all()
    await migrate.upgrade(old_store)
    async with old_store.writing() as connection:
        assert ((await connection.execute(kept)).all(), (await connection.execute(began)).all()) == before
    first = before[0][0]
    again = [
        {"key": key, "customer_id": 1, "name": "looked", "at": NOON, "received_at": NOON, "properties": {}}
        for key in (first.key, "another")
    ]
    async with old_store.writing() as connection:
        assert await add_events(connection, again) == {"another"}
        number = await connection.scalar(text("SELECT id FROM events WHERE key = 'another'"))
        assert number == max(row.id for row in before[0]) + 1
        if not old_store.is_sqlite:
            lying = text("SELECT tableoid::regclass::text, count(*) FROM events GROUP BY 1 ORDER BY 1")
            found = [tuple(row) for row in await connection.execute(lying)]
            assert found == [("events_2031_06", 10_000), ("events_other", 7)]


async def test_both_databases_hash_addresses_alike(store: Store) -> None:
    await name_of(store)
    addresses = ["a@example.com", "A@EXAMPLE.com", "å@exämple.com", "Å@exämple.com", "+46701740605", None]
    async with store.reading() as connection:
        salt = (await connection.execute(select(installation.c.salt))).scalar_one()
        for address in addresses:
            query = select(address_hash(literal("email"), literal(address, Text)))
            assert (await connection.execute(query)).scalar() == hash_of(salt, "email", address)
    assert hash_of(salt, "email", "a@example.com") == hash_of(salt, "email", "A@example.com")
    assert hash_of(salt, "email", "a@example.com") != hash_of(salt, "sms", "a@example.com")
