"""Events from before the deadline of a wait_for that its workflow had not heard of when the time was up.

Workers were down, the router was behind, or the timer overtook the signal: the event counts by its own time.
"""

from dataclasses import replace

from sqlalchemy import and_, or_, select

from journeyflow.audience.conditions import matches
from journeyflow.engine.leg import Leg
from journeyflow.instants import from_ms
from journeyflow.members import enrollment_ids, from_hex, mask_of, place_of, to_hex
from journeyflow.plan import WaitFor
from journeyflow.store.customers import events
from journeyflow.store.passages import enrollments
from journeyflow.workflows.contracts import START, Arrival


async def count_late_events(leg: Leg, arrivals: list[Arrival]) -> tuple[list[Arrival], list[list[int]]]:
    """The arrivals with those members woken whose event came in time; and [member, event] of these."""
    settled: list[Arrival] = []
    late: list[list[int]] = []
    for arrival in arrivals:
        step = leg.plan.steps[arrival.step] if arrival.step != START else None
        woken = await _woken(leg, arrival, step) if isinstance(step, WaitFor) and not arrival.events else {}
        waiting = from_hex(arrival.members) & ~mask_of(woken)
        pairs = [[member, event] for member, event in sorted(woken.items())]
        if pairs:
            settled.append(Arrival(arrival.step, to_hex(mask_of(woken)), pairs))
        if waiting or not pairs:
            settled.append(replace(arrival, members=to_hex(waiting)))
        late += pairs
    return settled, late


async def _woken(leg: Leg, arrival: Arrival, step: WaitFor) -> dict[int, int]:
    """The first event of each member that its time at this stop allows."""
    came_in_by = enrollments.c.event_id
    query = (
        select(enrollments.c.id, events.c.id.label("event"))
        .join_from(enrollments, events, enrollments.c.customer_id == events.c.customer_id)
        .where(
            enrollments.c.id.in_(
                enrollment_ids(leg.cohort, from_hex(arrival.members) & mask_of(leg.members))
            ),
            events.c.name.in_({match.event for match in step.events}),
            events.c.at >= from_ms(arrival.since),
            and_(enrollments.c.step == arrival.step, events.c.at < enrollments.c.wake_at),
            or_(came_in_by.is_(None), events.c.id > came_in_by),
            or_(*(matches(match, events) for match in step.events)),
        )
        .order_by(events.c.id)
    )
    used = {pair[0]: pair[1] for pair in arrival.used}
    woken: dict[int, int] = {}
    for row in await leg.connection.execute(query):
        member = place_of(row.id)[1]
        if row.event > used.get(member, 0):
            woken.setdefault(member, row.event)
    return woken
