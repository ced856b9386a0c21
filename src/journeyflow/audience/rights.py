"""A customer's rights: to have all that is held about them, and to be forgotten."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, delete, func, or_, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.holdings import holdings, trail
from journeyflow.audience.suppression import FIELDS, between_claims, is_suppressed, suppress
from journeyflow.errors import JourneyflowError
from journeyflow.instants import written
from journeyflow.store.audit import note
from journeyflow.store.coupons import coupons
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store, locked
from journeyflow.store.events import forget_keys_of
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments
from journeyflow.store.programme import journey_versions
from journeyflow.store.reports import reports

FORMAT_VERSION = 1  # of an export; see docs/rights.md

_ATTEMPTS = 20
# Shorter than the time after which PostgreSQL looks for a deadlock, so that it is never a leg or a delivery
# that has to give way to us. SQLSTATE 55P03: no lock in time, 40P01: a deadlock.
_PATIENCE = "SET LOCAL lock_timeout = '500ms'"
_IN_USE = ("55P03", "40P01")


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was removed, and what only others can remove."""

    customer: int  # the number that is not given to anybody else
    removed: dict[str, int]  # rows by table
    suppressed: list[str]  # channels on which nothing is sent to their addresses any more
    handed_over: list[int]  # messages that a provider or the outbox folder was given
    under_way: list[int]  # of these: the ones being handed over just then
    sharing: list[str]  # ids of other customers with one of the addresses: they get nothing either


async def export(store: Store, key: str, actor: str, now: datetime) -> dict[str, Any] | None:
    """Everything held about the customer, JSON-safe; None when there is no such customer.

    A section a table, its rows with all their columns. That it was asked for is part of the audit log.
    """
    async with store.writing() as connection:
        customer = await _number(connection, key)
        if customer is None:
            return None
        sections = await _sections(connection, customer)
        (person,) = sections.pop(customers.name)
        await note(connection, now, actor, "export", str(customer))
        return {
            "format": "journeyflow customer",
            "version": FORMAT_VERSION,
            "exported_at": now.isoformat(),
            "customer": person,
            **sections,
            "journey_versions": await _versions(connection, customer),
            "steps": [written(asdict(taken)) for taken in await trail(connection, customer)],
            "coupons": await _coupons(connection, customer),
            "suppressions": await _suppressions(connection, person),
        }


async def erase(store: Store, who: str | int, actor: str, now: datetime) -> Erasure | None:
    """Forget the customer, known by their id or by our own number; None when there is no such customer.

    In one transaction. Where they are inside a journey, later legs and deliveries find nobody there and pass
    over them. Nothing is sent to their addresses from now on. Raises JourneyflowError when the store is too
    busy with them.
    """
    for _ in range(_ATTEMPTS):
        try:
            async with store.writing() as connection:
                return await _erase(connection, who, actor, now)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _IN_USE:
                raise
    raise JourneyflowError("the customer is being worked on all the time; nothing was erased, try again")


async def _number(connection: AsyncConnection, key: str) -> int | None:
    return (await connection.execute(select(customers.c.id).where(customers.c.key == key))).scalar()


async def _sections(connection: AsyncConnection, customer: int) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for table, theirs in reversed((await holdings(connection, customer)).items()):
        rows = await connection.execute(select(table).where(theirs).order_by(*table.primary_key))
        found[table.name] = [written(row._asdict()) for row in rows]
    return found


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


async def _versions(connection: AsyncConnection, customer: int) -> list[dict[str, Any]]:
    """What the numbers of versions in the other sections mean."""
    theirs = select(enrollments.c.version_id).where(enrollments.c.customer_id == customer)
    columns = (journey_versions.c.id, journey_versions.c.journey, journey_versions.c.digest)
    query = select(*columns).where(journey_versions.c.id.in_(theirs)).order_by(journey_versions.c.id)
    return [dict(row._mapping) for row in await connection.execute(query)]


async def _coupons(connection: AsyncConnection, customer: int) -> list[dict[str, Any]]:
    query = select(coupons).where(coupons.c.customer_id == customer).order_by(coupons.c.id)
    return [written(row._asdict()) for row in await connection.execute(query)]


async def _suppressions(connection: AsyncConnection, person: dict[str, Any]) -> list[dict[str, str]]:
    found = []
    for channel, field in FIELDS.items():
        reason = await is_suppressed(connection, channel, person[field]) if person[field] else None
        if reason is not None:
            found.append({"channel": channel, "reason": reason})
    return found


async def _erase(connection: AsyncConnection, who: str | int, actor: str, now: datetime) -> Erasure | None:
    person = await _lock(connection, _is(who))
    if person is None:
        return None
    handed_over, under_way = await _handed_over(connection, person.id)
    sharing = await _sharing(connection, person)
    await forget_keys_of(connection, events.c.customer_id == person.id)
    removed = {}
    for table, theirs in (await holdings(connection, person.id)).items():
        gone = _free(connection, table, theirs)
        removed[table.name] = (await connection.execute(delete(table).where(gone))).rowcount
    of_whom = update(coupons).where(coupons.c.customer_id == person.id)  # they stay taken
    await connection.execute(of_whom.values(customer_id=None, message_id=None))
    suppressed = []
    for channel, field in FIELDS.items():
        if address := person._mapping[field]:
            await suppress(connection, channel, [address], "erased", now)
            suppressed.append(channel)
    await note(connection, now, actor, "erase", str(person.id), removed=removed, suppressed=suppressed)
    return Erasure(person.id, removed, suppressed, handed_over, under_way, sharing)


def _free(connection: AsyncConnection, table: Table, theirs: ColumnElement[bool]) -> ColumnElement[bool]:
    """Who follows reports up at this moment waits for the customer, and then removes what it has in hand."""
    if table is not reports:
        return theirs
    query = select(reports.c.id).where(theirs)
    return reports.c.id.in_(locked(connection, query, of=reports, skip_locked=True))


def _is(who: str | int) -> ColumnElement[bool]:
    return customers.c.id == who if isinstance(who, int) else customers.c.key == who


async def _lock(connection: AsyncConnection, it_is: ColumnElement[bool]) -> Row[Any] | None:
    """Waits for whoever works on the customer, also for those who only add rows that point to them."""
    query = select(customers).where(it_is)
    if connection.dialect.name == "sqlite":
        return (await connection.execute(query)).one_or_none()
    await connection.execute(text(_PATIENCE))
    await between_claims(connection)
    inside = select(enrollments.c.id).join(customers, customers.c.id == enrollments.c.customer_id)
    inside = inside.where(it_is).order_by(enrollments.c.id)
    await connection.execute(locked(connection, inside, of=enrollments))
    return (await connection.execute(query.with_for_update())).one_or_none()


async def _handed_over(connection: AsyncConnection, customer: int) -> tuple[list[int], list[int]]:
    """Waits for those who are claiming one, so that what is said here still holds in the end."""
    query = select(messages.c.id, messages.c.state, messages.c.claimed_at)
    query = query.where(messages.c.customer_id == customer).order_by(messages.c.id)
    rows = (await connection.execute(locked(connection, query, of=messages))).all()
    open_again = ("queued", "outranked", "cancelled")
    given = [row for row in rows if row.claimed_at is not None and row.state not in open_again]
    return [row.id for row in given], [row.id for row in given if row.state == "sending"]


async def _sharing(connection: AsyncConnection, person: Row[Any]) -> list[str]:
    same = [
        func.lower(customers.c[field]) == func.lower(address)
        for field in FIELDS.values()
        if (address := person._mapping[field])
    ]
    if not same:
        return []
    query = select(customers.c.key).where(customers.c.id != person.id, or_(*same)).order_by(customers.c.id)
    return list((await connection.execute(query)).scalars())
