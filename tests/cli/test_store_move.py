"""`store move`: what SQLite held is in PostgreSQL afterwards, and at no moment can both be used."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, insert, select

from journeyflow.cli.main import run
from journeyflow.errors import ConfigurationError
from journeyflow.store.customers import consents, customers, events, suppressions
from journeyflow.store.database import Store
from journeyflow.store.events import add_events, event_keys
from journeyflow.store.installation import draw, installation, refuse_moved
from journeyflow.store.moving import move
from journeyflow.store.programme import journey_versions, journeys
from tests.databases import Postgresql, create_database, drop_database

NOON = datetime(2031, 5, 7, 12, tzinfo=UTC)
LONG_AGO = datetime(1997, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
LATER = datetime(2031, 5, 7, 12, 0, 0, 123456, tzinfo=UTC)
WORDS = {"name": "Åsa 🎈", "deep": [{"total": 1e2, "none": None, "big": 2**60, "sign": -0.0}], "is": True}
FULL = "\x00 and \\u0000"  # the first one is a character, the second one six of them

VERSION = {"id": 7, "journey": "j", "digest": "d", "plan": {}, "source": "a\x00b", "applied_at": NOON}


@pytest.fixture
async def target(postgresql: Postgresql, postgresql_template: str) -> AsyncIterator[str]:
    """The URL of a store that nobody has used."""
    await create_database(postgresql, "target", postgresql_template)
    yield postgresql.url("target")
    await drop_database(postgresql, "target")


@pytest.fixture
async def bare_target(postgresql: Postgresql) -> AsyncIterator[str]:
    """The URL of a database without any table."""
    await create_database(postgresql, "bare")
    yield postgresql.url("bare")
    await drop_database(postgresql, "bare")


@pytest.fixture
async def source(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Store]:
    """A store of every type of column, closed; opening it is for who asks."""
    path = tmp_path / "journeyflow.db"
    shutil.copy(sqlite_template, path)
    monkeypatch.setenv("JOURNEYFLOW_STORE", f"sqlite:///{path}")
    store = Store.open(f"sqlite:///{path}")
    await _fill(store)
    await store.close()
    yield store
    await store.close()


async def _fill(store: Store) -> None:
    times = {"created_at": NOON, "updated_at": LATER}
    async with store.writing() as connection:
        await draw(connection)
        for key, attributes in {"ada": WORDS, "gone": {}, "eve": {"note": FULL}, "last": {}}.items():
            await connection.execute(insert(customers).values(key=key, attributes=attributes, **times))
        told = {"customer_id": 1, "name": "told", "received_at": NOON, "properties": {"total": 0.1}}
        rows = [told | {"key": f"e{number}", "at": at} for number, at in enumerate([LONG_AGO, NOON, LATER])]
        await add_events(connection, rows)
        await connection.execute(delete(events).where(events.c.key == "e2"))
        await connection.execute(delete(customers).where(customers.c.key.in_(["gone", "last"])))
        given = {"customer_id": 1, "channel": "email", "topic": "", "state": "granted", "at": LATER}
        await connection.execute(insert(consents).values(given))
        hashed = {"channel": "email", "hash": "0" * 64, "reason": "bounced", "at": NOON}
        await connection.execute(insert(suppressions).values(hashed))
        await connection.execute(insert(journey_versions).values(VERSION))
        await connection.execute(insert(journeys).values(name="j", version_id=7, enabled=False))


async def _move(target: str, *options: str) -> int:
    return await asyncio.to_thread(run, ["store", "move", target, *options])


async def _rows(store: Store, query: Any) -> list[Any]:
    async with store.reading() as connection:
        return [tuple(row) for row in await connection.execute(query)]


async def test_all_that_was_there_has_moved(
    source: Store, bare_target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    [own] = await _rows(source, select(installation.c.name, installation.c.salt))
    await source.close()
    assert await _move(bare_target) == 0
    told = capsys.readouterr().out
    assert 'customers: 1 values held characters that PostgreSQL cannot keep; "\ufffd" stands there' in told
    moved = Store.open(bare_target)
    mended = {"note": FULL.replace("\x00", "\ufffd", 1)}
    wanted = [(1, "ada", WORDS, NOON, LATER), (3, "eve", mended, NOON, LATER)]
    columns = [customers.c[name] for name in ("id", "key", "attributes", "created_at", "updated_at")]
    assert await _rows(moved, select(*columns).order_by(customers.c.id)) == wanted
    assert await _rows(moved, select(consents.c.at)) == [(LATER,)]
    assert await _rows(moved, select(journeys.c.enabled)) == [(False,)]
    assert await _rows(moved, select(journey_versions.c.source)) == [("a\ufffdb",)]
    assert await _rows(moved, select(installation.c.name, installation.c.salt)) == [own]
    assert await _rows(moved, select(events.c.at).order_by(events.c.id)) == [(LONG_AGO,), (NOON,)]
    assert len(await _rows(moved, select(event_keys))) == 3
    async with moved.writing() as connection:
        row = {"key": "new", "attributes": {}, "created_at": NOON, "updated_at": NOON}
        given = await connection.execute(insert(customers).values(row).returning(customers.c.id))
        assert given.scalar_one() == 5, "a number whose customer is gone was given to another one"
        told = {"key": "e3", "customer_id": 1, "name": "told", "at": NOON, "received_at": NOON}
        given = await connection.execute(insert(events).values(properties={}, **told).returning(events.c.id))
        assert given.scalar_one() == 4
    await moved.close()


async def test_the_old_store_says_where_it_went(
    source: Store, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _move(target.replace("@", ":secret@")) == 0
    capsys.readouterr()
    assert await asyncio.to_thread(run, ["keys", "list"]) == 1
    told = capsys.readouterr().err
    assert f"this store has moved to {target}" in told
    assert "secret" not in told
    assert await _move(target) == 1
    assert "has moved to" in capsys.readouterr().err


async def test_a_store_that_is_in_use_stays(
    source: Store, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(source.engine.url.database or "")) as idle:
        idle.execute("SELECT count(*) FROM customers")
        assert await _move(target) == 1
    assert "the store is in use" in capsys.readouterr().err
    assert await _move(target) == 0


async def test_a_target_with_rows_is_refused(
    source: Store, postgresql_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    async with postgresql_store.writing() as connection:
        await connection.execute(insert(journey_versions).values(VERSION | {"source": ""}))
    assert await _move(str(postgresql_store.engine.url.set(drivername="postgresql"))) == 1
    assert "is not empty" in capsys.readouterr().err
    assert await asyncio.to_thread(run, ["keys", "list"]) == 0


async def _cut_short(source: Store, target: Store, dying: Store, commit: int, again: bool = False) -> None:
    """Ends a move just before the given commit of one of the two."""
    left = [commit]

    def die(_connection: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise _Cut

    event.listen(dying.engine.sync_engine, "commit", die)
    with pytest.raises(_Cut):
        await move(source, target, "test", NOON, lambda *_: lambda _rows: None, again)
    event.remove(dying.engine.sync_engine, "commit", die)


class _Cut(Exception):
    pass


async def test_a_move_that_is_cut_short_leaves_at_most_one_that_can_be_used(
    source: Store, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    there = Store.open(target)
    await _cut_short(source, there, there, commit=1)
    await refuse_moved(source)
    assert await _rows(there, select(customers.c.id)) == []
    await _cut_short(source, there, source, commit=1)
    await refuse_moved(source)
    with pytest.raises(ConfigurationError, match="has not come to its end"):
        await refuse_moved(there)
    await source.close()
    assert await _move(target) == 1
    assert "with --again that is removed" in capsys.readouterr().err
    await _cut_short(source, there, there, commit=2, again=True)
    for store in (source, there):
        with pytest.raises(ConfigurationError):
            await refuse_moved(store)
    await source.close()
    assert await _move(target) == 0
    assert "has come to its end" in capsys.readouterr().out
    await refuse_moved(there)
    assert await _rows(there, select(customers.c.key).order_by(customers.c.id)) == [("ada",), ("eve",)]
    await there.close()


@pytest.mark.parametrize("url", ["sqlite:///other.db", "postgresql://127.0.0.1:1/nowhere"])
async def test_only_postgresql_is_a_target(
    source: Store, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _move(url) == 1
    told = capsys.readouterr().err
    assert "a store moves from SQLite to PostgreSQL" in told or "look at TARGET" in told


@pytest.mark.parametrize(
    ("attributes", "fault"),
    [
        ('{"phone": NaN}', 'PostgreSQL refuses row 1 of the table "customers"'),
        ("phone", 'the table "customers" holds a value that cannot be read'),
    ],
)
async def test_what_cannot_go_over_is_named_without_its_value(
    attributes: str, fault: str, source: Store, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(source.engine.url.database or "")) as careless, careless:
        careless.execute("UPDATE customers SET attributes = ? WHERE key = 'ada'", [attributes])
    assert await _move(target) == 1
    told = capsys.readouterr().err
    assert fault in told
    assert "phone" not in told
    assert await asyncio.to_thread(run, ["keys", "list"]) == 0, "the old store can be used"
