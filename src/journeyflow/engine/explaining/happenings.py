"""What customers did, as far as it explains something."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.customers import events


@dataclass(frozen=True, slots=True)
class Happening:
    """An event."""

    id: int
    key: str  # the sender's id of it
    name: str
    at: datetime
    properties: dict[str, Any]


async def happenings(connection: AsyncConnection, ids: Iterable[int | None]) -> dict[int, Happening]:
    """By their number; those that are still there."""
    columns = (events.c.id, events.c.key, events.c.name, events.c.at, events.c.properties)
    rows = await connection.execute(select(*columns).where(events.c.id.in_({id for id in ids if id})))
    return {row.id: Happening(*row) for row in rows}
