"""Which store this is, so that workers notice when a Temporal namespace belongs to another one."""

from secrets import token_hex
from uuid import uuid4

from sqlalchemy import Column, Integer, Table, Text, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.errors import ConfigurationError
from journeyflow.store.database import Store, insert_ignoring
from journeyflow.store.types import metadata

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("name", Text, nullable=False),  # drawn once, when the store is first used
    Column("salt", Text, nullable=False),  # of the hashes of suppressed addresses
    Column("namespace", Text),  # the id of the Temporal namespace that carries this store's journeys
    Column("moved_to", Text),  # where everything is now; nothing uses this store any more
    Column("arriving_from", Text),  # the store that is being moved here; nothing uses this one yet
)


async def name_of(store: Store) -> str:
    async with store.writing() as connection:
        await draw(connection)
        return str((await connection.execute(select(installation.c.name))).scalar_one())


async def name_and_salt(connection: AsyncConnection) -> tuple[str, str]:
    await draw(connection)
    row = (await connection.execute(select(installation.c.name, installation.c.salt))).one()
    return row.name, row.salt


async def settle_namespace(store: Store, namespace: str) -> str:
    """The id of the namespace that carries this store's journeys: from the first time on, this one."""
    async with store.writing() as connection:
        await draw(connection)
        unsettled = installation.c.namespace.is_(None)
        await connection.execute(update(installation).where(unsettled).values(namespace=namespace))
        return str((await connection.execute(select(installation.c.namespace))).scalar_one())


async def namespace_of(store: Store) -> str | None:
    """The id of the namespace that carries this store's journeys; None: no worker has been started yet."""
    async with store.reading() as connection:
        return (await connection.execute(select(installation.c.namespace))).scalar_one_or_none()


async def draw(connection: AsyncConnection) -> None:
    """Name and salt, where the store has none yet."""
    drawn = insert_ignoring(connection, installation).values(id=1, name=uuid4().hex, salt=token_hex(16))
    await connection.execute(drawn)


async def refuse_moved(store: Store) -> None:
    """Raises ConfigurationError when the store has moved elsewhere, or has not arrived as a whole."""
    async with store.reading() as connection:
        row = (await connection.execute(select(installation))).one_or_none()
    if row is not None and row.moved_to is not None:
        raise ConfigurationError(
            f"this store has moved to {row.moved_to}; set JOURNEYFLOW_STORE to that one, with its password"
        )
    if row is not None and row.arriving_from is not None:
        raise ConfigurationError(
            f"the move from {row.arriving_from} to this store has not come to its end; "
            "run `journeyflow store move` again from there"
        )
