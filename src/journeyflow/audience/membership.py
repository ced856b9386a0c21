"""Who is in which segment, with its history: what the conditions say of some customers is written down."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.conditions import Frame, Range, holds
from journeyflow.audience.dependence import Dependence
from journeyflow.conditions import Condition
from journeyflow.store.customers import customers
from journeyflow.store.database import insert_ignoring
from journeyflow.store.segments import segment_members

BATCH = 2_000  # customers of one transaction
_TOGETHER = 20  # segments of one query

_Place = tuple[str, int]  # a segment's name and a customer


@dataclass(frozen=True, slots=True)
class Segment:
    name: str
    digest: str
    condition: Condition
    on: Dependence


@dataclass(frozen=True, slots=True)
class Membership:
    id: int
    customer: int


@dataclass(frozen=True, slots=True)
class Moves:
    """Who joined a segment and who left it."""

    joined: list[Membership] = field(default_factory=list)
    left: list[Membership] = field(default_factory=list)


async def refresh(
    connection: AsyncConnection, segments: Sequence[Segment], ids: Collection[int], now: datetime
) -> dict[str, Moves]:
    """Asks the segments again about these customers, BATCH at most, whom this transaction has locked.

    Gives the segments where anything changed. Doing it again changes nothing.
    """
    before = await _memberships(connection, segments, ids)
    joined: list[_Place] = []
    left: list[_Place] = []
    for begin in range(0, len(segments), _TOGETHER):
        chosen = segments[begin : begin + _TOGETHER]
        for customer, *inside in await connection.execute(_asked(chosen, ids, now)):
            for segment, is_inside in zip(chosen, inside, strict=True):
                place = (segment.name, customer)
                if bool(is_inside) != (place in before):
                    (joined if is_inside else left).append(place)
    await _close(connection, [before[place] for place in left], now)
    opened = await _open(connection, joined, now)
    closed = [(name, Membership(before[name, customer], customer)) for name, customer in left]
    return _by_segment(opened, closed)


def differences(segment: Segment, low: int, high: int, now: datetime) -> Select[tuple[int]]:
    """Customers above the number `low`, up to `high`, about whom condition and membership do not agree."""
    theirs = segment_members.c.customer_id == customers.c.id
    is_member = select(segment_members.c.id).where(*_open_in([segment]), theirs).exists()
    everybody = Range(low, high)
    inside = holds(segment.condition, Frame(customers, now, range=everybody))
    disagree = inside.is_distinct_from(is_member)
    return (
        select(customers.c.id)
        .select_from(everybody.joined(customers, customers.c.id))
        .where(customers.c.id > low, customers.c.id <= high, disagree)
        .order_by(customers.c.id)
    )


def _holds(segment: Segment, now: datetime) -> ColumnElement[bool]:
    return holds(segment.condition, Frame(customer=customers, now=now))


def _open_in(segments: Iterable[Segment]) -> list[ColumnElement[bool]]:
    names = [segment.name for segment in segments]
    return [segment_members.c.segment.in_(names), segment_members.c.left_at.is_(None)]


async def _memberships(
    connection: AsyncConnection, segments: Sequence[Segment], ids: Collection[int]
) -> dict[_Place, int]:
    """The numbers of those that are open."""
    columns = (segment_members.c.segment, segment_members.c.customer_id, segment_members.c.id)
    query = select(*columns).where(*_open_in(segments), segment_members.c.customer_id.in_(ids))
    return {(name, customer): id for name, customer, id in await connection.execute(query)}


def _asked(segments: Sequence[Segment], ids: Collection[int], now: datetime) -> Select[Any]:
    """Each customer with whether each of the segments holds."""
    columns = [_holds(segment, now).label(f"inside_{n}") for n, segment in enumerate(segments)]
    return select(customers.c.id, *columns).where(customers.c.id.in_(ids)).order_by(customers.c.id)


async def _close(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> None:
    for begin in range(0, len(ids), BATCH):
        chosen = segment_members.c.id.in_(ids[begin : begin + BATCH])
        await connection.execute(update(segment_members).where(chosen).values(left_at=now))


async def _open(
    connection: AsyncConnection, places: Sequence[_Place], now: datetime
) -> list[tuple[str, Membership]]:
    rows = [{"segment": name, "customer_id": customer, "joined_at": now} for name, customer in places]
    if not rows:
        return []
    columns = (segment_members.c.segment, segment_members.c.id, segment_members.c.customer_id)
    statement = insert_ignoring(connection, segment_members).returning(*columns)
    opened = await connection.execute(statement, rows)
    return [(row.segment, Membership(row.id, row.customer_id)) for row in opened]


def _by_segment(
    joined: Iterable[tuple[str, Membership]], left: Iterable[tuple[str, Membership]]
) -> dict[str, Moves]:
    moves: dict[str, Moves] = defaultdict(Moves)
    for name, membership in joined:
        moves[name].joined.append(membership)
    for name, membership in left:
        moves[name].left.append(membership)
    return dict(moves)
