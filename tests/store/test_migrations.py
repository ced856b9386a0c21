"""The migrations build exactly what the tables say, on both databases, whoever runs them and how often."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Text, inspect, literal, select, text

from journeyflow.errors import ConfigurationError
from journeyflow.store import migrate
from journeyflow.store.customers import consent_log, customers, suppressions
from journeyflow.store.database import Store
from journeyflow.store.hashing import address_hash, hash_of
from journeyflow.store.installation import installation, name_of
from journeyflow.store.ledger import messages
from journeyflow.store.tables import metadata
from tests.databases import Postgresql, create_database, drop_database

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
    assert set(tables) == {*metadata.tables, "alembic_version"}
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


BEFORE_THE_GATE = """
INSERT INTO customers (id, key, email, attributes, created_at, updated_at)
    VALUES (1, 'c1', 'One@example.com', '{}', '2031-05-07 12:00:00', '2031-05-07 12:00:00');
INSERT INTO consent_log (id, customer_id, channel, topic, state, at, source)
    VALUES (1, 1, 'email', '', 'granted', '2031-05-07 12:00:00', 'import');
INSERT INTO suppressions (channel, address, reason, at)
    VALUES ('email', 'one@example.com', 'rejected', '2031-05-07 12:00:00');
INSERT INTO journey_versions (id, journey, digest, plan, source, applied_at)
    VALUES (1, 'welcome', 'd', '{}', '', '2031-05-07 12:00:00');
INSERT INTO cohorts (id, version_id, size, created_at) VALUES (1, 1, 1, '2031-05-07 12:00:00');
INSERT INTO enrollments (id, cohort_id, version_id, journey, customer_id, occasion, entered_at, since,
        reached_at, state)
    VALUES (1000, 1, 1, 'welcome', 1, 'o', '2031-05-07 12:00:00', '2031-05-07 12:00:00',
        '2031-05-07 12:00:00', 'active');
INSERT INTO messages (id, enrollment_id, step, leg, customer_id, version_id, channel, category, template,
        state, at)
    VALUES (1, 1000, 0, 0, 1, 1, 'email', 'marketing', 'hello', 'queued', '2031-05-07 12:00:00');
"""


async def test_what_was_there_before_the_gate_is_taken_along(empty_url: str) -> None:
    store = Store.open(empty_url)
    async with store.writing() as connection:
        await connection.run_sync(lambda sync: command.upgrade(migrate.scripts(sync), "0001"))
        for statement in BEFORE_THE_GATE.strip().rstrip(";").split(";"):
            await connection.execute(text(statement))
    await migrate.upgrade(store)
    hashed = address_hash(literal("email"), customers.c.email)
    suppressed = select(suppressions.c.reason).join(customers, suppressions.c.hash == hashed)
    async with store.reading() as connection:
        assert (await connection.execute(suppressed)).scalars().all() == ["rejected"]
        assert (await connection.execute(select(messages.c.journey))).scalars().all() == ["welcome"]
        assert (await connection.execute(select(consent_log.c.actor))).scalars().all() == ["unknown"]
        index = text("SELECT sql FROM sqlite_master WHERE name = 'ix_messages_open'")
        index = (
            index
            if store.is_sqlite
            else text("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_messages_open'")
        )
        assert "outranked" in (await connection.execute(index)).scalar_one()
    await store.close()


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
