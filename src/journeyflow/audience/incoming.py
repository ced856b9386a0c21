"""What a call tells, recorded together: customers, events and merges, of many calls in one transaction."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.ingest import add_event_rows, kept_customers, take_customers
from journeyflow.audience.merging import Merge, Overtaken, known_as, merge_all
from journeyflow.audience.records import CustomerRow, EventRow
from journeyflow.store.database import Store
from journeyflow.store.events import take_keys

ANONYMOUS = "anonymous:"  # how the key of a customer begins of whom only a device is known
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
        keys = {row.key for row in people} | {row.customer for row in happened}
        meant = await known_as(connection, filter(_is_anonymous, keys))
        if meant:
            people = [replace(row, key=meant.get(row.key, row.key)) for row in people]
            happened = [replace(row, customer=meant.get(row.customer, row.customer)) for row in happened]
            keys = {meant.get(key, key) for key in keys}
        ids, created = await kept_customers(connection, keys, now)
        if await known_as(connection, filter(_is_anonymous, created)):
            raise Overtaken  # they were merged after we had looked
        if people:
            await take_customers(connection, people, created, now, SOURCE)
        await add_event_rows(connection, happened, ids, now)


async def _untold(connection: AsyncConnection, told: Sequence[Told], now: datetime) -> list[CustomerRow]:
    """What tells of customers, without what has been told before."""
    fresh = await take_keys(connection, {one.key for one in told if one.key is not None}, now)
    people = []
    for one in told:
        if one.customer is not None and (one.key is None or one.key in fresh):
            people.append(one.customer)
            fresh.discard(one.key or "")
    return people


def _is_anonymous(key: str) -> bool:
    return key.startswith(ANONYMOUS)
