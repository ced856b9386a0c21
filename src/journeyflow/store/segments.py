"""Segments as they were applied, who is and was in them, and who has to be asked again."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    insert,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.customers import customers
from journeyflow.store.ledger import messages
from journeyflow.store.types import BigId, Json, UtcDateTime, metadata

# What changed: attributes, what was agreed to, what became of a message, the value of the purchases. An event
# is told this way only if it is old, or lies in the future. Everything: somebody is new, or two are now one.
What = Literal["everything", "customer", "consent", "message", "rfm", "event"]

# After this time the rest of what is known is there as well: of somebody new, and of events that are history.
SETTLED = timedelta(minutes=10)

segments = Table(
    "segments",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False),  # of the condition and what it depends on
    Column("condition", Json, nullable=False),
    # On what it depends, see `audience.dependence`.
    Column("on_events", Boolean, nullable=False),
    Column("on_customers", Boolean, nullable=False),
    Column("on_consents", Boolean, nullable=False),
    Column("on_messages", Boolean, nullable=False),
    Column("on_rfm", Boolean, nullable=False),
    Column("on_time", Boolean, nullable=False),
    Column("applied_at", UtcDateTime, nullable=False),
    Column("refreshed_at", UtcDateTime),  # when everybody was last asked; None: not with this condition yet
    Column("took", Integer),  # milliseconds, the last time
)

segment_members = Table(
    "segment_members",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("segment", Text, nullable=False),
    # By this index erasing and merging find what is theirs.
    Column("customer_id", BigId, ForeignKey("customers.id"), nullable=False, index=True),
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

touched = Table(  # customers about whom something changed: the router asks their segments again
    "touched",
    metadata,
    Column("id", BigId, primary_key=True),  # a row for each time, so that none is lost to who just asked
    # No foreign key: whoever writes a row must not wait for who has the customer in hand.
    Column("customer_id", BigId, nullable=False, index=True),
    Column("what", Text, nullable=False),
    Column("due_at", UtcDateTime),  # None: at once
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

_FOLLOWED: dict[What, ColumnElement[bool]] = {
    "everything": true(),
    "customer": segments.c.on_customers,
    "consent": segments.c.on_consents,
    "message": segments.c.on_messages,
    "rfm": segments.c.on_rfm,
    "event": segments.c.on_events,
}


async def touch(
    connection: AsyncConnection, ids: Collection[int], what: What, due_at: datetime | None = None
) -> None:
    """That something about these customers changed. Costs a look when no segment depends on that."""
    if ids:
        await _touch(connection, customers.c.id.in_(sorted(set(ids))), what, due_at)


async def touch_addressees(connection: AsyncConnection, message_ids: Collection[int]) -> None:
    """That something became of these messages."""
    if message_ids:
        theirs = select(messages.c.customer_id).where(messages.c.id.in_(sorted(message_ids)))
        await _touch(connection, customers.c.id.in_(theirs), "message")


async def ask_again(connection: AsyncConnection, depending: ColumnElement[bool]) -> None:
    """About everybody, the segments for which the column is true: some of it has gone because of its age."""
    known = segments.c.refreshed_at.is_not(None)
    await connection.execute(update(segments).where(depending, known).values(refreshed_at=None))


async def _touch(
    connection: AsyncConnection, whose: ColumnElement[bool], what: What, due_at: datetime | None = None
) -> None:
    columns = ["customer_id", "what", "due_at"]
    rows = select(customers.c.id, literal(what, Text), literal(due_at, UtcDateTime()))
    followed = select(segments.c.name).where(_FOLLOWED[what]).exists()
    rows = rows.where(whose, followed).order_by(customers.c.id)
    await connection.execute(insert(touched).from_select(columns, rows))
