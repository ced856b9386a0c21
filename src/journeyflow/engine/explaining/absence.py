"""Why a customer is not in a journey: what of its entry does not hold.

What the rules of entry saw is not kept, so `when` is asked of the customer as they are now.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.conditions import COLUMNS, matches
from journeyflow.conditions import Condition, EventMatch, Test
from journeyflow.engine.explaining.happenings import Happening
from journeyflow.engine.explaining.parts import Part, parts_of
from journeyflow.engine.programme import Programme
from journeyflow.errors import JourneyflowError
from journeyflow.plan import ENROLL, EnterByDate, EnterByEvent, EnterBySegment, Plan
from journeyflow.policy import Policy
from journeyflow.store.customers import customers, events
from journeyflow.store.passages import enrollments
from journeyflow.store.programme import journey_versions, journeys

Why = Literal[
    "disabled",  # the journey takes nobody in
    "paused",  # the journey is paused, since when
    "never-did",  # none of the events that bring customers in
    "where",  # such an event came, and its properties do not match
    "not-routed",  # the event has yet to be looked at
    "not-in-force",  # the event came before the journey was applied
    "too-old",  # the event was older than the policy allows when it was looked at
    "entered",  # the event did bring the customer in, and none came since
    "inside",  # the customer was inside already
    "again",  # the customer was in it, and `again` does not let them in (yet)
    "when",  # some part does not hold now
    "segment",  # the customer is not in the segment now
    "date",  # what the attribute with the date holds
    "asked-for",  # nobody asked for it
]


@dataclass(frozen=True, slots=True)
class Cause:
    why: Why
    event: Happening | None = None
    # Of entered, inside and again: when that passage began; of paused and not-in-force: since when the
    # journey is; of too-old: when the event was looked at.
    at: datetime | None = None
    parts: list[Part] = field(default_factory=list)
    value: Any = None  # of date


@dataclass(frozen=True, slots=True)
class Absence:
    """No cause: whatever kept the customer out does not hold any more."""

    journey: str
    plan: Plan
    causes: list[Cause]


async def absence(
    connection: AsyncConnection, programme: Programme, customer: int, journey: str, now: datetime
) -> Absence | None:
    """None for somebody who is inside now. Raises JourneyflowError where there is no such journey."""
    found = await _find(connection, journey)
    plan = await programme.plan(connection, found.version_id)
    query = select(enrollments).where(
        enrollments.c.customer_id == customer, enrollments.c.journey == plan.journey
    )
    passages = (await connection.execute(query.order_by(enrollments.c.entered_at))).all()
    if passages and passages[-1].state == "active":
        return None
    asked = _Asked(connection, customer, plan, list(passages), await programme.policy(connection), now)
    causes = [] if found.enabled else [Cause("disabled")]
    causes += [Cause("paused", at=found.paused_at)] if found.paused_at else []
    causes += await _by_event(asked) if _is_by_event(plan) else await _by_sweep(asked)
    return Absence(journey, plan, causes)


@dataclass(frozen=True, slots=True)
class _Asked:
    connection: AsyncConnection
    customer: int
    plan: Plan
    passages: list[Row[Any]]  # through any version of the journey, the newest last
    policy: Policy
    now: datetime


def _is_by_event(plan: Plan) -> bool:
    return plan.enter.kind in ("event", "manual")


async def _find(connection: AsyncConnection, journey: str) -> Row[Any]:
    rows = {row.name: row for row in await connection.execute(select(journeys).order_by(journeys.c.name))}
    if journey not in rows:
        names = f"applied are: {', '.join(rows)}" if rows else "none has been applied yet"
        raise JourneyflowError(f'no journey is called "{journey}"; {names}')
    return rows[journey]


async def _by_event(asked: _Asked) -> list[Cause]:
    newest = await _newest_event(asked)
    if newest is None:
        return [Cause("never-did" if isinstance(asked.plan.enter, EnterByEvent) else "asked-for")]
    event = Happening(newest.id, newest.key, newest.name, newest.at, newest.properties)
    if not newest.matches:
        return [Cause("where", event)]
    if newest.routed_at is None:
        return [Cause("not-routed", event)]
    entered = next((row for row in asked.passages if row.event_id == event.id), None)
    if entered is not None:
        return [Cause("entered", event, entered.entered_at)]
    causes = [await _in_force(asked, event, newest.routed_at), _too_old(asked, event, newest.routed_at)]
    causes += [_again(asked, event, newest.routed_at), await _when(asked)]
    return [cause for cause in causes if cause is not None]


async def _newest_event(asked: _Asked) -> Row[Any] | None:
    """Of those that could bring the customer in: one that matches, before one that has only the name."""
    entry = asked.plan.enter
    ways = [matches(EventMatch(ENROLL, (Test("journey", "is", asked.plan.journey),)), events)]
    named = []
    if isinstance(entry, EnterByEvent):
        ways.append(matches(entry.match, events))
        named.append(events.c.name == entry.match.event)
    matching = or_(*ways)
    query = (
        select(events, matching.label("matches"))
        .where(events.c.customer_id == asked.customer, or_(matching, *named))
        .order_by(matching.desc(), events.c.id.desc())
        .limit(1)
    )
    return (await asked.connection.execute(query)).one_or_none()


async def _in_force(asked: _Asked, event: Happening, routed_at: datetime) -> Cause | None:
    query = select(func.min(journey_versions.c.applied_at)).where(
        journey_versions.c.journey == asked.plan.journey
    )
    applied = (await asked.connection.execute(query)).scalar_one()
    return Cause("not-in-force", event, applied) if routed_at < applied else None


def _too_old(asked: _Asked, event: Happening, routed_at: datetime) -> Cause | None:
    oldest = routed_at - timedelta(seconds=asked.policy.defaults.max_event_age)
    return Cause("too-old", event, routed_at) if event.name != ENROLL and event.at <= oldest else None


def _again(asked: _Asked, event: Happening | None, moment: datetime) -> Cause | None:
    """What the rule `again` said at that moment."""
    before = [row for row in asked.passages if row.entered_at <= moment]
    if not before:
        return None
    last, again = before[-1], asked.plan.again
    if again is None:
        return Cause("again", event, last.entered_at)
    if last.ended_at is None or last.ended_at > moment:
        return Cause("inside", event, last.entered_at)
    too_soon = last.entered_at > moment - timedelta(seconds=again)
    return Cause("again", event, last.entered_at) if again and too_soon else None


async def _by_sweep(asked: _Asked) -> list[Cause]:
    causes = [_again(asked, None, asked.now)]
    entry = asked.plan.enter
    if isinstance(entry, EnterBySegment):
        parts = await _parts(asked, entry.condition)
        causes.append(None if all(part.holds for part in parts) else Cause("segment", parts=parts))
    if isinstance(entry, EnterByDate):
        causes.append(Cause("date", value=await _attribute(asked, entry.attribute)))
    causes.append(await _when(asked))
    return [cause for cause in causes if cause is not None]


async def _when(asked: _Asked) -> Cause | None:
    parts = await _parts(asked, asked.plan.when)
    return None if all(part.holds for part in parts) else Cause("when", parts=parts)


async def _attribute(asked: _Asked, name: str) -> Any:
    query = select(customers).where(customers.c.id == asked.customer)
    row = (await asked.connection.execute(query)).one()
    return getattr(row, name) if name in COLUMNS else row.attributes.get(name)


async def _parts(asked: _Asked, condition: Condition) -> list[Part]:
    return await parts_of(asked.connection, condition, asked.customer, asked.now)
