"""A leg: what members do between two stops. One transaction, set-based, and idempotent."""

from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.engine.gate import category_of
from journeyflow.engine.held import cancel_held
from journeyflow.engine.late import count_late_events
from journeyflow.engine.leg import Leg, Member
from journeyflow.engine.locks import lock_customers
from journeyflow.engine.programme import Programme
from journeyflow.engine.steps import branch, hand_over, send, split, wait, wait_best_time, wait_until_date
from journeyflow.engine.steps import update as update_step
from journeyflow.errors import PlanError
from journeyflow.instants import from_ms, to_ms
from journeyflow.members import Mask, enrollment_ids, from_hex, mask_of, place_of, to_hex
from journeyflow.plan import (
    Branch,
    End,
    HandOver,
    Plan,
    Send,
    Split,
    Step,
    Update,
    Wait,
    WaitBestTime,
    WaitFor,
    WaitUntil,
    WaitUntilDate,
    Webhook,
)
from journeyflow.policy import Policy
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store, locked
from journeyflow.store.lists import among
from journeyflow.store.passages import cohorts, enrollments, legs
from journeyflow.store.programme import journey_versions, journeys
from journeyflow.workflows.contracts import START, Arrival, LegOutcome, LegRequest, Stop


async def travel(store: Store, programme: Programme, request: LegRequest) -> LegOutcome:
    """The outcome of the leg; one that was travelled before is not travelled again."""
    async with store.writing() as connection:
        return await travel_within(connection, programme, request)


async def travel_within(connection: AsyncConnection, programme: Programme, request: LegRequest) -> LegOutcome:
    version, is_paused = await _lock_cohort(connection, request.cohort)
    if (outcome := await outcome_of(connection, request.cohort, request.number)) is not None:
        return outcome
    leg = await _gather(connection, programme, request, version)
    leg.is_paused = is_paused
    arrivals, late = await count_late_events(leg, request.arrivals)
    for arrival in arrivals:
        _depart(leg, arrival)
    await _apply_exits(leg)
    await _run(leg)
    return await _record(leg, arrivals, late)


async def outcome_of(connection: AsyncConnection, cohort: int, number: int) -> LegOutcome | None:
    row = (
        await connection.execute(
            select(legs.c.outcome).where(legs.c.cohort_id == cohort, legs.c.number == number)
        )
    ).one_or_none()
    return None if row is None else _outcome_from_json(row.outcome)


async def _lock_cohort(connection: AsyncConnection, cohort: int) -> tuple[int, bool]:
    """The version that it travels, and whether the journey is paused."""
    mine = select(journeys.c.paused_at).join_from(
        journeys, journey_versions, journey_versions.c.journey == journeys.c.name
    )
    since = mine.where(journey_versions.c.id == cohorts.c.version_id).scalar_subquery()
    query = select(cohorts.c.version_id, since.label("paused_at")).where(cohorts.c.id == cohort)
    row = (await connection.execute(locked(connection, query, of=cohorts))).one()
    return row.version_id, row.paused_at is not None


async def _gather(
    connection: AsyncConnection, programme: Programme, request: LegRequest, version: int
) -> Leg:
    everyone = 0
    for arrival in request.arrivals:
        everyone |= from_hex(arrival.members)
    members = await _active(connection, request.cohort, everyone)
    await lock_customers(connection, (member.customer for member in members.values()))
    return Leg(
        connection,
        from_ms(request.at),
        request.cohort,
        request.number,
        version,
        await programme.plan(connection, version),
        await programme.policy(connection),
        members,
    )


async def _active(connection: AsyncConnection, cohort: int, members: Mask) -> dict[int, Member]:
    """Exited and failed members are passed over: their state says so already."""
    query = (
        select(
            enrollments.c.id,
            enrollments.c.customer_id,
            customers.c.key,
            customers.c.timezone,
            customers.c.country,
            enrollments.c.step,
            enrollments.c.wake_at,
        )
        .join_from(enrollments, customers, enrollments.c.customer_id == customers.c.id)
        .where(enrollments.c.id.in_(enrollment_ids(cohort, members)), enrollments.c.state == "active")
        .order_by(enrollments.c.id)
    )
    rows = await connection.execute(locked(connection, query, of=enrollments))
    return {place_of(row.id)[1]: Member(place_of(row.id)[1], *row) for row in rows}


def _depart(leg: Leg, arrival: Arrival) -> None:
    """Where members go from their stop: for each kind of stop, after its time or its event."""
    members = from_hex(arrival.members) & mask_of(leg.members)
    leg.woken_by |= {pair[0]: pair[1] for pair in arrival.events}
    if arrival.step == START:
        leg.go(members, 0)
        return
    step = leg.plan.steps[arrival.step]
    match step:
        case WaitFor():
            came = bool(arrival.events)
            leg.note(arrival.step, "event" if came else "timeout", members)
            leg.go(members, step.then if came else step.otherwise)
        case Wait() | WaitBestTime():
            leg.go(members, step.next)
        case Send() | Webhook() | WaitUntil() | WaitUntilDate():
            # Asked again: the gate, and whether it is the right moment where the customer lives by now.
            leg.go(members, arrival.step)
        case Branch() | Split() | Update() | HandOver() | End():
            raise PlanError(step.path, f"nobody rests at a step of kind {step.kind}")
        case _:
            assert_never(step)


async def _apply_exits(leg: Leg) -> None:
    for rule in leg.plan.exits:
        if rule.when is None:
            continue
        leaving = await leg.holding(rule.when, mask_of(leg.members))
        leg.leave(leaving, rule.path)
        for step in list(leg.at):
            leg.at[step] &= ~leaving
        leg.members = {at: member for at, member in leg.members.items() if not leaving >> at & 1}


async def _run(leg: Leg) -> None:
    """Steps stand in topological order, so one pass does them all and paths that meet merge."""
    for number, step in enumerate(leg.plan.steps):
        members = leg.at.pop(number, 0)
        if members:
            await _take(leg, number, step, members)


async def _take(leg: Leg, number: int, step: Step, members: Mask) -> None:
    match step:
        case Send() | Webhook():
            await send.run(leg, number, step, members)
        case Wait() | WaitUntil() | WaitFor():
            wait.run(leg, number, step, members)
        case WaitBestTime():
            await wait_best_time.run(leg, number, step, members)
        case WaitUntilDate():
            await wait_until_date.run(leg, number, step, members)
        case Branch():
            await branch.run(leg, number, step, members)
        case Split():
            await split.run(leg, number, step, members)
        case Update():
            await update_step.run(leg, number, step, members)
        case HandOver():
            await hand_over.run(leg, number, step, members)
        case End():
            leg.finish(members)
        case _:
            assert_never(step)


async def _record(leg: Leg, arrivals: list[Arrival], late: list[list[int]]) -> LegOutcome:
    for (step, until), members in leg.stops.items():
        await _update_members(leg, members, step=step, wake_at=until)
    await _note_reached(leg)
    if leg.finished:
        await _update_members(leg, leg.finished, state="finished", step=None, wake_at=None, ended_at=leg.now)
    for (state, reason), members in leg.gone.items():
        await _update_members(
            leg, members, state=state, reason=reason, step=None, wake_at=None, ended_at=leg.now
        )
        await cancel_held(leg.connection, enrollment_ids(leg.cohort, members), state)
    outcome = LegOutcome(
        [Stop(step, to_ms(until), to_hex(members)) for (step, until), members in leg.stops.items()],
        sorted(leg.channels),
        late,
        _priority(leg.plan, leg.policy),
    )
    await leg.connection.execute(insert(legs), _leg_row(leg, arrivals, outcome))
    return outcome


async def _note_reached(leg: Leg) -> None:
    """For whoever waits for an event now: which events are too early (see the table)."""
    waiting = 0
    for (step, _), members in leg.stops.items():
        waiting |= members if step in leg.plan.wait_fors else 0
    moved = {one: one.rested_until for one in leg.chosen(waiting) if one.rested_until is not None}
    if not moved:
        return
    query = select(events.c.id, events.c.at).where(events.c.id.in_(list(leg.woken_by.values())))
    times = {row.id: min(row.at, leg.now) for row in await leg.connection.execute(query)}
    rows = [
        {
            "member": member.enrollment,
            "left_at": times.get(leg.woken_by.get(member.position), min(until, leg.now)),
            "event": leg.woken_by.get(member.position),
        }
        for member, until in moved.items()
    ]
    await leg.connection.execute(_REACHED, rows)


_REACHED = (
    update(enrollments)
    .where(enrollments.c.id == bindparam("member"))
    .values(reached_at=bindparam("left_at"), woken_by=bindparam("event"))
)


async def _update_members(leg: Leg, members: Mask, **values: Any) -> None:
    theirs = among(leg.connection, enrollments.c.id, enrollment_ids(leg.cohort, members))
    await leg.connection.execute(update(enrollments).where(theirs).values(**values))


def _priority(plan: Plan, policy: Policy) -> int:
    """1 for what customers wait for; else 2 to 5, by the journey's own."""
    if category_of(policy, plan.category).consent == "not-required":
        return 1
    return 5 - min(3, plan.priority * 4 // 101)


def _leg_row(leg: Leg, arrivals: list[Arrival], outcome: LegOutcome) -> dict[str, Any]:
    return {
        "cohort_id": leg.cohort,
        "number": leg.number,
        "at": leg.now,
        "arrivals": [[a.step, a.members, a.events] for a in arrivals],
        "outcome": {
            "resting": [[s.step, s.wake_at, s.members] for s in outcome.resting],
            "channels": outcome.channels,
            "late": outcome.late,
            "priority": outcome.priority,
        },
        "trail": leg.trail,
    }


def _outcome_from_json(data: dict[str, Any]) -> LegOutcome:
    stops = [Stop(*stop) for stop in data["resting"]]
    return LegOutcome(stops, data["channels"], data["late"], data.get("priority", 0))


def first_leg(cohort: int, size: int, now: datetime) -> LegRequest:
    """The leg that everyone in a new cohort sets out on."""
    return LegRequest(cohort, 0, to_ms(now), [Arrival(START, to_hex((1 << size) - 1))])
