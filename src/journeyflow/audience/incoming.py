"""What a call tells, recorded together: customers, events and merges, of many calls in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from journeyflow.audience.ingest import add_event_rows, kept_customers, take_customers
from journeyflow.audience.merging import Merge, known_as, merge_all
from journeyflow.audience.records import CustomerRow, EventRow
from journeyflow.store.database import Store

ANONYMOUS = "anonymous:"  # how the key of a customer begins of whom only a device is known
SOURCE = "api"  # in the log of consents


@dataclass(frozen=True, slots=True)
class Told:
    """By one item of a call."""

    customer: CustomerRow | None = None
    event: EventRow | None = None
    merge: Merge | None = None


async def record_told(store: Store, told: Sequence[Told], now: datetime) -> None:
    """Merges first, one by one, then the rest in one transaction. Recorded again it changes nothing.

    An anonymous id that is known to be a customer's stands for that customer.
    """
    await merge_all(store, (one.merge for one in told if one.merge is not None), now)
    people = [one.customer for one in told if one.customer is not None]
    happened = [one.event for one in told if one.event is not None]
    if people or happened:
        await _record(store, people, happened, now)


async def _record(
    store: Store, people: Sequence[CustomerRow], happened: Sequence[EventRow], now: datetime
) -> None:
    keys = {row.key for row in people} | {row.customer for row in happened}
    async with store.writing() as connection:
        meant = await known_as(connection, [key for key in keys if key.startswith(ANONYMOUS)])
        if meant:
            people = [replace(row, key=meant.get(row.key, row.key)) for row in people]
            happened = [replace(row, customer=meant.get(row.customer, row.customer)) for row in happened]
            keys = {meant.get(key, key) for key in keys}
        ids, created = await kept_customers(connection, keys, now)
        if people:
            await take_customers(connection, people, created, now, SOURCE)
        await add_event_rows(connection, happened, ids, now)
