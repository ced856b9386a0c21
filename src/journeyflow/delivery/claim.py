"""Claiming: taking queued messages out of the ledger for handing over, with all that composing them needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, exists, false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.assignment import is_held_out
from journeyflow.audience.conditions import Frame, holds
from journeyflow.audience.permission import consent_state
from journeyflow.audience.suppression import hold_still
from journeyflow.engine.caps import Ask, reserve
from journeyflow.engine.gate import Claimable, Verdict, at_claim, capped, holdout_of, refusal, rules_for
from journeyflow.engine.held import cancel_held
from journeyflow.engine.hours import Hours, Place
from journeyflow.engine.local_time import default_zone
from journeyflow.engine.locks import lock_customers, lock_enrollments
from journeyflow.engine.pausing import paused_at
from journeyflow.engine.steps.send import when_capped
from journeyflow.members import enrollment_range
from journeyflow.plan import Plan, Send
from journeyflow.policy import Category, Policy
from journeyflow.store.customers import customers, events
from journeyflow.store.database import locked
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments
from journeyflow.workflows.contracts import DeliveryRequest

Held = tuple[datetime, str]  # until when, and why

_trigger = events.alias("trigger")


@dataclass(frozen=True, slots=True)
class Claim:
    """A message in the state `sending`, and its customer as of now."""

    message: int
    enrollment: int
    customer_id: int
    category: str
    step: int
    at: datetime  # when the gate decided
    template: str
    to: str  # empty for a webhook
    locale: str | None
    customer: dict[str, Any]
    event: dict[str, Any]  # the properties of the event that brought the customer in
    country: str | None = None  # of the customer, where it is known


@dataclass(slots=True)
class Claims:
    taken: list[Claim]
    cursor: int  # the last message looked at
    more: bool  # whether there may be queued messages beyond the cursor
    held: list[Held]  # some must wait for the end of quiet hours


async def claim(
    connection: AsyncConnection,
    request: DeliveryRequest,
    plan: Plan,
    policy: Policy,
    began: datetime,
    now: datetime,
    after: int,
    limit: int,
    most: int | None = None,
) -> Claims:
    """Looks at up to `limit` messages beyond the message `after`, and marks those that may go, but no more
    than `most`, as sending for the attempt that `began` then.

    Those that may not go any more are cancelled. An attempt that a later one has taken over from gets none.
    """
    if await _is_taken_over(connection, request, began):
        return Claims([], after, False, [])
    await hold_still(connection)
    job = _Job(connection, request.channel, plan, policy, now)
    found = await _open_messages(job, request, after, limit)
    hours = job.hours
    verdicts = {row.id: _verdict(job, hours, row) for row in found}
    rows = _up_to(found, verdicts, most)
    verdicts |= await _ask_caps(job, [row for row in rows if verdicts[row.id].state == "queued"])
    claims = Claims([], rows[-1].id if rows else after, len(found) == limit or len(rows) < len(found), [])
    kept: list[dict[str, Any]] = []
    for row in rows:
        verdict = verdicts[row.id]
        state = "cancelled"
        if verdict.state == "queued":
            claims.taken.append(_claim(row, request.channel))
            continue
        if verdict.state == "held" and verdict.until is not None:
            claims.held.append((verdict.until, str(verdict.reason)))
            state = row.state
        kept.append(_kept(row, state, verdict))
    if kept:
        await connection.execute(_KEEP, kept)
    await _take(connection, [claim.message for claim in claims.taken], began, now)
    return claims


def of_request(request: DeliveryRequest) -> ColumnElement[bool]:
    """The messages that one leg put into the ledger for one channel.

    What is sent a second time is a delivery of its own, so that no two deliver the same messages.
    """
    low, high = enrollment_range(request.cohort)
    return and_(
        messages.c.enrollment_id.between(low, high),
        messages.c.leg == request.leg,
        messages.c.channel == request.channel,
        messages.c.resends > 0 if request.resend else messages.c.resends == 0,
    )


async def _is_taken_over(connection: AsyncConnection, request: DeliveryRequest, began: datetime) -> bool:
    later = exists().where(of_request(request), messages.c.claimed_by > began)
    return bool((await connection.execute(select(later))).scalar_one())


@dataclass(frozen=True, slots=True)
class _Job:
    connection: AsyncConnection
    channel: str
    plan: Plan
    policy: Policy
    now: datetime

    @property
    def category(self) -> Category:
        return rules_for(self.policy, self.channel, self.plan.category)

    @property
    def hours(self) -> Hours | None:
        if self.category.quiet_hours == "exempt":
            return None
        return Hours.of(self.policy, self.channel, self.plan.category, default_zone(self.policy))


async def _open_messages(job: _Job, request: DeliveryRequest, after: int, limit: int) -> Sequence[Row[Any]]:
    """Locked. Outranked ones ask for room under caps again, and their locks come first in the order."""
    here = (of_request(request), messages.c.id > after)
    outranked = select(messages.c.customer_id, messages.c.enrollment_id).where(
        *here, messages.c.state == "outranked"
    )
    rows = (await job.connection.execute(outranked)).all()
    if rows:
        await lock_enrollments(job.connection, (row.enrollment_id for row in rows))
        await lock_customers(job.connection, (row.customer_id for row in rows))
    asking = [row.customer_id for row in rows]
    is_open = or_(
        messages.c.state == "queued",
        and_(messages.c.state == "outranked", messages.c.customer_id.in_(asking)),
    )
    query = _query(job).where(*here, is_open).order_by(messages.c.id).limit(limit)
    found: Sequence[Row[Any]] = (
        await job.connection.execute(locked(job.connection, query, of=messages))
    ).all()
    return found


def _query(job: _Job) -> Select[Any]:
    frame = Frame(customer=customers, now=job.now, trigger=_trigger, since=enrollments.c.since)
    exits = [holds(rule.when, frame) for rule in job.plan.exits if rule.when is not None]
    refused = refusal(job.channel, job.category, job.plan.topic, customers, job.now)
    state = consent_state(job.channel, job.plan.topic, customers)
    return (
        select(
            messages.c.id, messages.c.enrollment_id, messages.c.step, messages.c.at, messages.c.template,
            messages.c.state, messages.c.detail, messages.c.customer_id, messages.c.category,
            enrollments.c.state.label("enrollment_state"),
            customers.c.key, customers.c.email, customers.c.phone, customers.c.timezone, customers.c.locale,
            customers.c.country, customers.c.attributes, _trigger.c.properties,
            and_(enrollments.c.state == "active", or_(false(), *exits)).label("exits"),
            refused.label("refused_by"), state.label("consent"),
            paused_at(job.plan.journey).label("paused_at"),
        )
        .join_from(messages, enrollments, enrollments.c.id == messages.c.enrollment_id)
        .join(customers, customers.c.id == messages.c.customer_id)
        .outerjoin(_trigger, _trigger.c.id == enrollments.c.event_id)
    )  # fmt: skip


def _verdict(job: _Job, hours: Hours | None, row: Row[Any]) -> Verdict:
    place = Place(row.timezone, row.country)
    held_out = is_held_out(row.key, holdout_of(job.policy, job.category))
    message = Claimable(row.enrollment_state, row.refused_by, row.consent, place, row.paused_at, held_out)
    verdict = at_claim(message, hours, job.now)
    return Verdict("dropped", "exited") if row.exits and verdict.state != "held" else verdict


def _up_to(found: Sequence[Row[Any]], verdicts: dict[int, Verdict], most: int | None) -> Sequence[Row[Any]]:
    """With `most` that may go."""
    may_go = [place for place, row in enumerate(found, 1) if verdicts[row.id].state == "queued"]
    return found if most is None or len(may_go) <= most else found[: may_go[most] - 1]


async def _ask_caps(job: _Job, rows: Sequence[Row[Any]]) -> dict[int, Verdict]:
    """Of those that had to give their place up, the ones that find none now either."""
    outranked = {row.id: row for row in rows if row.state == "outranked"}
    if not outranked:
        return {}
    asks = [_ask(job, row) for row in outranked.values()]
    verdicts = {}
    for id, full in (await reserve(job.connection, job.policy, asks, job.now)).items():
        row = outranked[id]
        step = job.plan.steps[row.step]
        assert isinstance(step, Send)  # webhooks take no room
        verdicts[id] = when_capped(step.if_capped, capped(full), row.at, job.now)
        if verdicts[id].state == "dropped" and step.if_capped.do == "exit":
            await _exit(job, row.enrollment_id, f"{step.path}: cap")
    return verdicts


def _ask(job: _Job, row: Row[Any]) -> Ask:
    return Ask.of(
        job.plan,
        job.policy,
        job.channel,
        row.timezone,
        row.country,
        key=row.id,
        enrollment=row.enrollment_id,
        step=row.step,
        customer=row.customer_id,
    )


async def _exit(job: _Job, enrollment: int, reason: str) -> None:
    values = {"state": "exited", "reason": reason, "step": None, "wake_at": None, "ended_at": job.now}
    still = (enrollments.c.id == enrollment, enrollments.c.state == "active")
    await job.connection.execute(update(enrollments).where(*still).values(**values))
    await cancel_held(job.connection, [enrollment], "exited")


def known_of(customer: Row[Any]) -> dict[str, Any]:
    """What templates are given of a customer."""
    own = ("email", "phone", "timezone", "locale")
    named = {name: customer._mapping[name] for name in own}
    return {**customer.attributes, "id": customer.key, **named}


def _claim(row: Row[Any], channel: str) -> Claim:
    return Claim(
        row.id,
        row.enrollment_id,
        row.customer_id,
        row.category,
        row.step,
        row.at,
        row.template,
        {"email": row.email, "sms": row.phone}.get(channel, ""),
        row.locale,
        known_of(row),
        row.properties or {},
        row.country,
    )


_KEEP = (
    update(messages)
    .where(messages.c.id == bindparam("message"))
    .values({name: bindparam(f"new_{name}") for name in ("state", "reason", "detail")})
)


def _kept(row: Row[Any], state: str, verdict: Verdict) -> dict[str, Any]:
    detail = verdict.detail
    if row.state == "outranked":  # by whom is told as well
        detail = {"outranked_by": (row.detail or {}).get("outranked_by")} | (detail or {})
    return {"message": row.id, "new_state": state, "new_reason": verdict.reason, "new_detail": detail}


async def _take(connection: AsyncConnection, ids: list[int], began: datetime, now: datetime) -> None:
    values: dict[str, Any] = {"state": "sending", "reason": None, "detail": None, "handed_at": None}
    values |= {"claimed_at": now, "claimed_by": began}
    if ids:
        await connection.execute(update(messages).where(messages.c.id.in_(ids)).values(**values))
