"""Messages of which nobody knows whether they went out, as channels are asked after them."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.suppression import FIELDS
from journeyflow.delivery.channels.base import Sought
from journeyflow.policy import Policy, Sender
from journeyflow.store.customers import customers
from journeyflow.store.ledger import messages

_ABOUT_THEN = timedelta(hours=10)  # no provider that can be asked keeps a message for longer before it leaves
_IN_DOUBT = ("sending", "unknown")


async def sought(
    connection: AsyncConnection, policy: Policy, channel: str, which: ColumnElement[bool]
) -> list[Sought]:
    """In the order of their numbers, in which rows are locked."""
    columns = (messages.c.id, messages.c.at, messages.c.claimed_at, messages.c.handed_at)
    query = (
        select(*columns, customers.c.email, customers.c.phone, customers.c.updated_at)
        .join_from(messages, customers, customers.c.id == messages.c.customer_id)
        .where(messages.c.channel == channel, which)
        .order_by(messages.c.id)
    )
    sender, field = policy.senders.get(channel, Sender("")), FIELDS.get(channel)
    found = []
    for row in (await connection.execute(query)).all():
        then = row.handed_at or row.claimed_at or row.at
        to = (getattr(row, field) or "") if field else ""
        found.append(Sought(row.id, to, sender, then, moved=row.updated_at >= then))
    return await _beside_others(connection, channel, found, customers.c[field]) if field else found


@dataclass(frozen=True, slots=True)
class _Other:
    id: int
    claimed_at: datetime
    state: str
    provider_id: str | None


async def _beside_others(
    connection: AsyncConnection, channel: str, found: list[Sought], address: Column[str]
) -> list[Sought]:
    """With what is known of other messages to the same addresses from about then."""
    others = await _others(connection, channel, found, address)
    return [_beside(one, others[one.to]) for one in found]


async def _others(
    connection: AsyncConnection, channel: str, found: Collection[Sought], address: Column[str]
) -> dict[str, list[_Other]]:
    by_address: dict[str, list[_Other]] = defaultdict(list)
    if not found:
        return by_address
    times = [one.claimed_at for one in found]
    query = (
        select(
            address.label("to"),
            messages.c.id,
            messages.c.claimed_at,
            messages.c.state,
            messages.c.provider_id,
        )
        .join_from(messages, customers, customers.c.id == messages.c.customer_id)
        .where(address.in_({one.to for one in found if one.to}), messages.c.channel == channel)
        .where(messages.c.claimed_at.between(min(times) - _ABOUT_THEN, max(times) + _ABOUT_THEN))
    )
    for to, *other in await connection.execute(query):
        by_address[to].append(_Other(*other))
    return by_address


def _beside(one: Sought, others: Iterable[_Other]) -> Sought:
    near = [
        other
        for other in others
        if other.id != one.message_id and abs(other.claimed_at - one.claimed_at) <= _ABOUT_THEN
    ]
    taken = frozenset(other.provider_id for other in near if other.provider_id is not None)
    doubled = any(other.state in _IN_DOUBT and other.provider_id is None for other in near)
    return replace(one, taken=taken, doubled=doubled)
