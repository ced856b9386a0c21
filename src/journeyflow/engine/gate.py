"""The gate: the one place where consent, suppression, quiet hours and caps decide on a message.

It is asked in the leg's transaction, and once more (`at_claim`) when the message is claimed.
Each rule takes members out of the set that is still open; what is left may be sent.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, cast, exists, func, null, or_, select

from journeyflow.engine.leg import Leg, Member
from journeyflow.engine.local_time import quiet_until, zone
from journeyflow.members import Mask, positions
from journeyflow.plan import WEBHOOK, Send, Webhook
from journeyflow.policy import Cap, Category, Policy
from journeyflow.store.customers import consents, customers, suppressions
from journeyflow.store.ledger import WAS, messages


@dataclass(frozen=True, slots=True)
class Verdict:
    state: str  # queued | held | dropped
    reason: str | None = None  # the rule: no-address, consent, suppressed, quiet-hours, cap
    detail: dict[str, Any] | None = None
    until: datetime | None = None  # of held: when to ask again; of cap: when there is room, None: never


@dataclass(slots=True)
class _Question:
    leg: Leg
    send: Send
    category: Category
    open: Mask  # members that no rule has decided on yet
    verdicts: dict[int, Verdict] = field(default_factory=dict)

    def answer(self, position: int, verdict: Verdict) -> None:
        self.verdicts[position] = verdict
        self.open &= ~(1 << position)


async def decide(leg: Leg, send: Send | Webhook, members: Mask) -> dict[int, Verdict]:
    """A verdict for each member, by position."""
    if isinstance(send, Webhook):
        return {position: Verdict("queued") for position in positions(members)}
    question = _Question(leg, send, category_of(leg.policy, leg.plan.category), members)
    await _ask_permission(question)
    _ask_quiet_hours(question)
    await _ask_caps(question)
    for position in positions(question.open):
        question.verdicts[position] = Verdict("queued")
    return question.verdicts


def category_of(policy: Policy, name: str) -> Category:
    """An unknown category gets the strict rules."""
    return policy.categories.get(name, Category())


def rules_for(policy: Policy, channel: str, category: str) -> Category:
    """Those of the category; none for what goes to machines."""
    if channel == WEBHOOK:
        return Category("not-required", "exempt", "exempt")
    return category_of(policy, category)


def address_of(channel: str) -> ColumnElement[str]:
    return customers.c.email if channel == "email" else customers.c.phone


def refused_by(channel: str, category: Category) -> ColumnElement[str | None]:
    """For a row of `customers`: the first rule about them that refuses the message, else NULL."""
    if channel == WEBHOOK:
        return cast(null(), Text)
    address = address_of(channel)
    suppressed = exists().where(suppressions.c.channel == channel, suppressions.c.address == address)
    rules = [(address.is_(None), "no-address"), (suppressed, "suppressed")]
    if category.consent == "required":
        whole = (consents.c.channel == channel, consents.c.topic == "", consents.c.state == "granted")
        granted = exists().where(consents.c.customer_id == customers.c.id, *whole)
        rules.append((~granted, "consent"))
    return case(*rules, else_=None)


async def _ask_permission(question: _Question) -> None:
    leg = question.leg
    refused = refused_by(question.send.channel, question.category)
    chosen = {member.customer: member.position for member in leg.chosen(question.open)}
    query = select(customers.c.id, refused.label("reason")).where(customers.c.id.in_(list(chosen)))
    for row in await leg.connection.execute(query.where(refused.is_not(None))):
        question.answer(chosen[row.id], Verdict("dropped", row.reason))


def _ask_quiet_hours(question: _Question) -> None:
    if question.category.quiet_hours == "exempt":
        return
    leg = question.leg
    for rule in leg.policy.quiet_hours:
        if rule.channel not in (None, question.send.channel):
            continue
        for tz, members in leg.by_zone(question.open).items():
            until = quiet_until(leg.now, rule, tz)
            if until is not None:
                verdict = Verdict("held", "quiet-hours", {"from": rule.start, "to": rule.end}, until)
                for position in positions(members):
                    question.answer(position, verdict)


async def _ask_caps(question: _Question) -> None:
    # The leg holds its customers' locks, so two that ask for the same last place take turns.
    leg = question.leg
    caps = [cap for cap in leg.policy.caps if _concerns(cap, question)]
    if question.category.caps == "exempt" or not caps or not question.open:
        return
    members = leg.chosen(question.open)
    counted = await _counted(leg, members, max(cap.per for cap in caps))
    for member in members:
        for cap in caps:
            verdict = _full(cap, counted.get(member.customer, []), leg.now)
            if verdict is not None:
                question.answer(member.position, verdict)
                break


def _concerns(cap: Cap, question: _Question) -> bool:
    return cap.channel in (None, question.send.channel) and cap.category in (None, question.leg.plan.category)


async def _counted(leg: Leg, members: list[Member], seconds: int) -> dict[int, list[Any]]:
    """The messages that may take room in a cap, by customer, oldest first."""
    exempt = [name for name, category in leg.policy.categories.items() if category.caps == "exempt"]
    left = func.coalesce(messages.c.sent_at, messages.c.at)
    recent = left > leg.now - timedelta(seconds=seconds)
    query = (
        select(
            messages.c.id, messages.c.customer_id, messages.c.channel, messages.c.category, messages.c.state,
            left.label("left"),
        )
        .where(
            messages.c.customer_id.in_([member.customer for member in members]),
            or_(
                messages.c.state.in_(["queued", "sending"]),
                and_(messages.c.state.in_(["unknown", *WAS["sent"]]), recent),
            ),
            messages.c.category.not_in(exempt),
            messages.c.channel != WEBHOOK,
        )
        .order_by(left)
    )  # fmt: skip
    found: dict[int, list[Any]] = defaultdict(list)
    for row in await leg.connection.execute(query):
        found[row.customer_id].append(row)
    return found


def _full(cap: Cap, counted: list[Any], now: datetime) -> Verdict | None:
    """A verdict when the cap has no room: one that has not left yet counts as leaving now."""
    window = timedelta(seconds=cap.per)
    inside = [
        (now if row.state in ("queued", "sending") else row.left, row.id)
        for row in counted
        if cap.channel in (None, row.channel)
        and cap.category in (None, row.category)
        and (row.state in ("queued", "sending") or row.left > now - window)
    ]
    if len(inside) < cap.at_most:
        return None
    room_at = sorted(inside)[len(inside) - cap.at_most][0] + window if cap.at_most else None
    rule = {"channel": cap.channel, "category": cap.category, "at_most": cap.at_most, "per_seconds": cap.per}
    detail = {
        "cap": rule,
        "messages": [id for _, id in inside],
        "room_at": room_at.isoformat() if room_at else None,
    }
    return Verdict("held", "cap", detail, room_at)


@dataclass(frozen=True, slots=True)
class Claimable:
    """A queued message about to be handed over, as far as the gate needs to know it."""

    enrollment_state: str
    refused_by: str | None  # what `refused_by` says now
    timezone: str | None


def at_claim(message: Claimable, channel: str, category: Category, policy: Policy, now: datetime) -> Verdict:
    """The gate's second answer: queued (go on), dropped, or held until quiet hours end.

    Caps are not asked again: the message holds its place in them since it was queued.
    """
    if message.enrollment_state in ("exited", "failed"):
        return Verdict("dropped", message.enrollment_state)
    if message.refused_by is not None:
        return Verdict("dropped", message.refused_by)
    tz = (zone(message.timezone) if message.timezone else None) or zone(policy.defaults.timezone)
    for rule in policy.quiet_hours:
        if category.quiet_hours == "exempt" or rule.channel not in (None, channel) or tz is None:
            continue
        if (until := quiet_until(now, rule, tz)) is not None:
            return Verdict("held", "quiet-hours", None, until)
    return Verdict("queued")
