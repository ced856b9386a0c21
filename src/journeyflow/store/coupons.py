"""Codes that are given away once each, in pools that a template names."""

from datetime import UTC, datetime

from sqlalchemy import Column, Index, Table, Text, UniqueConstraint

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
