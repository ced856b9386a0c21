"""The ledger: every message that a journey wanted to send, and what became of it."""

from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, case, literal, text

from journeyflow.conditions import Was
from journeyflow.store.types import BigId, Json, UtcDateTime, metadata

# What a message was, by the states that say so: one that was clicked was opened, delivered and sent as well.
WAS: dict[Was, tuple[str, ...]] = {
    "sent": ("sent", "delivered", "opened", "clicked", "bounced"),
    "delivered": ("delivered", "opened", "clicked"),
    "opened": ("opened", "clicked"),
    "clicked": ("clicked",),
    "bounced": ("bounced",),
    "failed": ("failed",),
}

OPEN = ("queued", "outranked", "sending")  # what a delivery has yet to settle
# The gate's rules that are asked before the holdout, and of them those that hold messages back.
BEFORE_HOLDOUT = ("paused", "no-address", "suppressed", "consent", "quiet-hours", "send-window")
_HOLDING = ("paused", "quiet-hours", "send-window")
HELD_BY = "held_by"  # a key of `detail`

messages = Table(
    "messages",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("enrollment_id", BigId, ForeignKey("enrollments.id"), nullable=False),
    Column("step", Integer, nullable=False),
    Column("leg", Integer, nullable=False),  # of its cohort: the leg that decided on it
    Column("customer_id", BigId, ForeignKey("customers.id"), nullable=False),
    Column("version_id", BigId, ForeignKey("journey_versions.id"), nullable=False),
    Column("journey", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("topic", Text, nullable=False),  # "": none
    Column("priority", Integer, nullable=False),  # of the journey, when the gate decided
    Column("template", Text, nullable=False),
    # held | dropped | queued | outranked | sending | sent | failed | unknown | cancelled; later what
    # providers report: delivered | opened | clicked | bounced. An outranked one gave its place under a cap
    # to a message of higher priority: it is asked again when it is claimed.
    Column("state", Text, nullable=False),
    # Of held, dropped, failed, unknown, cancelled, and queued after a try: a rule's name, a code, a sentence.
    Column("reason", Text),
    Column("detail", Json),  # what the decision rested on; never an address or a value
    Column("at", UtcDateTime, nullable=False),  # when the gate decided
    Column("claimed_at", UtcDateTime),
    Column("claimed_by", UtcDateTime),  # the attempt at delivery that did: when it began
    Column("sent_at", UtcDateTime),  # of an unknown one: when it had left at the latest, if it did
    Column("handed_at", UtcDateTime),  # in sending: just before it was handed over; None: certainly not yet
    Column("provider_id", Text),
    # Of an unknown one: how many of its checks are over (see `delivery.reconcile`).
    Column("checks", Integer, nullable=False, server_default="0"),
    Column("resends", Integer, nullable=False, server_default="0"),  # because it was unknown: at most 1
    UniqueConstraint("enrollment_id", "step"),  # a plan has no loops, so this is the message's key
    Index(None, "customer_id", "at"),
    sqlite_autoincrement=True,  # providers know a message by it
)
Index(
    "ix_messages_open",
    messages.c.state,
    messages.c.id,
    sqlite_where=messages.c.state.in_(OPEN),
    postgresql_where=messages.c.state.in_(OPEN),
)
CHECKS = 3  # so often an unknown message is asked after
IN_DOUBT = text(f"state = 'unknown' AND checks < {CHECKS}")
Index("ix_messages_in_doubt", messages.c.claimed_at, sqlite_where=IN_DOUBT, postgresql_where=IN_DOUBT)
RESENT = text("resends > 0")
Index("ix_messages_resent", messages.c.id, sqlite_where=RESENT, postgresql_where=RESENT)


def cancelled(ended: str) -> dict[str, Any]:
    """The values of a held message whose passage has ended, exited or failed.

    Those who measure what messages bring have to know which ones had not come to the holdout's rule yet.
    """
    held_by = [(messages.c.reason == rule, literal({HELD_BY: rule}, Json)) for rule in _HOLDING]
    return {"state": "cancelled", "reason": ended, "detail": case(*held_by, else_=None)}
