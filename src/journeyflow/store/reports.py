"""What providers and our own links tell about messages, stored before anything follows from it."""

from sqlalchemy import Column, Index, Table, Text

from journeyflow.store.types import BigId, Json, UtcDateTime, metadata

reports = Table(
    "reports",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # the same however often it is told
    Column("message_id", BigId, nullable=False),  # of the ledger, if it is still there
    # accepted | delivered | deferred | bounced | failed | opened | clicked | complained | unsubscribed
    Column("kind", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),  # by the clock of whoever tells
    Column("received_at", UtcDateTime, nullable=False),
    Column("provider_id", Text),
    # A code, the number of a link, what the reader is; of addresses only their hashes, see `hashing`.
    Column("detail", Json, nullable=False),
    Column("handled_at", UtcDateTime),  # None: what follows from it is yet to be done
    Index(None, "message_id"),
    Index(None, "received_at"),
    sqlite_autoincrement=True,
)
Index(
    "ix_reports_unhandled",
    reports.c.id,
    sqlite_where=reports.c.handled_at.is_(None),
    postgresql_where=reports.c.handled_at.is_(None),
)
