"""Why each of a customer's messages was sent, or was not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.permission import NO_CONSENT
from journeyflow.audience.records import CHANNELS
from journeyflow.store.customers import consent_log, customers, suppressions
from journeyflow.store.hashing import address_hash
from journeyflow.store.ledger import messages

_LATE = ("cancelled",)  # decided after the gate's first answer, at a time that is not kept


@dataclass(frozen=True, slots=True)
class Other:
    """Another message, which took the room or was more important."""

    id: int
    journey: str
    channel: str
    template: str
    priority: int
    state: str
    at: datetime  # when it left; while it has not, when the gate let it through


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision of the customer about consent."""

    channel: str
    topic: str
    state: str
    at: datetime
    source: str
    actor: str


@dataclass(frozen=True, slots=True)
class Suppressed:
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Fate:
    """A message, and what decided about it."""

    id: int
    enrollment: int
    step: int
    journey: str
    channel: str
    template: str
    category: str
    topic: str
    priority: int
    state: str
    reason: str | None
    detail: dict[str, Any]
    at: datetime  # of the gate's last answer; of a held message, of its first
    claimed_at: datetime | None
    sent_at: datetime | None
    provider_id: str | None
    filled_by: list[Other]  # what stood in the window of the cap
    outranked_by: Other | None
    consent: Decided | None  # what the refusal rests on; None also where nothing was ever decided
    suppressed: Suppressed | None  # the address, as it is on the list now


async def fates(connection: AsyncConnection, customer: int) -> list[Fate]:
    """All of the customer's messages, in order."""
    query = select(messages).where(messages.c.customer_id == customer).order_by(messages.c.id)
    rows = (await connection.execute(query)).all()
    decisions = await _decisions(connection, customer)
    suppressed = await _suppressed(connection, customer)
    return [_fate(row, rows, decisions, suppressed) for row in rows]


async def _decisions(connection: AsyncConnection, customer: int) -> Sequence[Row[Any]]:
    """The newest first."""
    query = select(consent_log).where(consent_log.c.customer_id == customer)
    return (await connection.execute(query.order_by(consent_log.c.id.desc()))).all()


async def _suppressed(connection: AsyncConnection, customer: int) -> dict[str, Suppressed]:
    """By channel."""
    found = {}
    for channel in CHANNELS:
        address = customers.c.email if channel == "email" else customers.c.phone
        listed = (suppressions.c.channel == channel) & (
            suppressions.c.hash == address_hash(suppressions.c.channel, address)
        )
        query = select(suppressions.c.reason, suppressions.c.at).join_from(customers, suppressions, listed)
        row = (await connection.execute(query.where(customers.c.id == customer))).one_or_none()
        if row is not None:
            found[channel] = Suppressed(row.reason, row.at)
    return found


def _fate(
    row: Row[Any],
    rows: Sequence[Row[Any]],
    decisions: Sequence[Row[Any]],
    suppressed: dict[str, Suppressed],
) -> Fate:
    detail = row.detail or {}
    filling = set(detail.get("messages", ()))
    rival = tuple(detail.get("outranked_by", ()))
    return Fate(
        row.id,
        row.enrollment_id,
        row.step,
        row.journey,
        row.channel,
        row.template,
        row.category,
        row.topic,
        row.priority,
        row.state,
        row.reason,
        detail,
        row.at,
        row.claimed_at,
        row.sent_at,
        row.provider_id,
        [_other(one) for one in rows if one.id in filling],
        next((_other(one) for one in rows if (one.enrollment_id, one.step) == rival), None),
        _refusal(row, decisions) if row.reason == "consent" else None,
        suppressed.get(row.channel) if row.reason == "suppressed" else None,
    )


def _other(row: Row[Any]) -> Other:
    left = row.sent_at or row.at
    return Other(row.id, row.journey, row.channel, row.template, row.priority, row.state, left)


def _refusal(row: Row[Any], decisions: Sequence[Row[Any]]) -> Decided | None:
    """The decision that held when the message was refused: on its topic, else on its channel."""
    state = "denied" if row.state in _LATE else (row.detail or {}).get("consent", NO_CONSENT)
    for topic in dict.fromkeys((row.topic, "")):
        for one in decisions:
            in_time = row.state in _LATE or one.at <= row.at
            if in_time and (one.channel, one.topic, one.state) == (row.channel, topic, state):
                return Decided(one.channel, one.topic, one.state, one.at, one.source, one.actor)
    return None
