"""The store of this installation, opened for one command."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from journeyflow.errors import ConfigurationError, JourneyflowError
from journeyflow.settings import Settings
from journeyflow.store.database import Store
from journeyflow.store.installation import refuse_moved
from journeyflow.store.migrate import pending, upgrade
from journeyflow.store.months import make_ahead

_BUSY = (
    "the store is locked, since another program has been writing to it all the time; "
    "try again when that has ended"
)
_IN_USE = (
    "the store is in use; stop every worker, the API, `journeyflow dev` and whatever else has it open, "
    "and try again"
)


@asynccontextmanager
async def migrated_store(settings: Settings) -> AsyncIterator[Store]:
    """The store with the newest schema. Raises ConfigurationError when it cannot be opened, or has moved.

    A command that finds it locked for too long, now or later, ends with a JourneyflowError.
    """
    async with opened_store(settings.store) as store:
        await _migrate(store)
        await refuse_moved(store)
        await make_ahead(store, datetime.now(UTC))
        yield store


@asynccontextmanager
async def opened_store(
    url: str, *, alone: bool = False, given_by: str = "JOURNEYFLOW_STORE"
) -> AsyncIterator[Store]:
    """The store as it is, which may be of another version; otherwise as `migrated_store`."""
    store = Store.open(url, alone=alone)
    try:
        _look_for_file(store, given_by)
        await _reach(store, given_by)
        yield store
    except OperationalError as error:
        if not _is_locked(error):
            raise
        raise JourneyflowError(_IN_USE if alone else _BUSY) from None
    finally:
        await store.close()


def _look_for_file(store: Store, given_by: str) -> None:
    """aiosqlite finds out as well, but may then print a traceback: its thread outlives our event loop."""
    if store.is_sqlite:
        try:
            sqlite3.connect(str(store.engine.url.database)).close()
        except sqlite3.Error as error:
            raise _cannot_be_opened(str(error), given_by) from None


async def _reach(store: Store, given_by: str) -> None:
    try:
        async with store.reading():
            pass
    except DatabaseError as error:
        if _is_locked(error):
            raise
        raise _cannot_be_opened(_reason(error), given_by) from None


async def _migrate(store: Store) -> None:
    """Looks first, since a migration waits for whoever writes, even if there is nothing to do."""
    try:
        if await pending(store):
            await upgrade(store)
    except DatabaseError as error:
        if _is_locked(error):
            raise
        raise _cannot_be_opened(_reason(error)) from None


def _cannot_be_opened(reason: str, given_by: str = "JOURNEYFLOW_STORE") -> ConfigurationError:
    return ConfigurationError(f"the store cannot be opened ({reason}); look at {given_by}")


def _is_locked(error: DBAPIError) -> bool:
    return "database is locked" in _reason(error)


def _reason(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
