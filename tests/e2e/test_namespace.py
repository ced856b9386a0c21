"""A Temporal namespace belongs to one store."""

import pytest
from sqlalchemy import delete
from temporalio.client import Client

from journeyflow.bootstrap import keep_going
from journeyflow.errors import ConfigurationError
from journeyflow.store.database import Store
from journeyflow.store.installation import installation
from journeyflow.testing.servers import dev_server


async def test_the_namespace_of_another_store_is_refused(sqlite_store: Store) -> None:
    async with dev_server() as server:
        client = await Client.connect(server.address)
        await keep_going(sqlite_store, client)
        await keep_going(sqlite_store, client)  # as every further worker does
        async with sqlite_store.writing() as connection:
            await connection.execute(delete(installation))  # now it is another one
        with pytest.raises(ConfigurationError, match="journeys of another store"):
            await keep_going(sqlite_store, client)
