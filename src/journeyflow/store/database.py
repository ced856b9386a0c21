"""Opening the store: SQLite in a file, or PostgreSQL, behind the same few calls."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from sqlalchemy import Connection, Select, Table, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from journeyflow.errors import ConfigurationError
from journeyflow.store.hashing import register
from journeyflow.store.many import as_table

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
_WAY_OUT = "set JOURNEYFLOW_STORE to sqlite:///file.db or postgresql://user@host/name"
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "busy_timeout=30000",
    "foreign_keys=ON",
    "secure_delete=ON",  # what is deleted is overwritten; see also `wiping`
)


class Store:
    """A database. `writing()` and `reading()` give a connection inside one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        # SQLite has one writer: queueing here is fair and quick, its own busy wait sleeps up to 100 ms.
        self._writer = asyncio.Lock() if self.is_sqlite else None

    @staticmethod
    def open(url: str, *, alone: bool = False) -> "Store":
        """`sqlite:///path/to/file.db` or `postgresql://user@host/name`.

        `alone`: a SQLite file that no other program has open, nor can open until this store is closed. It
        then takes one connection at a time.
        """
        parsed = _parse(url)
        driver = _DRIVERS[parsed.get_backend_name()]
        engine = create_async_engine(
            parsed.set(drivername=driver), pool_size=8, max_overflow=0, hide_parameters=True
        )
        if driver == _DRIVERS["sqlite"]:
            if alone:
                event.listen(engine.sync_engine, "connect", _keep_others_out)
            event.listen(engine.sync_engine, "connect", _configure_sqlite)
            event.listen(engine.sync_engine, "begin", _begin_sqlite)
        else:
            event.listen(engine.sync_engine, "connect", _configure_postgresql)
        return Store(engine)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits when the block ends and rolls back when it raises."""
        async with AsyncExitStack() as stack:
            if self._writer is not None:
                await stack.enter_async_context(self._writer)
            yield await stack.enter_async_context(self.engine.begin())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.connect() as connection:
            yield await connection.execution_options(journeyflow_reading=True)

    async def close(self) -> None:
        await self.engine.dispose()


def insert_ignoring(connection: AsyncConnection, table: Table) -> Any:
    """An INSERT that leaves rows out whose key is already there; takes `.returning()` as usual."""
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return make(table).on_conflict_do_nothing()


async def add_missing(
    connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]], key: str
) -> set[str]:
    """Insert the rows, in their order, whose `key` is not there yet; gives the keys that were new."""
    statement = insert_ignoring(connection, table).returning(table.c[key])
    if not rows:
        return set()
    if connection.dialect.name == "sqlite":
        return set((await connection.execute(statement, list(rows))).scalars())
    names = list(rows[0])
    columns = {name: table.c[name].type for name in names}
    given, parameters = await as_table(connection, f"new_{table.name}", columns, rows)
    statement = statement.from_select(names, select(*(given.c[name] for name in names)))
    return set((await connection.execute(statement, parameters)).scalars())


def upsert(connection: AsyncConnection, table: Table, keys: list[str], update: list[str]) -> Any:
    """An INSERT that overwrites the columns `update` where a row with the same `keys` exists."""
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = make(table)
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in update}
    )


def locked(
    connection: AsyncConnection, query: Select[Any], of: Table, *, skip_locked: bool = False
) -> Select[Any]:
    """Lock the rows of the table `of` that `query` selects until the transaction ends.

    Against changes, not against new rows of other tables that point to them. Order the query, so that two of
    them cannot wait for each other, or pass over what others have locked with `skip_locked`. On SQLite the
    whole transaction is exclusive already.
    """
    if connection.dialect.name == "sqlite":
        return query
    return query.with_for_update(of=of, key_share=True, skip_locked=skip_locked)


def undeleted(connection: AsyncConnection, query: Select[Any], of: Table) -> Select[Any]:
    """As `locked`, but only against being deleted: others may change the rows, and keep them as well."""
    if connection.dialect.name == "sqlite":
        return query
    return query.with_for_update(of=of, key_share=True, read=True)


def _parse(url: str) -> URL:
    """What cannot be parsed is not quoted: it may hold a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: the port is no number
        raise ConfigurationError(f"the store is not a URL with a plain port; {_WAY_OUT}") from None
    backend, shown = parsed.get_backend_name(), parsed.render_as_string()
    if backend not in _DRIVERS:
        raise ConfigurationError(f'the store "{shown}" is neither sqlite nor postgresql; {_WAY_OUT}')
    if backend == "sqlite" and (parsed.host or parsed.database in (None, "", ":memory:")):
        raise ConfigurationError(
            f'the store "{shown}" names no file; {_WAY_OUT} (three slashes, or four before /)'
        )
    return parsed


def _configure_sqlite(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.isolation_level = None  # the driver must not begin transactions of its own
    cursor = dbapi_connection.cursor()
    try:
        register(dbapi_connection)
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        dbapi_connection.close()  # nobody else will, and its thread would outlive the event loop
        raise
    cursor.close()


def _configure_postgresql(dbapi_connection: Any, _record: Any) -> None:
    """Conditions become long expressions, which take longer to compile than to compute: for 20 segments and
    2,000 customers 7 s and 0.3 s."""
    cursor = dbapi_connection.cursor()
    cursor.execute("SET jit = off")
    cursor.close()
    dbapi_connection.commit()


def _keep_others_out(dbapi_connection: Any, _record: Any) -> None:
    """Before anything is read: whoever has the file open holds a lock on it that bars this one."""
    cursor = dbapi_connection.cursor()
    cursor.execute("PRAGMA busy_timeout=1000")  # for a command that just ends; what runs on does not
    cursor.execute("PRAGMA locking_mode=EXCLUSIVE")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("journeyflow_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
