"""Events from before the deadline of a wait_for that its workflow had not heard of when the time was up.

Workers were down, the router was behind, or the timer overtook the signal: the event counts by its own time.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import and_, func, or_, select

from journeyflow.audience.conditions import matches
from journeyflow.engine.leg import Leg
from journeyflow.instants import to_ms
from journeyflow.members import Mask, enrollment_ids, from_hex, mask_of, place_of, to_hex
from journeyflow.plan import WaitFor
from journeyflow.store.customers import events
from journeyflow.store.passages import enrollments
from journeyflow.workflows.contracts import START, Arrival


async def count_late_events(leg: Leg, arrivals: list[Arrival]) -> tuple[list[Arrival], list[list[int]]]:
    """The arrivals with those members woken whose event came in time; and [member, event, time] of these."""
    settled: list[Arrival] = []
    late: list[list[int]] = []
    for arrival in arrivals:
        members = from_hex(arrival.members)
        step = leg.plan.steps[arrival.step] if arrival.step != START else None
        if isinstance(step, WaitFor) and not arrival.events:
            woken = await _woken(leg, arrival.step, step, members & mask_of(leg.members))
            late += [[member, row.event, min(to_ms(row.at), to_ms(leg.now))] for member, row in woken.items()]
            settled += _with_events(arrival, woken)
            members &= ~mask_of(woken)
        if members:
            settled.append(replace(arrival, members=to_hex(members)))
    return settled, late


def _with_events(arrival: Arrival, woken: dict[int, Any]) -> list[Arrival]:
    pairs = [[member, row.event] for member, row in woken.items()]
    return [Arrival(arrival.step, to_hex(mask_of(woken)), pairs)] if pairs else []


async def _woken(leg: Leg, number: int, step: WaitFor, members: Mask) -> dict[int, Any]:
    """For each member the first event since it left its last stop, but not the one that brought it here."""
    newer = and_(
        events.c.at == enrollments.c.reached_at, events.c.id > func.coalesce(enrollments.c.woken_by, 0)
    )
    query = (
        select(enrollments.c.id, events.c.id.label("event"), events.c.at)
        .join_from(enrollments, events, enrollments.c.customer_id == events.c.customer_id)
        .where(
            enrollments.c.id.in_(enrollment_ids(leg.cohort, members)),
            enrollments.c.step == number,
            events.c.name.in_({match.event for match in step.events}),
            or_(events.c.at > enrollments.c.reached_at, newer),
            events.c.at < enrollments.c.wake_at,
            or_(*(matches(match, events) for match in step.events)),
        )
        .order_by(events.c.at, events.c.id)
    )
    woken: dict[int, Any] = {}
    for row in await leg.connection.execute(query):
        woken.setdefault(place_of(row.id)[1], row)
    return woken
