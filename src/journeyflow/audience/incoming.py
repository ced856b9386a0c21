"""What a call tells, recorded together: customers, events and merges, of many calls in one transaction."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.aliases import Overtaken
from journeyflow.audience.ingest import add_event_rows, addressed, take_customers
from journeyflow.audience.merging import Merge, merge_all
from journeyflow.audience.records import CustomerRow, EventRow
from journeyflow.store.database import Store
from journeyflow.store.events import take_keys

SOURCE = "api"  # in the log of consents


@dataclass(frozen=True, slots=True)
class Told:
    """By one item of a call."""

    customer: CustomerRow | None = None
    key: str | None = None  # of what it tells of the customer, who is not told of again under the same one
    event: EventRow | None = None
    merge: Merge | None = None


async def record_told(store: Store, told: Sequence[Told], now: datetime) -> None:
    """Merges first, one by one, then the rest in one transaction. Recorded again it changes nothing.

    An anonymous id that is known to be a customer's stands for that customer.
    """
    await merge_all(store, (one.merge for one in told if one.merge is not None), now)
    rest = [one for one in told if one.customer is not None or one.event is not None]
    while rest:
        with contextlib.suppress(Overtaken):
            await _record(store, rest, now)
            return


async def _record(store: Store, told: Sequence[Told], now: datetime) -> None:
    happened = [one.event for one in told if one.event is not None]
    async with store.writing() as connection:
        people = await _untold(connection, told, now)
        meant = await addressed(connection, people, happened, now)
        if meant.people:
            await take_customers(connection, meant.people, meant.created, now, SOURCE)
        await add_event_rows(connection, meant.events, meant.ids, now)


async def _untold(connection: AsyncConnection, told: Sequence[Told], now: datetime) -> list[CustomerRow]:
    """What tells of customers, without what has been told before."""
    fresh = await take_keys(connection, {one.key for one in told if one.key is not None}, now)
    people = []
    for one in told:
        if one.customer is not None and (one.key is None or one.key in fresh):
            people.append(one.customer)
            fresh.discard(one.key or "")
    return people
