"""Reports: what providers and our own links tell about messages is stored first, and then followed up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.database import insert_ignoring
from journeyflow.store.reports import reports

Kind = Literal[
    "accepted", "delivered", "deferred", "bounced", "failed", "opened", "clicked", "complained", "unsubscribed"
]


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that was told. No address, no text, no URL: only what follows from them."""

    key: str  # the same however often it is told, as "link/<message>/<number>/<second>"
    message: int  # of the ledger; nothing comes of one that is not there
    kind: Kind
    at: datetime  # by the clock of whoever tells; what lies in the future counts as now
    received_at: datetime
    provider_id: str | None = None
    # link: the number of a link. agent: "machine" where the reader named itself so, and why.
    detail: dict[str, Any] = field(default_factory=dict)


async def tell(connection: AsyncConnection, rows: Sequence[Told]) -> int:
    """Stores what has not been told before; gives how many that were."""
    values = {
        row.key: {
            "key": row.key,
            "message_id": row.message,
            "kind": row.kind,
            "at": min(row.at, row.received_at),
            "received_at": row.received_at,
            "provider_id": row.provider_id,
            "detail": row.detail,
        }
        for row in rows
    }
    if not values:
        return 0
    # In one order for everybody, so that two who tell the same cannot wait for each other.
    statement = insert_ignoring(connection, reports).returning(reports.c.id)
    found = await connection.execute(statement, [values[key] for key in sorted(values)])
    return len(found.scalars().all())
