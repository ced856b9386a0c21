"""Asking for entry into a journey: an event that the router turns into an enrollment."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.ingest import record_events
from journeyflow.audience.records import EventRow
from journeyflow.errors import JourneyflowError
from journeyflow.plan import ENROLL
from journeyflow.store.audit import note
from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.programme import journeys


async def request_entry(
    store: Store,
    journey: str,
    keys: Sequence[str],
    now: datetime,
    request: str,
    actor: str = "journeyflow",
) -> None:
    """All of the customers or none. What `when` and `again` say of each is asked when the router comes to it.

    `request` is unique; the same one again changes nothing. Raises JourneyflowError where the journey takes
    nobody in or a customer is not known.
    """
    async with store.reading() as connection:
        await _refuse_unknown_journey(connection, journey)
        await _refuse_unknown_customers(connection, keys)
    async with store.writing() as connection:  # first: nobody enters by hand without a trace
        await note(connection, now, actor, "enroll", journey, customers=len(set(keys)))
    rows = [
        EventRow(f"{ENROLL}/{request}/{number}", key, ENROLL, now, {"journey": journey})
        for number, key in enumerate(dict.fromkeys(keys))
    ]
    await record_events(store, rows, now)


async def _refuse_unknown_journey(connection: AsyncConnection, journey: str) -> None:
    query = select(journeys.c.name).where(journeys.c.enabled).order_by(journeys.c.name)
    names = list((await connection.execute(query)).scalars())
    if journey not in names:
        there = f"these are: {', '.join(names)}" if names else "apply one first"
        raise JourneyflowError(f'no journey in force is called "{journey}"; {there}')


async def _refuse_unknown_customers(connection: AsyncConnection, keys: Sequence[str]) -> None:
    query = select(customers.c.key).where(customers.c.key.in_(keys))
    known = set((await connection.execute(query)).scalars())
    unknown = [key for key in dict.fromkeys(keys) if key not in known]
    if unknown:
        raise JourneyflowError(f"no customer has the id {', '.join(unknown)}; nobody was enrolled")
