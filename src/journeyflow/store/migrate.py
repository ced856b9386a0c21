"""Bringing a store to the newest schema, with Alembic and without any file of the user's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.errors import ConfigurationError
from journeyflow.store.database import Store

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 7_240_519_283  # any number, the same in every process; an advisory lock of this database alone


@dataclass(frozen=True, slots=True)
class Step:
    revision: str
    what: str


@dataclass(frozen=True, slots=True)
class Standing:
    current: str | None  # None: there is nothing yet
    ahead: tuple[Step, ...]  # what `upgrade` would do, in its order


async def upgrade(store: Store) -> None:
    """Migrate to the newest schema. All or nothing; processes that start together take turns."""
    async with _migrating(store) as connection:
        await connection.run_sync(upgrade_connection)


async def pending(store: Store) -> bool:
    """Whether `upgrade` would change the store; asked without a lock. Raises as `standing` does."""
    return bool((await standing(store)).ahead)


async def standing(store: Store) -> Standing:
    """Raises ConfigurationError when the store has been migrated further than this program knows."""
    async with store.reading() as connection:
        return await connection.run_sync(_standing)


def upgrade_connection(connection: Connection) -> None:
    command.upgrade(scripts(connection), "head")


def scripts(connection: Connection) -> Config:
    """Alembic's settings for the migrations in this package, run on `connection`'s transaction."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _standing(connection: Connection) -> Standing:
    script = ScriptDirectory.from_config(scripts(connection))
    current = MigrationContext.configure(connection).get_current_revision()
    known = list(script.walk_revisions())  # the newest first
    if current is not None and current not in {one.revision for one in known}:
        raise ConfigurationError(
            "the store was made by a newer journeyflow than this one; "
            "use that version or a later one, or another store (JOURNEYFLOW_STORE)"
        )
    ahead = takewhile(lambda one: one.revision != current, known)
    return Standing(current, tuple(Step(one.revision, one.doc) for one in ahead)[::-1])


@asynccontextmanager
async def _migrating(store: Store) -> AsyncIterator[AsyncConnection]:
    if store.is_sqlite:
        async with _without_foreign_keys(store) as connection:
            yield connection
    else:
        async with store.writing() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            yield connection


@asynccontextmanager
async def _without_foreign_keys(store: Store) -> AsyncIterator[AsyncConnection]:
    """SQLite alters a table by copying and dropping it, which must not take the rows that refer to it along.

    The pragma is deaf inside a transaction, so it is set before one begins; what it would have caught
    is checked before the commit.
    """
    async with store.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute("PRAGMA foreign_keys=OFF")
        try:
            async with connection.begin():
                yield connection
                await _check_foreign_keys(connection)
        finally:
            await driver.execute("PRAGMA foreign_keys=ON")


async def _check_foreign_keys(connection: AsyncConnection) -> None:
    broken = (await connection.execute(text("PRAGMA foreign_key_check"))).mappings().first()
    if broken is not None:
        raise ConfigurationError(
            f'the migration would leave rows in "{broken["table"]}" without one in "{broken["parent"]}"; '
            "nothing was changed, please report this with the version you come from"
        )
