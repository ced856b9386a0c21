"""Segments as they were applied, who is and was in them, and who has to be asked again."""

from collections.abc import Iterable
from typing import Literal

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.types import BigId, Json, UtcDateTime, metadata

What = Literal["customer", "consent", "message"]  # attributes, what was agreed to, what became of a message

segments = Table(
    "segments",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False),  # of the condition
    Column("condition", Json, nullable=False),
    Column("applied_at", UtcDateTime, nullable=False),
    Column("refreshed_at", UtcDateTime),  # when everybody was last asked; None: not with this condition yet
    Column("took", Integer),  # milliseconds, the last time
)

segment_members = Table(
    "segment_members",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("segment", Text, nullable=False),
    Column("customer_id", BigId, ForeignKey("customers.id"), nullable=False),
    Column("joined_at", UtcDateTime, nullable=False),
    Column("left_at", UtcDateTime),  # None: still in it
)
Index(
    "uq_segment_members_open",
    segment_members.c.segment,
    segment_members.c.customer_id,
    unique=True,
    sqlite_where=segment_members.c.left_at.is_(None),
    postgresql_where=segment_members.c.left_at.is_(None),
)

touched = (
    Table(  # customers about whom something changed that is no event: the router asks their segments again
        "touched",
        metadata,
        Column("id", BigId, primary_key=True),  # a row for each time, so that none is lost to who just asked
        Column("customer_id", BigId, ForeignKey("customers.id"), nullable=False, index=True),
        Column("what", Text, nullable=False),
    )
)

rfm = Table(  # what a customer's purchases amount to, computed every night; without one there is no row
    "rfm",
    metadata,
    Column("customer_id", BigId, ForeignKey("customers.id"), primary_key=True, autoincrement=False),
    Column("recency", Integer, nullable=False),  # quintiles, 5 is the best
    Column("frequency", Integer, nullable=False),
    Column("monetary", Integer, nullable=False),
    Column("class", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)


async def touch(connection: AsyncConnection, customers: Iterable[int], what: What) -> None:
    rows = [{"customer_id": customer, "what": what} for customer in sorted(set(customers))]
    if rows:
        await connection.execute(insert(touched), rows)
