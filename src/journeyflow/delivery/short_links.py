"""Short links of SMS: their targets are stored in the transaction that claims the messages.

So a text never goes out with a link that leads nowhere; and one that is claimed again has the same links.
"""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.database import upsert
from journeyflow.store.short_links import short_links

Ids = dict[int, dict[int, int]]  # by message, then by the link's number in it


async def keep(connection: AsyncConnection, targets: Mapping[int, Mapping[int, str]]) -> Ids:
    """By message and number; nothing is asked of the store where there are none."""
    rows = [
        {"message_id": message, "number": number, "target": target}
        for message, theirs in sorted(targets.items())
        for number, target in sorted(theirs.items())
    ]
    if not rows:
        return {}
    await connection.execute(upsert(connection, short_links, ["message_id", "number"], ["target"]), rows)
    query = select(short_links.c.id, short_links.c.message_id, short_links.c.number)
    found: Ids = defaultdict(dict)
    for row in await connection.execute(query.where(short_links.c.message_id.in_(sorted(targets)))):
        found[row.message_id][row.number] = row.id
    return found
