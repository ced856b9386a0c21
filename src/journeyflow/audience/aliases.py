"""Anonymous ids, and whose they are by now."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.customers import aliases, customers
from journeyflow.store.lists import among

ANONYMOUS = "anonymous:"  # how the key of a customer begins of whom only a device is known


class Overtaken(Exception):
    """Somebody else has just merged the anonymous one: what was done on top of that is to be done again."""


async def known_as(connection: AsyncConnection, keys: Iterable[str]) -> dict[str, str]:
    """The keys of customers to whom the anonymous ones among these belong by now."""
    found = [key for key in keys if key.startswith(ANONYMOUS)]
    if not found:
        return {}
    query = select(aliases.c.key.label("alias"), customers.c.key)
    query = query.join(customers, customers.c.id == aliases.c.customer_id)
    rows = await connection.execute(query.where(among(connection, aliases.c.key, found)))
    return {row.alias: row.key for row in rows}
