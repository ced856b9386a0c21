"""How many customers are in a segment: now, by its condition, and over time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import nsmallest
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, extract, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.conditions import Frame, Range, holds
from journeyflow.conditions import Condition
from journeyflow.store.customers import customers
from journeyflow.store.segments import segment_members, segments

_LAST = 2**63 - 1  # number of a customer that both databases can hold


@dataclass(frozen=True, slots=True)
class Size:
    segment: str
    members: int
    joined: int  # since some time
    left: int
    refreshed_at: datetime | None  # when everybody was last asked; None: not yet
    took: int | None  # milliseconds, then


@dataclass(frozen=True, slots=True)
class Due:
    """What a refresh would find now."""

    members: int
    joining: int
    leaving: int


@dataclass(frozen=True, slots=True)
class Stay:
    joined_at: datetime
    left_at: datetime | None


async def sizes(connection: AsyncConnection, since: datetime, name: str | None = None) -> list[Size]:
    """Of all segments in the order of their names, or of one. Who joined and left since counts as both."""
    theirs = segment_members.c.segment == segments.c.name
    recent = or_(segment_members.c.left_at.is_(None), segment_members.c.left_at > since)
    columns = (segments.c.name, segments.c.refreshed_at, segments.c.took)
    query = (
        select(
            segments.c.name,
            _number(and_(segment_members.c.id.is_not(None), segment_members.c.left_at.is_(None))),
            _number(segment_members.c.joined_at > since),
            _number(segment_members.c.left_at > since),
            *columns[1:],
        )
        .outerjoin_from(segments, segment_members, and_(theirs, recent))
        .group_by(*columns)
        .order_by(segments.c.name)
    )
    if name is not None:
        query = query.where(segments.c.name == name)
    return [Size(*row) for row in await connection.execute(query)]


async def due(connection: AsyncConnection, name: str, condition: Condition, now: datetime) -> Due:
    """Asks the condition about everybody."""
    everybody = Range(0, _LAST)
    inside = holds(condition, Frame(customers, now, range=everybody))
    theirs = segment_members.c.customer_id == customers.c.id
    is_member = select(segment_members.c.id).where(*_open(name), theirs).exists()
    query = select(_number(inside), _number(and_(inside, ~is_member)))
    query = query.select_from(everybody.joined(customers, customers.c.id))
    members, joining = (await connection.execute(query)).one()
    before = select(func.count()).select_from(segment_members).where(*_open(name))
    known = (await connection.execute(before)).scalar_one()
    return Due(members, joining, known - (members - joining))


async def sample(
    connection: AsyncConnection, name: str, number: int, chance: Callable[[], float]
) -> list[str]:
    """The ids of some members, each with the same chance of being among them, in their order."""
    query = select(segment_members.c.customer_id).where(*_open(name)).order_by(segment_members.c.customer_id)
    everyone = (await connection.execute(query)).scalars()
    drawn = nsmallest(number, ((chance(), customer) for customer in everyone))
    keys = select(customers.c.key).where(customers.c.id.in_([customer for _, customer in drawn]))
    return sorted((await connection.execute(keys)).scalars())


async def stays(connection: AsyncConnection, name: str, customer: int) -> list[Stay]:
    """When the customer was in the segment, the oldest first."""
    query = select(segment_members.c.joined_at, segment_members.c.left_at).where(
        segment_members.c.customer_id == customer, segment_members.c.segment == name
    )
    query = query.order_by(segment_members.c.joined_at, segment_members.c.id)
    return [Stay(*row) for row in await connection.execute(query)]


async def history(
    connection: AsyncConnection, name: str, end: datetime, step: timedelta, steps: int
) -> list[tuple[datetime, int]]:
    """How many were in it `steps` times `step` before `end`, and after each step since: one point more."""
    begin = end - step * steps
    joined = await _by_step(connection, name, segment_members.c.joined_at, begin, step)
    left = await _by_step(connection, name, segment_members.c.left_at, begin, step)
    points, size = [], 0
    for number in range(steps + 1):
        size += joined.get(number, 0) - left.get(number, 0)
        points.append((begin + step * number, size))
    return points


async def _by_step(
    connection: AsyncConnection, name: str, at: ColumnElement[Any], begin: datetime, step: timedelta
) -> dict[int, int]:
    """How many times lie before the end of each step and after the one before; 0: at `begin` or earlier."""
    length, first = int(step.total_seconds()), int(begin.timestamp())
    seconds = cast(extract("epoch", at), BigInteger) - first
    number = case((at <= begin, 0), else_=(seconds + length - 1) // length)
    # Who left by then is in none of the sizes.
    counted = or_(segment_members.c.left_at.is_(None), segment_members.c.left_at > begin)
    query = select(number.label("step"), func.count().label("members"))
    query = query.where(segment_members.c.segment == name, at.is_not(None), counted).group_by("step")
    return {row.step: row.members for row in await connection.execute(query)}


def _open(name: str) -> list[ColumnElement[bool]]:
    return [segment_members.c.segment == name, segment_members.c.left_at.is_(None)]


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))
