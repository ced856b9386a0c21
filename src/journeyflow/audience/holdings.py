"""What the store holds about one customer, table by table.

Two other tables know them by a number alone and are left out here: `legs` has the places of members in their
cohort (see `trail`), `audit_log` our own number of the customer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.members import from_hex, place_of
from journeyflow.plan import Plan
from journeyflow.store.customers import aliases, consent_log, consents, customers, events
from journeyflow.store.experiments import exposures
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments, legs, observations, wakeups
from journeyflow.store.programme import journey_versions
from journeyflow.store.reports import reports
from journeyflow.store.segments import rfm, segment_members, touched
from journeyflow.store.short_links import short_links


async def holdings(connection: AsyncConnection, customer: int) -> dict[Table, ColumnElement[bool]]:
    """Which rows of which table; in an order in which they can be deleted."""
    inside = select(enrollments.c.id).where(enrollments.c.customer_id == customer)
    places = [place_of(id) for id in (await connection.execute(inside)).scalars()]
    own = select(messages.c.id).where(messages.c.customer_id == customer)
    return {
        reports: reports.c.message_id.in_(own),
        short_links: short_links.c.message_id.in_(own),
        observations: observations.c.enrollment_id.in_(inside),
        wakeups: tuple_(wakeups.c.cohort_id, wakeups.c.member).in_(places),
        messages: messages.c.customer_id == customer,
        touched: touched.c.customer_id == customer,
        rfm: rfm.c.customer_id == customer,
        segment_members: segment_members.c.customer_id == customer,
        exposures: exposures.c.customer_id == customer,
        consent_log: consent_log.c.customer_id == customer,
        consents: consents.c.customer_id == customer,
        enrollments: enrollments.c.customer_id == customer,
        events: events.c.customer_id == customer,
        aliases: aliases.c.customer_id == customer,
        customers: customers.c.id == customer,
    }


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that the customer took in a journey, and what was decided there."""

    enrollment: int
    journey: str
    version: str  # the digest of its plan
    at: datetime
    step: int
    path: str
    what: str
    detail: dict[str, Any]
    event: int | None  # what woke them there


async def trail(connection: AsyncConnection, customer: int) -> list[Taken]:
    """Out of the legs of the cohorts in which the customer travelled, in their order."""
    query = (
        select(enrollments.c.id.label("enrollment"), enrollments.c.version_id, legs)
        .join_from(enrollments, legs, legs.c.cohort_id == enrollments.c.cohort_id)
        .where(enrollments.c.customer_id == customer)
        .order_by(enrollments.c.id, legs.c.number)
    )
    rows = (await connection.execute(query)).all()
    plans = await _plans(connection, {row.version_id for row in rows})
    return [taken for row in rows for taken in _of_leg(row, plans[row.version_id])]


async def _plans(connection: AsyncConnection, versions: set[int]) -> dict[int, Plan]:
    query = select(journey_versions.c.id, journey_versions.c.plan)
    rows = await connection.execute(query.where(journey_versions.c.id.in_(versions)))
    return {row.id: Plan.from_json(row.plan) for row in rows}


def _of_leg(row: Row[Any], plan: Plan) -> Iterator[Taken]:
    position = place_of(row.enrollment)[1]
    woken = {member: event for _step, _members, pairs in row.arrivals for member, event in pairs}
    for step, what, members, detail in row.trail:
        if from_hex(members) >> position & 1:
            event = woken.get(position) if what == "event" else None
            path = plan.steps[step].path
            yield Taken(row.enrollment, plan.journey, plan.digest, row.at, step, path, what, detail, event)
