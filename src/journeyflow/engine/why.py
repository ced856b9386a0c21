"""Why things happened to a customer as they did: passages, decisions with what they rested on, messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.conditions import matches
from journeyflow.audience.facts import Seen
from journeyflow.conditions import Condition
from journeyflow.engine.explaining.happenings import Happening, happenings
from journeyflow.engine.explaining.messages import Fate, fates
from journeyflow.engine.local_time import default_zone, zone
from journeyflow.engine.programme import Programme
from journeyflow.instants import from_ms
from journeyflow.members import from_hex, place_of
from journeyflow.plan import ENROLL, Branch, ExitRule, Plan, WaitBestTime
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.passages import enrollments, legs, observations


@dataclass(frozen=True, slots=True)
class Beginning:
    """`how`: event, hand, hand-over, segment, date or schedule; `occasion` tells which of them it was."""

    how: str
    occasion: str
    event: Happening | None  # also None when it has been purged
    handed_over_by: str | None  # the journey


@dataclass(frozen=True, slots=True)
class Decision:
    """What a step decided, as it stands in the trail of the leg."""

    at: datetime
    step: int
    path: str
    kind: str
    what: str
    detail: dict[str, Any]
    until: datetime | None  # where it rests
    event: Happening | None  # what ended a wait
    condition: Condition | None  # of the arm that was taken
    facts: Seen  # what the conditions of a branch saw, or a wait for the best time


@dataclass(frozen=True, slots=True)
class Ending:
    state: str  # finished, exited or failed
    reason: str | None
    at: datetime
    rule: ExitRule | None  # of exited
    event: Happening | None  # that the rule left on


@dataclass(frozen=True, slots=True)
class Passage:
    enrollment: int
    journey: str
    version: str  # the digest of its plan
    plan: Plan
    beginning: Beginning
    entered_at: datetime
    decisions: list[Decision]
    messages: list[Fate]
    resting: str | None  # the path of the step where it rests now; "start": it sets out later
    wake_at: datetime | None
    goal_at: datetime | None
    goal_value: float | None
    ending: Ending | None


@dataclass(frozen=True, slots=True)
class Account:
    customer: int
    key: str
    zone: str  # the customer's, else the programme's
    passages: list[Passage]


async def why(store: Store, programme: Programme, key: str) -> Account | None:
    """None when there is no such customer."""
    async with store.reading() as connection:
        query = select(customers.c.id, customers.c.timezone).where(customers.c.key == key)
        customer = (await connection.execute(query)).one_or_none()
        if customer is None:
            return None
        tz = (zone(customer.timezone) if customer.timezone else None) or default_zone(
            await programme.policy(connection)
        )
        passages = await _passages(connection, programme, customer.id)
        return Account(customer.id, key, tz.key, passages)


async def _passages(connection: AsyncConnection, programme: Programme, customer: int) -> list[Passage]:
    query = select(enrollments).where(enrollments.c.customer_id == customer)
    query = query.order_by(enrollments.c.entered_at, enrollments.c.id)
    messages = await fates(connection, customer)
    found = []
    for row in (await connection.execute(query)).all():
        plan = await programme.plan(connection, row.version_id)
        theirs = [fate for fate in messages if fate.enrollment == row.id]
        found.append(await _passage(connection, programme, plan, row, theirs))
    return found


async def _passage(
    connection: AsyncConnection, programme: Programme, plan: Plan, row: Row[Any], messages: list[Fate]
) -> Passage:
    return Passage(
        row.id,
        plan.journey,
        plan.digest,
        plan,
        await _beginning(connection, row),
        row.entered_at,
        await _decisions(connection, plan, row.id),
        messages,
        _resting(plan, row),
        row.wake_at,
        row.goal_at,
        row.goal_value,
        await _ending(connection, plan, row),
    )


def _resting(plan: Plan, row: Row[Any]) -> str | None:
    if row.step is None:
        return "start" if row.wake_at is not None else None
    path: str = plan.steps[row.step].path
    return path


async def _beginning(connection: AsyncConnection, row: Row[Any]) -> Beginning:
    how, _, occasion = row.occasion.partition(":")
    event = (await happenings(connection, [row.event_id])).get(row.event_id)
    if event is None or event.name != ENROLL:
        return Beginning(how, occasion, event, None)
    return await _asked_for(connection, occasion, event)


async def _asked_for(connection: AsyncConnection, occasion: str, event: Happening) -> Beginning:
    """By hand, or by a step of another journey: `journeyflow.enroll/<enrollment>/<step>`."""
    by = event.key.removeprefix(f"{ENROLL}/").split("/")[0][:18]  # as long as a number of ours can be
    query = select(enrollments.c.journey).where(enrollments.c.id == int(by)) if by.isdecimal() else None
    journey = (await connection.execute(query)).scalar() if query is not None else None
    return Beginning("hand-over" if journey else "hand", occasion, event, journey)


async def _decisions(connection: AsyncConnection, plan: Plan, enrollment: int) -> list[Decision]:
    cohort, position = place_of(enrollment)
    query = select(legs).where(legs.c.cohort_id == cohort).order_by(legs.c.number)
    travelled = (await connection.execute(query)).all()
    woken = await happenings(connection, [_woken_by(leg.arrivals, position) for leg in travelled])
    seen = await _observations(connection, enrollment)
    return [
        _decision(plan, leg, position, noted, woken, seen)
        for leg in travelled
        for noted in leg.trail
        if from_hex(noted[2]) >> position & 1
    ]


async def _observations(connection: AsyncConnection, enrollment: int) -> dict[int, Seen]:
    """By step."""
    query = select(observations.c.step, observations.c.facts).where(
        observations.c.enrollment_id == enrollment
    )
    return {row.step: row.facts for row in await connection.execute(query)}


def _woken_by(arrivals: Sequence[Any], position: int) -> int | None:
    woken = (event for _step, _members, pairs in arrivals for member, event in pairs if member == position)
    return next(woken, None)


def _decision(
    plan: Plan,
    leg: Row[Any],
    position: int,
    noted: list[Any],
    woken: dict[int, Happening],
    seen: dict[int, Seen],
) -> Decision:
    number, what, _members, detail = noted
    step = plan.steps[number]
    event = woken.get(_woken_by(leg.arrivals, position) or 0) if what == "event" else None
    taken = step.arms[detail["arm"]].when if isinstance(step, Branch) and what == "arm" else None
    until = _until(leg.outcome, position) if what in ("wait", "held") else None
    facts = seen.get(number, []) if isinstance(step, Branch | WaitBestTime) else []
    return Decision(leg.at, number, step.path, step.kind, what, detail, until, event, taken, facts)


def _until(outcome: dict[str, Any], position: int) -> datetime | None:
    """Nobody rests at two places after a leg."""
    for _step, wake_at, members in outcome["resting"]:
        if from_hex(members) >> position & 1:
            return from_ms(wake_at)
    return None


async def _ending(connection: AsyncConnection, plan: Plan, row: Row[Any]) -> Ending | None:
    if row.ended_at is None:
        return None
    rule = next((rule for rule in plan.exits if rule.path == row.reason), None)
    event = await _left_on(connection, rule, row) if rule is not None and row.state == "exited" else None
    return Ending(row.state, row.reason, row.ended_at, rule, event)


async def _left_on(connection: AsyncConnection, rule: ExitRule, row: Row[Any]) -> Happening | None:
    """The router ends a passage in the turn in which it takes the event."""
    if rule.event is None:
        return None
    query = select(events.c.id).where(
        events.c.customer_id == row.customer_id,
        events.c.routed_at == row.ended_at,
        events.c.at >= row.since,
        matches(rule.event, events),
    )
    found = (await connection.execute(query.order_by(events.c.id).limit(1))).scalar()
    return (await happenings(connection, [found])).get(found or 0)
