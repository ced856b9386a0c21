"""A send asks the gate and writes the ledger; delivery happens afterwards, from the ledger."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from journeyflow.engine.gate import Verdict, decide
from journeyflow.engine.leg import Leg, Member
from journeyflow.engine.pausing import REASON as PAUSED
from journeyflow.members import Mask, mask_of
from journeyflow.plan import IfCapped, Send, Webhook
from journeyflow.store.database import upsert
from journeyflow.store.ledger import messages

_KEY = ["enrollment_id", "step"]
# A message leaves a moment after the gate let it through, so a full window of a cap ends that much later: one
# a day at ten o'clock would find no room every second day, and waits for those milliseconds.
_MOMENT = timedelta(minutes=1)
_DECIDED = ["state", "reason", "detail", "at", "leg"]


async def run(leg: Leg, number: int, step: Send | Webhook, members: Mask) -> None:
    verdicts = await decide(leg, number, step, members)
    held_since = await _held_since(leg, number, verdicts)
    rows: list[dict[str, Any]] = []
    groups: dict[tuple[str, str | None], Mask] = defaultdict(int)
    for member in leg.chosen(members):
        verdict = verdicts[member.position]
        first_asked = held_since.get(member.enrollment, leg.now)
        if isinstance(step, Send) and verdict.reason == "cap":
            verdict = when_capped(step.if_capped, verdict, first_asked, leg.now)
        rows.append(_row(leg, number, step, member, verdict, first_asked))
        groups[verdict.state, verdict.reason] |= 1 << member.position
        _move(leg, number, step, member, verdict)
    await leg.connection.execute(upsert(leg.connection, messages, _KEY, _DECIDED), rows)
    for (state, reason), who in groups.items():
        leg.note(number, state, who, **({"reason": reason} if reason else {}))
    if any(state == "queued" for state, _ in groups):
        leg.channels.add(step.channel)


def when_capped(if_capped: IfCapped, verdict: Verdict, first_asked: datetime, now: datetime) -> Verdict:
    """A capped message waits for room as long as its `if_capped` says, and for a moment in any case."""
    patience = timedelta(seconds=if_capped.up_to or 0) if if_capped.do == "wait" else timedelta(0)
    until = verdict.until
    if until is not None and (until <= now + _MOMENT or until <= first_asked + patience + _MOMENT):
        return verdict
    return Verdict("dropped", verdict.reason, verdict.detail)


def _move(leg: Leg, number: int, step: Send | Webhook, member: Member, verdict: Verdict) -> None:
    who = 1 << member.position
    if verdict.state == "held" and verdict.until is not None:
        leg.rest(who, number, verdict.until)
    elif isinstance(step, Send) and verdict.reason == "cap" and step.if_capped.do == "exit":
        leg.leave(who, f"{step.path}: cap")
    else:
        leg.go(who, step.next)


async def _held_since(leg: Leg, number: int, verdicts: dict[int, Verdict]) -> dict[int, datetime]:
    """When the messages that are held or capped now first asked the gate, by enrollment.

    A pause is no waiting for room: who comes from there asks for the first time.
    """
    asking = mask_of(position for position, verdict in verdicts.items() if verdict.until is not None)
    if not asking:
        return {}
    ids = [member.enrollment for member in leg.chosen(asking)]
    rows = await leg.connection.execute(
        select(messages.c.enrollment_id, messages.c.at).where(
            messages.c.enrollment_id.in_(ids),
            messages.c.step == number,
            messages.c.state == "held",
            messages.c.reason != PAUSED,
        )
    )
    return {row.enrollment_id: row.at for row in rows}


def _row(
    leg: Leg, number: int, step: Send | Webhook, member: Member, verdict: Verdict, first_asked: Any
) -> dict[str, Any]:
    return {
        "enrollment_id": member.enrollment,
        "step": number,
        "leg": leg.number,
        "customer_id": member.customer,
        "version_id": leg.version,
        "journey": leg.plan.journey,
        "channel": step.channel,
        "category": leg.plan.category,
        "topic": leg.plan.topic,
        "priority": leg.plan.priority,
        "template": step.template,
        "state": verdict.state,
        "reason": verdict.reason,
        "detail": verdict.detail,
        # A held message keeps the moment it first asked: `wait up to` counts from there.
        "at": first_asked if verdict.state == "held" else leg.now,
    }
