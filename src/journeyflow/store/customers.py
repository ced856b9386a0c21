"""Customers, what they did, and what they agreed to."""

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from journeyflow.store.types import BigId, Json, UtcDateTime, metadata

customers = Table(
    "customers",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # the user's own id for this person
    Column("email", Text),
    Column("phone", Text),
    Column("timezone", Text),  # IANA name; None: the programme's default
    Column("locale", Text),  # BCP 47; None: the programme's default
    Column("country", Text),  # ISO 3166, "SE" or with its part "US-FL"; None: unknown
    Column("attributes", Json, nullable=False),
    Column("told_at", UtcDateTime),  # the time of the newest call that said who this is; see `CustomerRow.at`
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index(None, "timezone"),
    Index(None, "email"),
    Index(None, "phone"),
    sqlite_autoincrement=True,  # a number that was erased never means somebody else
)

aliases = Table(  # anonymous ids that turned out to be a customer's
    "aliases",
    metadata,
    Column("key", Text, primary_key=True),  # as `customers.key` was
    Column("customer_id", BigId, ForeignKey("customers.id"), nullable=False, index=True),
    Column("number", BigId, index=True),  # what `customers.id` was, where there had been such a row
    Column("at", UtcDateTime, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("key", Text, nullable=False),  # the sender's id of this event; see `event_keys`
    Column("customer_id", BigId, ForeignKey("customers.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("properties", Json, nullable=False),
    Column("routed_at", UtcDateTime),  # None: EventRouter has yet to look at it
    Index(None, "customer_id", "name", "at"),
    sqlite_autoincrement=True,  # occasions of enrollments name them
)
Index(
    "ix_events_unrouted",
    events.c.id,
    sqlite_where=events.c.routed_at.is_(None),
    postgresql_where=events.c.routed_at.is_(None),
)

consents = Table(  # what holds now: the topic's own row, without one that of the channel
    "consents",
    metadata,
    Column("customer_id", BigId, ForeignKey("customers.id"), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("topic", Text, primary_key=True),  # "": the channel as a whole
    Column("state", Text, nullable=False),  # granted | denied | pending
    Column("at", UtcDateTime, nullable=False),
)

consent_log = Table(  # every decision, append-only
    "consent_log",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("customer_id", BigId, ForeignKey("customers.id"), nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("source", Text, nullable=False),  # how: import, page, one-click, sms, api, ...
    Column("actor", Text, nullable=False),  # who: customer, or the user's own name for somebody
    Column("wording", Text),  # what the customer agreed to, word by word
    Column("wording_version", Text),
    Column("origin", Text),  # where from: an IP address or a telephone number
)

suppressions = Table(  # addresses that nothing is sent to, whoever has them
    "suppressions",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("hash", Text, primary_key=True),  # see `hashing`: the address itself is nowhere kept
    Column("reason", Text, nullable=False),  # bounced | complained | unknown-number | manual | erased
    Column("at", UtcDateTime, nullable=False),
)

received_sms = Table(  # messages from customers that have been taken in, by the gateway's id
    "received_sms",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)
