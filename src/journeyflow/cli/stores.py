"""The store of this installation, opened for one command."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from journeyflow.errors import ConfigurationError, JourneyflowError
from journeyflow.settings import Settings
from journeyflow.store.database import Store
from journeyflow.store.migrate import pending, upgrade


@asynccontextmanager
async def migrated_store(settings: Settings) -> AsyncIterator[Store]:
    """The store with the newest schema. Raises ConfigurationError when it cannot be opened.

    A command that finds it locked for too long, now or later, ends with a JourneyflowError.
    """
    store = Store.open(settings.store)
    try:
        _look_for_file(store)
        await _migrate(store)
        yield store
    except OperationalError as error:
        if not _is_locked(error):
            raise
        raise JourneyflowError(
            "the store is locked, since another program has been writing to it all the time; "
            "try again when that has ended"
        ) from None
    finally:
        await store.close()


def _look_for_file(store: Store) -> None:
    """aiosqlite finds out as well, but may then print a traceback: its thread outlives our event loop."""
    if store.is_sqlite:
        try:
            sqlite3.connect(str(store.engine.url.database)).close()
        except sqlite3.Error as error:
            raise _cannot_be_opened(str(error)) from None


async def _migrate(store: Store) -> None:
    """Looks first, since a migration waits for whoever writes, even if there is nothing to do."""
    try:
        if await pending(store):
            await upgrade(store)
    except DatabaseError as error:
        if _is_locked(error):
            raise
        raise _cannot_be_opened(_reason(error)) from None


def _cannot_be_opened(reason: str) -> ConfigurationError:
    return ConfigurationError(f"the store cannot be opened ({reason}); look at JOURNEYFLOW_STORE")


def _is_locked(error: DBAPIError) -> bool:
    return "database is locked" in _reason(error)


def _reason(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
