"""Asking for entry into a journey: an event that the router turns into an enrollment."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.aliases import known_as
from journeyflow.audience.ingest import record_events
from journeyflow.audience.records import EventRow
from journeyflow.engine.pausing import UnknownJourney
from journeyflow.errors import JourneyflowError
from journeyflow.plan import ENROLL
from journeyflow.store.audit import note
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.passages import enrollments
from journeyflow.store.programme import journeys

Outcome = Literal["asked", "inside", "unknown"]


class PausedJourney(JourneyflowError):
    """Nobody can enter it before it is resumed."""


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
        await _refuse_closed_journey(connection, journey)
        numbers = await _numbers(connection, keys)
        _refuse_unknown_customers(keys, numbers)
    await _ask(store, journey, numbers, now, request, actor)


async def request_entries(
    store: Store, journey: str, keys: Sequence[str], now: datetime, request: str, actor: str
) -> dict[str, Outcome]:
    """As `request_entry`, but those are asked for that are known and outside; what was done about each.

    Who has been asked for by this request is not asked for again.
    """
    async with store.reading() as connection:
        await _refuse_closed_journey(connection, journey)
        meant = await known_as(connection, keys)
        numbers = await _numbers(connection, [meant.get(key, key) for key in keys])
        asked = await _asked(connection, numbers, request)
        inside = await _inside(connection, journey, numbers) - asked
    new = {key: number for key, number in numbers.items() if number not in asked | inside}
    if new:
        await _ask(store, journey, new, now, request, actor)

    def outcome(key: str) -> Outcome:
        number = numbers.get(meant.get(key, key))
        return "unknown" if number is None else "inside" if number in inside else "asked"

    return {key: outcome(key) for key in keys}


async def _ask(
    store: Store, journey: str, numbers: dict[str, int], now: datetime, request: str, actor: str
) -> None:
    async with store.writing() as connection:  # first: nobody enters by hand without a trace
        await note(connection, now, actor, "enroll", journey, customers=len(numbers))
    rows = [
        EventRow(_event(request, number), key, ENROLL, now, {"journey": journey})
        for key, number in numbers.items()
    ]
    await record_events(store, rows, now)


def _event(request: str, number: int) -> str:
    return f"{ENROLL}/{request}/{number}"


async def _refuse_closed_journey(connection: AsyncConnection, journey: str) -> None:
    query = select(journeys.c.name, journeys.c.paused_at).where(journeys.c.enabled).order_by(journeys.c.name)
    found = {row.name: row.paused_at for row in await connection.execute(query)}
    if journey not in found:
        there = f"these are: {', '.join(found)}" if found else "apply one first"
        raise UnknownJourney(f'no journey in force is called "{journey}"; {there}')
    if found[journey] is not None:
        raise PausedJourney(f'the journey "{journey}" is paused, so nobody enters it; resume it first')


async def _numbers(connection: AsyncConnection, keys: Iterable[str]) -> dict[str, int]:
    """Of the customers that are known, in the order of the keys."""
    wanted = list(dict.fromkeys(keys))
    query = select(customers.c.key, customers.c.id).where(customers.c.key.in_(wanted))
    found = {row.key: row.id for row in await connection.execute(query)}
    return {key: found[key] for key in wanted if key in found}


def _refuse_unknown_customers(keys: Iterable[str], numbers: dict[str, int]) -> None:
    unknown = [key for key in dict.fromkeys(keys) if key not in numbers]
    if unknown:
        raise JourneyflowError(f"no customer has the id {', '.join(unknown)}; nobody was enrolled")


async def _asked(connection: AsyncConnection, numbers: dict[str, int], request: str) -> set[int]:
    theirs = (events.c.customer_id.in_(list(numbers.values())), events.c.name == ENROLL)
    wanted = {_event(request, number) for number in numbers.values()}
    rows = await connection.execute(select(events.c.customer_id, events.c.key).where(*theirs))
    return {row.customer_id for row in rows if row.key in wanted}


async def _inside(connection: AsyncConnection, journey: str, numbers: dict[str, int]) -> set[int]:
    query = select(enrollments.c.customer_id).where(
        enrollments.c.customer_id.in_(list(numbers.values())),
        enrollments.c.journey == journey,
        enrollments.c.state == "active",
    )
    return set((await connection.execute(query)).scalars())
