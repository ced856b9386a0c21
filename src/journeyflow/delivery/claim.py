"""Claiming: taking queued messages out of the ledger for handing over, with all that composing them needs."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.conditions import Frame, holds
from journeyflow.engine.gate import Claimable, Verdict, at_claim, refused_by, rules_for
from journeyflow.members import enrollment_range
from journeyflow.plan import Plan
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
    step: int
    at: datetime  # when the gate decided
    template: str
    to: str  # empty for a webhook
    locale: str | None
    customer: dict[str, Any]
    event: dict[str, Any]  # the properties of the event that brought the customer in


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
) -> Claims:
    """Marks up to `limit` messages beyond the message `after` as sending, for the attempt that `began` then.

    Those that may not go any more are cancelled. An attempt that a later one has taken over from gets none.
    """
    if await _is_taken_over(connection, request, began):
        return Claims([], after, False, [])
    category = rules_for(policy, request.channel, plan.category)
    query = _query(request, plan, category, now).where(messages.c.state == "queued", messages.c.id > after)
    rows = (
        await connection.execute(locked(connection, query.order_by(messages.c.id).limit(limit), of=messages))
    ).all()
    claims = Claims([], rows[-1].id if rows else after, len(rows) == limit, [])
    kept: dict[tuple[str, str], list[int]] = defaultdict(list)  # by their state and reason from now on
    for row in rows:
        verdict = _verdict(row, request.channel, category, policy, now)
        reason = str(verdict.reason)
        if verdict.state == "queued":
            claims.taken.append(_claim(row, request.channel))
        elif verdict.state == "held" and verdict.until is not None:
            claims.held.append((verdict.until, reason))
            kept["queued", reason].append(row.id)
        else:
            kept["cancelled", reason].append(row.id)
    for (state, reason), ids in kept.items():
        await _put(connection, ids, state=state, reason=reason)
    taken = [claim.message for claim in claims.taken]
    await _put(connection, taken, state="sending", reason=None, claimed_at=now, claimed_by=began)
    return claims


def of_request(request: DeliveryRequest) -> ColumnElement[bool]:
    """The messages that one leg put into the ledger for one channel."""
    low, high = enrollment_range(request.cohort)
    return and_(
        messages.c.enrollment_id.between(low, high),
        messages.c.leg == request.leg,
        messages.c.channel == request.channel,
    )


async def _is_taken_over(connection: AsyncConnection, request: DeliveryRequest, began: datetime) -> bool:
    later = exists().where(of_request(request), messages.c.claimed_by > began)
    return bool((await connection.execute(select(later))).scalar_one())


def _query(request: DeliveryRequest, plan: Plan, category: Category, now: datetime) -> Select[Any]:
    frame = Frame(customer=customers, now=now, trigger=_trigger, since=enrollments.c.since)
    exits = [holds(rule.when, frame) for rule in plan.exits if rule.when is not None]
    return (
        select(
            messages.c.id, messages.c.enrollment_id, messages.c.step, messages.c.at, messages.c.template,
            enrollments.c.state.label("enrollment_state"),
            customers.c.key, customers.c.email, customers.c.phone, customers.c.timezone, customers.c.locale,
            customers.c.attributes, _trigger.c.properties,
            and_(enrollments.c.state == "active", or_(false(), *exits)).label("exits"),
            refused_by(request.channel, category).label("refused_by"),
        )
        .join_from(messages, enrollments, enrollments.c.id == messages.c.enrollment_id)
        .join(customers, customers.c.id == messages.c.customer_id)
        .outerjoin(_trigger, _trigger.c.id == enrollments.c.event_id)
        .where(of_request(request))
    )  # fmt: skip


def _verdict(row: Row[Any], channel: str, category: Category, policy: Policy, now: datetime) -> Verdict:
    message = Claimable(row.enrollment_state, row.refused_by, row.timezone)
    verdict = at_claim(message, channel, category, policy, now)
    return Verdict("dropped", "exited") if row.exits and verdict.state != "held" else verdict


def _claim(row: Row[Any], channel: str) -> Claim:
    own = {
        "id": row.key,
        "email": row.email,
        "phone": row.phone,
        "timezone": row.timezone,
        "locale": row.locale,
    }
    return Claim(
        row.id,
        row.enrollment_id,
        row.step,
        row.at,
        row.template,
        {"email": row.email, "sms": row.phone}.get(channel, ""),
        row.locale,
        row.attributes | own,
        row.properties or {},
    )


async def _put(connection: AsyncConnection, ids: list[int], **values: Any) -> None:
    if ids:
        await connection.execute(update(messages).where(messages.c.id.in_(ids)).values(**values))
