"""Codes that are given away once each, in pools that a template names."""

from sqlalchemy import Column, Index, Table, Text, UniqueConstraint

from journeyflow.store.types import BigId, UtcDateTime, metadata

coupons = Table(
    "coupons",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("pool", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),  # from then on it is given to nobody
    Column("message_id", BigId, unique=True),  # the one it went out with; None: still free
    Column("customer_id", BigId),  # whose it is; None also once they are erased
    Column("taken_at", UtcDateTime),
    UniqueConstraint("pool", "code"),
)
Index(
    "ix_coupons_free",
    coupons.c.pool,
    coupons.c.id,
    sqlite_where=coupons.c.taken_at.is_(None),
    postgresql_where=coupons.c.taken_at.is_(None),
)
