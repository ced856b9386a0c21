"""One customer as they are now: what is known of them, what they agreed to, and where they are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.merging import known_as
from journeyflow.engine.programme import Programme
from journeyflow.store.customers import aliases, consents, customers
from journeyflow.store.passages import enrollments
from journeyflow.store.segments import rfm, segment_members


@dataclass(frozen=True, slots=True)
class Inside:
    """A journey that the customer is inside."""

    journey: str
    version: str  # the digest
    entered_at: datetime
    step: str | None  # the path of the one where they rest; None: they are about to set out
    wake_at: datetime | None


@dataclass(frozen=True, slots=True)
class Portrait:
    customer: Row[Any]  # of `customers`
    aliases: list[str]
    consents: dict[str, str]  # email or email.<topic> -> granted | denied | pending
    segments: dict[str, datetime]  # since when
    journeys: list[Inside]
    rfm: Row[Any] | None


async def find(connection: AsyncConnection, key: str) -> Row[Any] | None:
    """Number (`id`) and `key` of the customer with this id, or whose this anonymous id is by now."""
    meant = (await known_as(connection, [key])).get(key, key)
    query: Select[Any] = select(customers.c.id, customers.c.key).where(customers.c.key == meant)
    found: Row[Any] | None = (await connection.execute(query)).one_or_none()
    return found


async def portrait(connection: AsyncConnection, programme: Programme, number: int) -> Portrait | None:
    row = (await connection.execute(select(customers).where(customers.c.id == number))).one_or_none()
    if row is None:
        return None
    return Portrait(
        row,
        await _aliases(connection, number),
        await _consents(connection, number),
        await _segments(connection, number),
        await _journeys(connection, programme, number),
        (await connection.execute(select(rfm).where(rfm.c.customer_id == number))).one_or_none(),
    )


async def _aliases(connection: AsyncConnection, number: int) -> list[str]:
    query = select(aliases.c.key).where(aliases.c.customer_id == number).order_by(aliases.c.key)
    return list((await connection.execute(query)).scalars())


async def _consents(connection: AsyncConnection, number: int) -> dict[str, str]:
    query = select(consents).where(consents.c.customer_id == number)
    rows = await connection.execute(query.order_by(consents.c.channel, consents.c.topic))
    return {".".join(filter(None, (row.channel, row.topic))): row.state for row in rows}


async def _segments(connection: AsyncConnection, number: int) -> dict[str, datetime]:
    theirs = (segment_members.c.customer_id == number, segment_members.c.left_at.is_(None))
    query = select(segment_members.c.segment, segment_members.c.joined_at).where(*theirs)
    rows = await connection.execute(query.order_by(segment_members.c.segment))
    return {row.segment: row.joined_at for row in rows}


async def _journeys(connection: AsyncConnection, programme: Programme, number: int) -> list[Inside]:
    theirs = (enrollments.c.customer_id == number, enrollments.c.state == "active")
    rows = (await connection.execute(select(enrollments).where(*theirs).order_by(enrollments.c.id))).all()
    found = []
    for row in rows:
        plan = await programme.plan(connection, row.version_id)
        step = plan.steps[row.step].path if row.step is not None else None
        found.append(Inside(plan.journey, plan.digest, row.entered_at, step, row.wake_at))
    return found
