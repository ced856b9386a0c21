from collections.abc import AsyncIterator

import pytest_asyncio

from journeyflow.store.database import Store
from tests.api.ingest.calling import Caller, calling


@pytest_asyncio.fixture
async def caller(store: Store) -> AsyncIterator[Caller]:
    """On both databases."""
    async with calling(store) as found:
        yield found


@pytest_asyncio.fixture
async def sqlite_caller(sqlite_store: Store) -> AsyncIterator[Caller]:
    async with calling(sqlite_store) as found:
        yield found
