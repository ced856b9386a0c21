"""Routing: what each new event means for journeys. One transaction a turn; Temporal is told afterwards.

Within a turn a customer's events are taken one after the other, in rounds: the exit by one event comes
before the entry by the next, and an event can wake the enrollment that the one before it began.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.conditions import Frame, holds, matches
from journeyflow.conditions import EventMatch, Test
from journeyflow.engine.enroll import Entrant, enroll, may_enter
from journeyflow.engine.exits import leave
from journeyflow.engine.locks import lock_customers, lock_enrollments_of
from journeyflow.engine.programme import Programme, Version
from journeyflow.engine.segments import Heard, claim_touched, follow, forget
from journeyflow.members import place_of
from journeyflow.plan import ENROLL, EnterByEvent, Goal, Plan
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store, locked
from journeyflow.store.lists import among
from journeyflow.store.passages import enrollments, wakeups

_CLAIM = 2_000  # events a turn
_ROUNDS = 50  # events of one customer a turn; the rest waits for the next turn


@dataclass(frozen=True, slots=True)
class _Event:
    id: int
    customer: int
    name: str
    at: datetime


async def route(
    store: Store, programme: Programme, now: datetime, partition: int = 0, partitions: int = 1
) -> int:
    """Routes a turn's worth of events, and of other changes that segments follow; gives how many."""
    async with store.writing() as connection:
        claimed = await _claim(connection, partition, partitions)
        touches = await claim_touched(connection, now, partition, partitions)
        if not claimed and not touches:
            return 0
        concerned = {event.customer for event in claimed} | {one.customer for one in touches}
        await lock_enrollments_of(connection, concerned)
        await lock_customers(connection, concerned)
        router = _Turn(connection, programme, await programme.enabled(connection), now)
        rounds = _rounds(claimed)
        for batch in rounds:
            await router.take(batch)
        routed = [event for batch in rounds for event in batch]
        heard = [Heard(event.customer, event.name, event.at) for event in routed]
        await follow(connection, programme, heard, touches, now)
        await _mark_routed(connection, routed, now)
        await forget(connection, touches)
        return len(routed) + len(touches)


async def _claim(connection: AsyncConnection, partition: int, partitions: int) -> list[_Event]:
    query = (
        select(events.c.id, events.c.customer_id, events.c.name, events.c.at)
        .where(events.c.routed_at.is_(None))
        .order_by(events.c.id)
        .limit(_CLAIM)
    )
    if partitions > 1:
        query = query.where(events.c.customer_id % partitions == partition)
    rows = await connection.execute(locked(connection, query, of=events))
    return [_Event(row.id, row.customer_id, row.name, row.at) for row in rows]


def _rounds(claimed: list[_Event]) -> list[list[_Event]]:
    """The n-th list holds the n-th event of each customer."""
    rounds: list[list[_Event]] = []
    seen: dict[int, int] = defaultdict(int)
    for event in claimed:
        number = seen[event.customer]
        seen[event.customer] += 1
        if number == len(rounds) < _ROUNDS:
            rounds.append([])
        if number < len(rounds):
            rounds[number].append(event)
    return rounds


async def _mark_routed(connection: AsyncConnection, routed: list[_Event], now: datetime) -> None:
    if routed:
        await connection.execute(update(events).where(*_are(connection, routed)).values(routed_at=now))


@dataclass(slots=True)
class _Turn:
    connection: AsyncConnection
    programme: Programme
    enabled: list[Version]
    now: datetime

    async def take(self, batch: list[_Event]) -> None:
        """A round: at most one event of each customer. Those inside first, then those who come in."""
        for version in await self._versions_inside(batch):
            plan = await self.programme.plan(self.connection, version)
            await self._wake(version, plan, batch)
            await self._exit(version, plan, batch)
            if plan.goal is not None:
                await self._reach_goal(version, plan.goal, batch)
        for entered in self.enabled:
            await self._enter(entered, batch)

    async def _versions_inside(self, batch: list[_Event]) -> list[int]:
        """Every version that has, or had, customers of this round inside: a goal may come after the end."""
        theirs = among(self.connection, enrollments.c.customer_id, [event.customer for event in batch])
        query = select(enrollments.c.version_id).where(theirs).distinct().order_by(enrollments.c.version_id)
        return list((await self.connection.execute(query)).scalars())

    async def _enter(self, version: Version, batch: list[_Event]) -> None:
        plan = version.plan
        policy = await self.programme.policy(self.connection)
        ways = _ways_in(
            self.connection, plan, batch, self.now - timedelta(seconds=policy.defaults.max_event_age)
        )
        if not ways:
            return
        frame = Frame(customer=customers, now=self.now, trigger=events, since=None)
        query = (
            select(events.c.id, events.c.customer_id, events.c.at)
            .join_from(events, customers, events.c.customer_id == customers.c.id)
            .where(or_(*ways), holds(plan.when, frame), may_enter(plan, self.now))
            .order_by(events.c.id)
        )
        rows = await self.connection.execute(query)
        # A sender's clock may be ahead: nobody has entered later than now.
        entrants = [
            Entrant(row.customer_id, f"event:{row.id}", min(row.at, self.now), row.id) for row in rows
        ]
        await enroll(self.connection, self.programme, version, entrants, self.now)

    async def _exit(self, version: int, plan: Plan, batch: list[_Event]) -> None:
        for rule in plan.exits:
            named = [e for e in batch if rule.event is not None and e.name == rule.event.event]
            if rule.event is None or not named:
                continue
            leaving = (
                select(enrollments.c.id)
                .join_from(enrollments, events, enrollments.c.customer_id == events.c.customer_id)
                .where(*_inside(version), *_after_entry(self.connection, named), matches(rule.event, events))
            )
            ids = list((await self.connection.execute(leaving)).scalars())
            await leave(self.connection, ids, rule.path, self.now)

    async def _reach_goal(self, version: int, goal: Goal, batch: list[_Event]) -> None:
        named = [e for e in batch if e.name == goal.match.event]
        if not named:
            return
        value = events.c.properties[goal.value] if goal.value else None
        columns = [enrollments.c.id, enrollments.c.since, events.c.at]
        query = (
            select(*columns, *([value.label("value")] if value is not None else []))
            .join_from(enrollments, events, enrollments.c.customer_id == events.c.customer_id)
            .where(
                enrollments.c.version_id == version,
                enrollments.c.goal_at.is_(None),
                *_after_entry(self.connection, named),
                matches(goal.match, events),
            )
        )
        for row in (await self.connection.execute(query)).all():
            if goal.within is not None and row.at > row.since + timedelta(seconds=goal.within):
                continue
            worth = row.value if value is not None and isinstance(row.value, int | float) else None
            reached = update(enrollments).where(enrollments.c.id == row.id)
            await self.connection.execute(reached.values(goal_at=row.at, goal_value=worth))

    async def _wake(self, version: int, plan: Plan, batch: list[_Event]) -> None:
        for number, step in plan.wait_fors.items():
            for match in step.events:
                named = [e for e in batch if e.name == match.event]
                if not named:
                    continue
                query = (
                    select(enrollments.c.id, events.c.id.label("event_id"), events.c.at)
                    .join_from(enrollments, events, enrollments.c.customer_id == events.c.customer_id)
                    .where(
                        *_inside(version),
                        *_after_entry(self.connection, named),
                        _may_wait(plan),
                        matches(match, events),
                    )
                    .order_by(events.c.id)
                )
                rows = [
                    dict(zip(("cohort_id", "member"), place_of(row.id), strict=True))
                    | {"step": number, "event_id": row.event_id, "event_at": row.at}
                    for row in await self.connection.execute(query)
                ]
                if rows:
                    await self.connection.execute(insert(wakeups), rows)


def _ways_in(
    connection: AsyncConnection, plan: Plan, batch: list[_Event], fresh: datetime
) -> list[ColumnElement[bool]]:
    """What a row of `events` has to be to bring its customer in: asked for, however old, or what enters."""
    asked_for = EventMatch(ENROLL, (Test("journey", "is", plan.journey),))
    ways = [(asked_for, [e for e in batch if e.name == ENROLL])]
    if isinstance(plan.enter, EnterByEvent):
        match = plan.enter.match
        ways.append((match, [e for e in batch if e.name == match.event and e.at > fresh]))
    return [and_(*_are(connection, named), matches(match, events)) for match, named in ways if named]


def _inside(version: int) -> list[ColumnElement[bool]]:
    return [enrollments.c.version_id == version, enrollments.c.state == "active"]


def _after_entry(connection: AsyncConnection, named: list[_Event]) -> list[ColumnElement[bool]]:
    """The events meant, as far as they came after the one that brought the customer in."""
    came_in_by = func.coalesce(enrollments.c.event_id, 0)
    at_once = and_(events.c.at == enrollments.c.since, events.c.id > came_in_by)
    return [*_are(connection, named), or_(events.c.at > enrollments.c.since, at_once)]


def _are(connection: AsyncConnection, named: list[_Event]) -> list[ColumnElement[bool]]:
    """Their times as well, so that PostgreSQL looks only into the months in which they lie."""
    times = [event.at for event in named]
    ids = among(connection, events.c.id, [event.id for event in named])
    return [ids, events.c.at.between(min(times), max(times))]


def _may_wait(plan: Plan) -> ColumnElement[bool]:
    """Whether the event can find the member at a wait_for: it is at one, or may be on its way there.

    A member that rests elsewhere, or before the start, until after the event's own time cannot: it gets there
    too late.
    """
    waiting = enrollments.c.step.in_(list(plan.wait_fors))
    return or_(enrollments.c.wake_at.is_(None), waiting, enrollments.c.wake_at <= events.c.at)
