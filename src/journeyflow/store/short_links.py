"""Targets of links in SMS, which are too short to hold them."""

from sqlalchemy import Column, Integer, Table, Text, UniqueConstraint

from journeyflow.store.types import BigId, metadata

short_links = Table(
    "short_links",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("message_id", BigId, nullable=False),
    Column("number", Integer, nullable=False),  # of the link in its message: see ShortRedirects
    Column("target", Text, nullable=False),
    UniqueConstraint("message_id", "number"),
    sqlite_autoincrement=True,  # a link that is gone never leads elsewhere
)
