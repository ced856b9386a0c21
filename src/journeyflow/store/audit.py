"""The audit log: who did what to the programme and to customers' data. Append-only; it names no customer."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, Text, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.types import BigId, Json, UtcDateTime, metadata

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("actor", Text, nullable=False),  # a user of this machine, or the name of a key
    Column("action", Text, nullable=False),  # apply | erase | export | suppress | purge | ...
    Column("subject", Text),  # a journey, or our own number of a customer: never anything personal
    Column("detail", Json, nullable=False),
)


async def note(
    connection: AsyncConnection, now: datetime, actor: str, action: str, subject: str | None, **detail: Any
) -> None:
    row = {"at": now, "actor": actor, "action": action, "subject": subject, "detail": detail}
    await connection.execute(insert(audit_log), row)
