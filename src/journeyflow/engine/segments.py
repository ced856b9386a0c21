"""Segments among journeys: who leaves one exits, who joins one enters, in the transaction that notes it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Text, cast, delete, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.membership import BATCH, Moves, Segment, refresh
from journeyflow.engine.enroll import Entrant, enroll, newcomers
from journeyflow.engine.exits import leave
from journeyflow.engine.pace import Crowd, pace_of
from journeyflow.engine.programme import Programme, Version
from journeyflow.plan import EnterBySegment, Plan
from journeyflow.store.customers import customers
from journeyflow.store.database import locked
from journeyflow.store.passages import enrollments
from journeyflow.store.segments import SETTLED, What, segment_members, touch, touched

# What brings in who joins: the membership, each once.
OCCASION: ColumnElement[str] = literal("segment:") + cast(segment_members.c.id, Text)


@dataclass(frozen=True, slots=True)
class WayIn:
    """A journey that is entered by joining the segment."""

    segment: str
    version: Version

    def members(self) -> list[ColumnElement[bool]]:
        """Rows of `segment_members` of those who are in it."""
        return [segment_members.c.segment == self.segment, segment_members.c.left_at.is_(None)]


@dataclass(frozen=True, slots=True)
class Touch:
    id: int
    customer: int
    what: What


@dataclass(frozen=True, slots=True)
class Heard:
    """An event that the router takes."""

    customer: int
    name: str
    at: datetime


def is_due(now: datetime) -> ColumnElement[bool]:
    """Whether a row of `touched` is to be followed."""
    return or_(touched.c.due_at.is_(None), touched.c.due_at <= now)


async def claim_touched(
    connection: AsyncConnection, now: datetime, partition: int, partitions: int
) -> list[Touch]:
    """The next ones, locked: `forget` them in the transaction that follows them."""
    query = select(touched.c.id, touched.c.customer_id, touched.c.what).where(is_due(now))
    if partitions > 1:
        query = query.where(touched.c.customer_id % partitions == partition)
    query = query.order_by(touched.c.id).limit(BATCH)
    return [Touch(*row) for row in await connection.execute(locked(connection, query, of=touched))]


async def forget(connection: AsyncConnection, touches: Iterable[Touch]) -> None:
    if ids := [one.id for one in touches]:
        await connection.execute(delete(touched).where(touched.c.id.in_(ids)))


async def follow(
    connection: AsyncConnection,
    programme: Programme,
    heard: Iterable[Heard],
    touches: Iterable[Touch],
    now: datetime,
) -> None:
    """Asks the segments that depend on these events and changes again, for exactly these customers.

    Old events are history that is being taken in: they are followed when the rest of it is there.
    """
    segments = await programme.segments(connection)
    if not segments:
        return
    known = frozenset[str]().union(*(segment.on.events for segment in segments))
    heard = [event for event in heard if event.name in known]
    policy = await programme.policy(connection)
    fresh = now - timedelta(seconds=policy.defaults.max_event_age)
    for chosen, ids in _groups(segments, (event for event in heard if event.at > fresh), touches):
        for begin in range(0, len(ids), BATCH):
            moves = await refresh(connection, chosen, ids[begin : begin + BATCH], now)
            await let_go(connection, programme, moves, now)
            await _let_in_joined(connection, programme, moves, now)
    await touch(connection, [one.customer for one in heard if one.at <= fresh], "event", now + SETTLED)
    await _postpone(connection, (event for event in heard if event.at > now))


async def let_go(
    connection: AsyncConnection, programme: Programme, moves: Mapping[str, Moves], now: datetime
) -> None:
    """Passages with the rule to end when their customer leaves one of these segments."""
    lost: dict[int, set[str]] = defaultdict(set)  # segments by customer
    for name, moved in moves.items():
        for one in moved.left:
            lost[one.customer].add(name)
    if not lost:
        return
    columns = (enrollments.c.id, enrollments.c.customer_id, enrollments.c.version_id)
    inside = (enrollments.c.customer_id.in_(list(lost)), enrollments.c.state == "active")
    leaving: dict[str, list[int]] = defaultdict(list)  # by the rule
    for row in (await connection.execute(select(*columns).where(*inside).order_by(*columns[:1]))).all():
        plan = await programme.plan(connection, row.version_id)
        if (rule := _rule(plan, lost[row.customer_id])) is not None:
            leaving[rule].append(row.id)
    for rule, ids in leaving.items():
        await leave(connection, ids, rule, now)


async def let_in(
    connection: AsyncConnection,
    programme: Programme,
    way: WayIn,
    ids: Collection[int],
    now: datetime,
    crowd: Crowd | None = None,
) -> int:
    """Those of the customers who are in the segment and may enter; a membership lets in once.

    They are part of the `crowd`, or by themselves; gives how many came.
    """
    query = (
        select(customers.c.id, OCCASION.label("occasion"))
        .join_from(customers, segment_members, segment_members.c.customer_id == customers.c.id)
        .where(*way.members(), customers.c.id.in_(ids), *newcomers(way.version.plan, OCCASION, now))
        .order_by(customers.c.id)
    )
    entrants = [Entrant(row.id, row.occasion, now) for row in await connection.execute(query)]
    crowd = crowd or Crowd(now, len(entrants))
    pace = pace_of(way.version.plan, crowd.people, crowd.since)
    await enroll(connection, programme, way.version, entrants, now, pace, crowd.before)
    return len(entrants)


async def ways_in(connection: AsyncConnection, programme: Programme) -> list[WayIn]:
    """Into the journeys that take people in, those of the highest priority first."""
    return [
        WayIn(version.plan.enter.segment, version)
        for version in await programme.enabled(connection)
        if isinstance(version.plan.enter, EnterBySegment)
    ]


def _groups(
    segments: Sequence[Segment], heard: Iterable[Heard], touches: Iterable[Touch]
) -> list[tuple[list[Segment], list[int]]]:
    """Segments with the customers to ask all of them about."""
    concerned: dict[int, set[str]] = defaultdict(set)  # segments by customer
    for event in heard:
        concerned[event.customer] |= {one.name for one in segments if event.name in one.on.events}
    for change in touches:
        concerned[change.customer] |= {one.name for one in segments if _depends(one, change.what)}
    together: dict[frozenset[str], list[int]] = defaultdict(list)
    for customer, names in sorted(concerned.items()):
        together[frozenset(names)].append(customer)
    return [([one for one in segments if one.name in names], ids) for names, ids in together.items() if names]


def _depends(segment: Segment, what: What) -> bool:
    match what:
        case "everything":
            return True
        case "customer":
            return segment.on.customers
        case "consent":
            return segment.on.consents
        case "message":
            return segment.on.messages
        case "rfm":
            return segment.on.rfm
        case "event":
            return bool(segment.on.events)


async def _let_in_joined(
    connection: AsyncConnection, programme: Programme, moves: Mapping[str, Moves], now: datetime
) -> None:
    joined = {name: [one.customer for one in moved.joined] for name, moved in moves.items() if moved.joined}
    if joined:
        for way in await ways_in(connection, programme):
            if way.segment in joined:
                await let_in(connection, programme, way, joined[way.segment], now)


def _rule(plan: Plan, lost: Collection[str]) -> str | None:
    """The first that says to leave the journey with one of the segments."""
    return next((rule.path for rule in plan.exits if rule.leaves in lost), None)


async def _postpone(connection: AsyncConnection, ahead: Iterable[Heard]) -> None:
    """What a sender's clock puts into the future happens only then."""
    moments: dict[datetime, list[int]] = defaultdict(list)
    for event in ahead:
        moments[event.at].append(event.customer)
    for at, ids in moments.items():
        await touch(connection, ids, "event", due_at=at)
