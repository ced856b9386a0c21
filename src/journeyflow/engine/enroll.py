"""Bringing customers into a journey: a cohort, its enrollments and its first leg, in one transaction."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, insert, not_, or_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.conditions import Frame, holds
from journeyflow.engine.pace import Pace
from journeyflow.engine.programme import Programme, Version
from journeyflow.engine.travel import first_leg, travel_within
from journeyflow.errors import JourneyflowError
from journeyflow.members import COHORT_SIZE, enrollment_id
from journeyflow.plan import Plan
from journeyflow.store.customers import customers
from journeyflow.store.passages import cohorts, enrollments, starts

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entrant:
    customer: int
    occasion: str  # what brings the customer in; never twice for the same one
    since: datetime  # the event's own time, else now
    event: int | None = None


async def enroll(
    connection: AsyncConnection,
    programme: Programme,
    version: Version,
    entrants: list[Entrant],
    now: datetime,
    pace: Pace | None = None,
    before: int = 0,
) -> None:
    """Customers who may enter (see `may_enter`), each at most once in `entrants`.

    They set out at `pace`, behind so many who came in `before` them; else at once.
    """
    size = pace.size if pace else COHORT_SIZE
    for begin in range(0, len(entrants), size):
        due = pace.due(before + begin) if pace else now
        await _enroll_cohort(connection, programme, version, entrants[begin : begin + size], now, due)


def may_enter(plan: Plan, now: datetime) -> ColumnElement[bool]:
    """Whether the rule `again` lets a row of `customers` in: never while inside."""
    mine = and_(enrollments.c.customer_id == customers.c.id, enrollments.c.journey == plan.journey)
    if plan.again is None:
        return not_(exists().where(mine))
    inside = enrollments.c.state == "active"
    recent = enrollments.c.entered_at > now - timedelta(seconds=plan.again)
    return not_(exists().where(mine, or_(inside, recent) if plan.again else inside))


def newcomers(plan: Plan, occasion: ColumnElement[str], now: datetime) -> list[ColumnElement[bool]]:
    """Whether a row of `customers` may enter now and has not entered on this occasion."""
    mine = and_(enrollments.c.customer_id == customers.c.id, enrollments.c.journey == plan.journey)
    before = exists().where(mine, enrollments.c.occasion == occasion)
    return [may_enter(plan, now), holds(plan.when, Frame(customer=customers, now=now)), not_(before)]


async def _enroll_cohort(
    connection: AsyncConnection,
    programme: Programme,
    version: Version,
    entrants: list[Entrant],
    now: datetime,
    due: datetime,
) -> None:
    rests_until = due if due > now else None
    values = {"version_id": version.id, "size": len(entrants), "created_at": now}
    cohort = (await connection.execute(insert(cohorts).values(**values).returning(cohorts.c.id))).scalar_one()
    rows = [_row(cohort, number, entrant, version, now) for number, entrant in enumerate(entrants)]
    await connection.execute(insert(enrollments), [{**row, "wake_at": rests_until} for row in rows])
    await connection.execute(insert(starts).values(cohort_id=cohort, due_at=rests_until))
    if rests_until is None:
        await _travel_first_leg(connection, programme, cohort, len(entrants), now)


async def _travel_first_leg(
    connection: AsyncConnection, programme: Programme, cohort: int, size: int, now: datetime
) -> None:
    """Travelling at once saves a round trip through Temporal.

    When it fails, the cohort still starts and its workflow travels that leg: there the fault is seen and
    retried without holding up anybody else.
    """
    try:
        async with connection.begin_nested():
            await travel_within(connection, programme, first_leg(cohort, size, now))
    except (SQLAlchemyError, JourneyflowError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        _log.warning("cohort %d: the first leg is left to its workflow (%s)", cohort, type(error).__name__)


def _row(cohort: int, number: int, entrant: Entrant, version: Version, now: datetime) -> dict[str, Any]:
    return {
        "id": enrollment_id(cohort, number),
        "cohort_id": cohort,
        "version_id": version.id,
        "journey": version.plan.journey,
        "customer_id": entrant.customer,
        "occasion": entrant.occasion,
        "event_id": entrant.event,
        "entered_at": now,
        "since": entrant.since,
        "reached_at": entrant.since,
        "woken_by": entrant.event,
        "state": "active",
    }
