"""Messages of which nobody knows whether they went out, as channels are asked after them."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.suppression import FIELDS
from journeyflow.delivery.channels.base import Sought
from journeyflow.policy import Policy, Sender
from journeyflow.store.customers import customers
from journeyflow.store.ledger import messages


async def sought(
    connection: AsyncConnection, policy: Policy, channel: str, which: ColumnElement[bool]
) -> list[Sought]:
    """In the order of their numbers, in which rows are locked."""
    query = (
        select(messages.c.id, messages.c.at, messages.c.claimed_at, customers)
        .join_from(messages, customers, customers.c.id == messages.c.customer_id)
        .where(messages.c.channel == channel, which)
        .order_by(messages.c.id)
    )
    sender = policy.senders.get(channel, Sender(""))
    rows = (await connection.execute(query)).mappings()
    address = FIELDS.get(channel)
    return [
        Sought(
            row[messages.c.id],
            (row[customers.c[address]] or "") if address else "",
            sender,
            row[messages.c.claimed_at] or row[messages.c.at],
        )
        for row in rows
    ]
