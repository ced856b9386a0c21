"""Targets of links in SMS, which are too short to hold them."""

from datetime import datetime
from typing import Final

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

TESTS: Final = 10**15  # no ledger comes to such numbers: from here on they are of messages to try a template


def number_of_test(now: datetime) -> int:
    """In the place of a message's number; it says how old the test is."""
    return TESTS + int(now.timestamp() * 1000)
