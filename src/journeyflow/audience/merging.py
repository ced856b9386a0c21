"""Anonymous ids that turn out to be a customer's: what is held about both becomes the customer's."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Text, and_, cast, delete, literal, or_, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.aliases import Overtaken, known_as
from journeyflow.audience.consent import Basis, Choice, Standing, save, standings
from journeyflow.audience.ingest import current_policy, kept_customers
from journeyflow.audience.records import COLUMNS
from journeyflow.audience.suppression import between_claims
from journeyflow.errors import JourneyflowError
from journeyflow.store.coupons import coupons
from journeyflow.store.customers import aliases, consent_log, consents, customers, events
from journeyflow.store.database import Store, insert_ignoring, locked
from journeyflow.store.experiments import exposures
from journeyflow.store.ledger import cancelled, messages
from journeyflow.store.passages import enrollments
from journeyflow.store.segments import rfm, segment_members, touch, touched

_ATTEMPTS = 5  # then whoever asked for it is told to try again
_PATIENCE = "SET LOCAL lock_timeout = '500ms'"  # as for an erasure: it is never a leg that has to give way
_IN_USE = ("55P03", "40P01", "23505")  # the last: somebody has just told of the customer


@dataclass(frozen=True, slots=True)
class Merge:
    anonymous: str  # the keys of both
    customer: str


async def merge_all(store: Store, wanted: Iterable[Merge], now: datetime) -> None:
    """One by one, in their order; those that are known already cost one look."""
    found = list(dict.fromkeys(wanted))
    if found:
        async with store.reading() as connection:
            known = await known_as(connection, {one.anonymous for one in found})
        for one in found:
            if one.anonymous not in known:
                await merge(store, one, now)


async def merge(store: Store, wanted: Merge, now: datetime) -> None:
    """From now on the anonymous key means the customer. Done again, or for somebody else, it changes nothing.

    Raises JourneyflowError when the store is too busy with them.
    """
    for _ in range(_ATTEMPTS):
        try:
            async with store.writing() as connection:
                await _merge(connection, wanted, now)
                return
        except Overtaken:
            continue
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _IN_USE:
                raise
    raise JourneyflowError("the customer is being worked on all the time; try again")


async def _merge(connection: AsyncConnection, wanted: Merge, now: datetime) -> None:
    """First sees to a row of the anonymous one, so that who tells of it now waits for us, or we for them."""
    known = await known_as(connection, [wanted.anonymous, wanted.customer])
    wanted = replace(wanted, customer=known.get(wanted.customer, wanted.customer))
    if wanted.anonymous in known or wanted.anonymous == wanted.customer:
        return
    if connection.dialect.name != "sqlite":
        await connection.execute(text(_PATIENCE))
        await between_claims(connection)
    await kept_customers(connection, {wanted.anonymous}, now)
    people = await _lock(connection, wanted)
    if wanted.anonymous not in people or await known_as(connection, [wanted.anonymous]):
        raise Overtaken
    nobody, customer = people[wanted.anonymous], people.get(wanted.customer)
    if customer is None:  # with all that points to them
        named = update(customers).where(customers.c.id == nobody.id)
        await connection.execute(named.values(key=wanted.customer, updated_at=now))
        await _remember(connection, wanted.anonymous, nobody.id, None, now)
    else:
        await _join(connection, nobody, customer, now)
        await _remember(connection, wanted.anonymous, customer.id, nobody.id, now)


async def _lock(connection: AsyncConnection, wanted: Merge) -> dict[str, Row[Any]]:
    """In the order that everybody keeps: enrollments, then customers; messages come afterwards."""
    theirs = customers.c.key.in_([wanted.anonymous, wanted.customer])
    query = select(customers).where(theirs).order_by(customers.c.id)
    if connection.dialect.name != "sqlite":
        inside = select(enrollments.c.id).join(customers, customers.c.id == enrollments.c.customer_id)
        await connection.execute(
            locked(connection, inside.where(theirs).order_by(enrollments.c.id), enrollments)
        )
        query = query.with_for_update()
    return {row.key: row for row in await connection.execute(query)}


async def _remember(
    connection: AsyncConnection, key: str, customer: int, number: int | None, now: datetime
) -> None:
    row = {"key": key, "customer_id": customer, "number": number, "at": now}
    await connection.execute(insert_ignoring(connection, aliases).values(row))


async def _join(connection: AsyncConnection, nobody: Row[Any], customer: Row[Any], now: datetime) -> None:
    await _join_consents(connection, nobody.id, customer.id)
    await _join_passages(connection, nobody.id, customer.id, now)
    await _join_exposures(connection, nobody.id, customer.id)
    for table in (events, messages, consent_log, coupons, aliases):
        moved = update(table).where(table.c.customer_id == nobody.id)
        await connection.execute(moved.values(customer_id=customer.id))
    values = {name: customer._mapping[name] or nobody._mapping[name] for name in COLUMNS}
    attributes = {**nobody.attributes, **customer.attributes}
    told_at = max(filter(None, (nobody.told_at, customer.told_at)), default=None)
    filled = update(customers).where(customers.c.id == customer.id)
    filled = filled.values(**values, attributes=attributes, told_at=told_at, updated_at=now)
    await connection.execute(filled)
    await _join_memberships(connection, nobody.id, customer.id)
    for table in (consents, segment_members, rfm, touched):
        await connection.execute(delete(table).where(table.c.customer_id == nobody.id))
    await connection.execute(delete(customers).where(customers.c.id == nobody.id))
    await touch(connection, [customer.id], "everything")


async def _join_memberships(connection: AsyncConnection, nobody: int, customer: int) -> None:
    """Also those that are open, unless the customer has one: the segments will be asked whether they hold."""
    own = select(segment_members.c.segment).where(
        segment_members.c.customer_id == customer, segment_members.c.left_at.is_(None)
    )
    theirs = update(segment_members).where(segment_members.c.customer_id == nobody)
    kept = or_(segment_members.c.left_at.is_not(None), segment_members.c.segment.not_in(own))
    await connection.execute(theirs.where(kept).values(customer_id=customer))


async def _join_consents(connection: AsyncConnection, nobody: int, customer: int) -> None:
    """The customer's own word stands; a denial is taken over unless the customer has said yes since."""
    found = await standings(connection, [nobody, customer])
    theirs, own = found[nobody], found[customer]
    before = Standing(customer, dict(own.rows))  # asked as it was, as a row may speak for several topics
    for (channel, topic), (state, at) in sorted(theirs.rows.items()):
        since = before.granted_at(channel, topic)
        is_denied = state == "denied" and (since is None or at >= since)
        if is_denied or (before.holds(channel, topic) is None and own.withheld_since(channel, topic) is None):
            own.put(Choice(channel, topic, state), Basis("merge", "api"), at)
    if own.changes:
        await save(connection, await current_policy(connection), [own])


async def _join_exposures(connection: AsyncConnection, nobody: int, customer: int) -> None:
    """Who was exposed as both keeps the arm that came first: the other one cannot undo what it has done."""
    other = exposures.alias()
    same = (other.c.experiment == exposures.c.experiment, other.c.generation == exposures.c.generation)
    theirs, own = exposures.c.customer_id == nobody, exposures.c.customer_id == customer
    for late, earlier in (
        (own, and_(other.c.customer_id == nobody, other.c.at < exposures.c.at)),
        (theirs, other.c.customer_id == customer),
    ):
        first = select(other.c.customer_id).where(*same, earlier)
        await connection.execute(delete(exposures).where(late, first.exists()))
    await connection.execute(update(exposures).where(theirs).values(customer_id=customer))


async def _join_passages(connection: AsyncConnection, nobody: int, customer: int, now: datetime) -> None:
    """Where the customer is in the journey already, the other passage ends; its story stays."""
    own = select(enrollments.c.journey).where(
        enrollments.c.customer_id == customer, enrollments.c.state == "active"
    )
    theirs = update(enrollments).where(enrollments.c.customer_id == nobody)
    twice = theirs.where(enrollments.c.state == "active", enrollments.c.journey.in_(own))
    ended = twice.values(state="exited", reason="merged", ended_at=now, wake_at=None)
    gone = list((await connection.execute(ended.returning(enrollments.c.id))).scalars())
    held = update(messages).where(messages.c.enrollment_id.in_(gone), messages.c.state == "held")
    await connection.execute(held.values(**cancelled("exited")))
    mine = enrollments.alias()
    same = select(mine.c.id).where(
        mine.c.customer_id == customer,
        mine.c.journey == enrollments.c.journey,
        mine.c.occasion == enrollments.c.occasion,
    )
    other = cast(enrollments.c.occasion, Text) + literal(f"/merged/{nobody}", Text)
    await connection.execute(theirs.where(same.exists()).values(occasion=other))
    await connection.execute(theirs.values(customer_id=customer))
