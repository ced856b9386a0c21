"""The gate: the one place where consent, suppression, hours, holdout and caps decide on a message.

It is asked in the leg's transaction, and once more (`at_claim`) when the message is claimed.
Each rule takes members out of the set that is still open; what is left may be sent.
"""

import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, select

from journeyflow.assignment import held_out
from journeyflow.audience.conditions import Frame, holds
from journeyflow.audience.permission import consent_state, refused_by
from journeyflow.engine.caps import Ask, Full, reserve
from journeyflow.engine.hours import Closed, Hours, Place
from journeyflow.engine.leg import Leg, Member
from journeyflow.engine.local_time import default_zone
from journeyflow.engine.pausing import REASON as PAUSED
from journeyflow.engine.pausing import REST, RETRY, still_paused
from journeyflow.members import Mask, positions
from journeyflow.plan import WEBHOOK, Send, Webhook
from journeyflow.policy import Category, Policy
from journeyflow.store.customers import customers

_SLOTS = 10  # moments over which held messages are spread: few, since each is a stop of its own


@dataclass(frozen=True, slots=True)
class Verdict:
    state: str  # queued | held | dropped
    # The rule: paused, no-address, suppressed, consent, quiet-hours, send-window, holdout, cap.
    reason: str | None = None
    detail: dict[str, Any] | None = None
    until: datetime | None = None  # of held: when to ask again


_HELD_OUT = Verdict("dropped", "holdout")


@dataclass(slots=True)
class _Question:
    leg: Leg
    number: int  # of the step
    send: Send
    category: Category
    open: Mask  # members that no rule has decided on yet
    verdicts: dict[int, Verdict] = field(default_factory=dict)

    def answer(self, position: int, verdict: Verdict) -> None:
        self.verdicts[position] = verdict
        self.open &= ~(1 << position)


async def decide(leg: Leg, number: int, send: Send | Webhook, members: Mask) -> dict[int, Verdict]:
    """A verdict for each member, by position."""
    if leg.is_paused and (since := await still_paused(leg.connection, leg.plan.journey)) is not None:
        return {position: _resting(since, leg.now + REST) for position in positions(members)}
    if isinstance(send, Webhook):
        return {position: Verdict("queued") for position in positions(members)}
    question = _Question(leg, number, send, category_of(leg.policy, leg.plan.category), members)
    await _ask_permission(question)
    _ask_hours(question)
    _ask_holdout(question)
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


def holdout_of(policy: Policy, category: Category) -> int:
    """Hundredths of a percent of the customers, who get nothing of the category."""
    return 0 if category.consent == "not-required" else policy.holdout


def refusal(
    channel: str, category: Category, topic: str, customer: FromClause, now: datetime
) -> ColumnElement[str | None]:
    """The first rule about the customer that refuses the message, else NULL."""
    bought = category.bought if category.consent == "soft-opt-in" else None
    has_bought = holds(bought, Frame(customer=customer, now=now)) if bought else None
    return refused_by(channel, category, topic, customer, has_bought)


def _resting(since: datetime, until: datetime) -> Verdict:
    return Verdict("held", PAUSED, {"since": since.isoformat()}, until)


async def _ask_permission(question: _Question) -> None:
    leg, channel, topic = question.leg, question.send.channel, question.leg.plan.topic
    refused = refusal(channel, question.category, topic, customers, leg.now)
    chosen: dict[int, list[int]] = {}
    for member in leg.chosen(question.open):
        chosen.setdefault(member.customer, []).append(member.position)
    state = consent_state(channel, topic, customers).label("consent")
    query = select(customers.c.id, refused.label("reason"), state).where(customers.c.id.in_(list(chosen)))
    for row in await leg.connection.execute(query.where(refused.is_not(None))):
        detail = {"consent": row.consent} if row.reason == "consent" else None
        for position in chosen[row.id]:
            question.answer(position, Verdict("dropped", row.reason, detail))


def _ask_hours(question: _Question) -> None:
    leg = question.leg
    if question.category.quiet_hours == "exempt" or not (leg.policy.quiet_hours or leg.policy.send_windows):
        return
    hours = Hours.of(leg.policy, question.send.channel, leg.plan.category, default_zone(leg.policy))
    known: dict[Place, Closed | None] = {}
    for member in leg.chosen(question.open):
        place = Place(member.timezone, member.country)
        if place not in known:
            known[place] = hours.closed(place, leg.now)
        if (closed := known[place]) is not None:
            until = _spread(question, hours, place, member, closed.until)
            question.answer(member.position, Verdict("held", *_told(closed), until))


def _told(closed: Closed) -> tuple[str, dict[str, Any]]:
    """The reason, and the rule."""
    if closed.rule is None:
        return "send-window", {"opens": closed.until.isoformat()}
    rule = closed.rule
    days = {"days": list(rule.days)} if rule.days else {}
    holidays = {"holidays": True} if rule.holidays else {}
    where = {"country": rule.country} if rule.country else {}
    return "quiet-hours", {"from": rule.start, "to": rule.end, **days, **holidays, **where}


def _spread(question: _Question, hours: Hours, place: Place, member: Member, opening: datetime) -> datetime:
    """A moment soon after the opening, always the same for this message."""
    slot = zlib.crc32(f"{member.customer}/{member.enrollment}/{question.number}".encode()) % _SLOTS
    moment = opening + timedelta(seconds=question.leg.policy.spread * slot // _SLOTS)
    return opening if hours.closed(place, moment) else moment


def _ask_holdout(question: _Question) -> None:
    """After the hours, so that whoever is held out goes on when the others do."""
    holdout = holdout_of(question.leg.policy, question.category)
    if not holdout:
        return
    members = question.leg.chosen(question.open)
    for member, is_held_out in zip(members, held_out([one.key for one in members], holdout), strict=True):
        if is_held_out:
            question.answer(member.position, _HELD_OUT)


async def _ask_caps(question: _Question) -> None:
    leg = question.leg
    if question.category.caps == "exempt" or not leg.policy.caps or not question.open:
        return
    asks = [_ask(question, member) for member in leg.chosen(question.open)]
    full = await reserve(leg.connection, leg.policy, asks, leg.now)
    for position, found in full.items():
        question.answer(position, capped(found))


def _ask(question: _Question, member: Member) -> Ask:
    leg = question.leg
    return Ask.of(
        leg.plan,
        leg.policy,
        question.send.channel,
        member.timezone,
        member.country,
        key=member.position,
        enrollment=member.enrollment,
        step=question.number,
        customer=member.customer,
    )


def capped(full: Full) -> Verdict:
    return Verdict("held", "cap", full.detail(), full.room_at)


@dataclass(frozen=True, slots=True)
class Claimable:
    """A queued message about to be handed over, as far as the gate needs to know it."""

    enrollment_state: str
    refused_by: str | None  # what `refusal` says now
    consent: str  # the state of the customer's consent
    place: Place
    paused_at: datetime | None  # the journey
    is_held_out: bool = False  # the customer, of what needs consent


def at_claim(message: Claimable, hours: Hours | None, now: datetime) -> Verdict:
    """The gate's second answer: queued (go on), dropped, or held until the hours allow it or to ask again.

    `hours` is None where no hours hold. Caps are asked again only for an outranked message: any other holds
    its place in them since it was queued.
    """
    if message.enrollment_state in ("exited", "failed"):
        return Verdict("dropped", message.enrollment_state)
    if message.refused_by is not None:
        detail = {"consent": message.consent} if message.refused_by == "consent" else None
        return Verdict("dropped", message.refused_by, detail)
    if message.is_held_out:
        return _HELD_OUT
    if message.paused_at is not None:
        return _resting(message.paused_at, now + RETRY)
    closed = hours.closed(message.place, now) if hours else None
    if closed is not None:
        reason, detail = _told(closed)
        return Verdict("held", reason, detail, closed.until)
    return Verdict("queued")
