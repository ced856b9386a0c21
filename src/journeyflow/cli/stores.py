"""The store of this installation, opened for one command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError, OperationalError

from journeyflow.errors import ConfigurationError
from journeyflow.settings import Settings
from journeyflow.store.database import Store
from journeyflow.store.migrate import upgrade


@asynccontextmanager
async def migrated_store(settings: Settings) -> AsyncIterator[Store]:
    """The store with the newest schema. Raises ConfigurationError when it cannot be reached."""
    store = Store.open(settings.store)
    try:
        try:
            await upgrade(store)
        except OperationalError as error:
            raise ConfigurationError(
                f"the store cannot be opened ({_reason(error)}); look at JOURNEYFLOW_STORE"
            ) from None
        yield store
    finally:
        await store.close()


def _reason(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
