"""The migrations build exactly what the tables say, on both databases, whoever runs them and how often."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import inspect, text

from journeyflow.errors import ConfigurationError
from journeyflow.store import migrate
from journeyflow.store.database import Store
from journeyflow.store.tables import metadata
from tests.databases import Postgresql, create_database, drop_database

UPGRADE = """
import asyncio, sys
from journeyflow.store import migrate
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
