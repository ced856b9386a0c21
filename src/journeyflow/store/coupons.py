"""Codes that are given away once each, in pools that a template names."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Column, Index, Table, Text, UniqueConstraint, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.database import insert_ignoring
from journeyflow.store.types import BigId, UtcDateTime, metadata

NEVER = datetime(9000, 1, 1, tzinfo=UTC)  # so that what does not expire is the last in the order

coupons = Table(
    "coupons",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("pool", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),  # from then on it is given to nobody
    Column("message_id", BigId, unique=True),  # the one it went out with
    Column("customer_id", BigId, index=True),  # whose it is; None, as the message, once they are erased
    Column("taken_at", UtcDateTime),  # None: still free
    UniqueConstraint("pool", "code"),
)
Index(
    "ix_coupons_free",
    coupons.c.pool,
    coupons.c.expires_at,
    coupons.c.id,
    sqlite_where=coupons.c.taken_at.is_(None),
    postgresql_where=coupons.c.taken_at.is_(None),
)


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is of one pool."""

    pool: str
    free: int
    taken: int
    expired: int  # without having been taken
    next_expiry: datetime | None  # of a free one


async def add_codes(
    connection: AsyncConnection, pool: str, codes: Collection[str], expires_at: datetime, now: datetime
) -> int:
    """How many of them were new; one that is there already stays as it is, also when it was taken."""
    rows = [
        {"pool": pool, "code": code, "added_at": now, "expires_at": expires_at}
        for code in dict.fromkeys(codes)
    ]
    if not rows:
        return 0
    statement = insert_ignoring(connection, coupons).returning(coupons.c.id)
    return len((await connection.execute(statement, rows)).all())


async def stocks(connection: AsyncConnection, now: datetime) -> list[Stock]:
    """Of each pool that ever had a code, by name."""
    is_open = coupons.c.taken_at.is_(None)
    free = and_(is_open, coupons.c.expires_at > now)
    query = (
        select(
            coupons.c.pool,
            func.count().filter(free).label("free"),
            func.count(coupons.c.taken_at).label("taken"),
            func.count().filter(is_open, coupons.c.expires_at <= now).label("expired"),
            func.min(coupons.c.expires_at).filter(free, coupons.c.expires_at < NEVER).label("next_expiry"),
        )
        .group_by(coupons.c.pool)
        .order_by(coupons.c.pool)
    )
    return [Stock(*row) for row in await connection.execute(query)]
