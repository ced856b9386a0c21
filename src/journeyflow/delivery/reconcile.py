"""Messages that are unknown: asked after 10 minutes, 1 hour and 24 hours after they were claimed.

What providers report meanwhile weighs more: a message that is not unknown any more is left alone. What nobody
can answer for stays unknown, and after the last check for good; only a step that says `when_unknown: resend`
is sent a second time, once, within a day. Marketing never is, not even when the provider surely has not got
it. A provider that cannot be asked for a while has not been asked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.delivery.channels.base import Accepted, Sought, Unanswerable
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.seeking import sought
from journeyflow.errors import ConfigurationError
from journeyflow.plan import Plan, Send
from journeyflow.store.database import locked
from journeyflow.store.ledger import CHECKS, IN_DOUBT, OPEN, RESENT, messages
from journeyflow.store.passages import enrollments
from journeyflow.store.segments import touch_addressees
from journeyflow.workflows.contracts import DeliveryRequest, Reconciled

LOST = "lost: the provider never had it"
AFTER = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=24))  # since it was claimed
_PATIENCE = timedelta(days=3)  # with a provider that cannot be asked for a while
_BATCH = 100  # messages asked after between two transactions
_MOST = 5_000  # messages that one run asks after; the next one goes on

_Answer = Accepted | Unanswerable | None

assert len(AFTER) == CHECKS


@dataclass(frozen=True, slots=True)
class _Doubt:
    id: int
    version: int
    step: int
    checks: int
    resends: int
    claimed_at: datetime


async def reconcile(courier: Courier, channel: str, now: datetime) -> Reconciled:
    """Asks after those whose time has come, and names the deliveries of what is to be sent again."""
    if channel not in courier.channels:
        raise ConfigurationError(f'this worker has no channel "{channel}"')
    done, after = Reconciled(), 0
    while done.asked < _MOST:
        doubts = await _due(courier, channel, now, after)
        if not doubts:
            break
        answers = await _ask(courier, channel, doubts)
        done.asked += len(doubts)
        done.settled += await _settle(courier, doubts, answers, now)
        after = max(doubts)
    done.again = await _to_send_again(courier, channel)
    return done


async def _due(courier: Courier, channel: str, now: datetime, after: int) -> dict[int, _Doubt]:
    """In the order of their numbers."""
    columns = (messages.c.id, messages.c.version_id, messages.c.step, messages.c.checks, messages.c.resends)
    late = (
        and_(messages.c.checks <= number, messages.c.claimed_at <= now - age)
        for number, age in enumerate(AFTER)
    )
    query = (
        select(*columns, messages.c.claimed_at)
        .where(IN_DOUBT, messages.c.channel == channel, messages.c.id > after)
        .where(or_(*late))
        .order_by(messages.c.id)
        .limit(_BATCH)
    )
    async with courier.store.reading() as connection:
        return {row.id: _Doubt(*row) for row in await connection.execute(query)}


async def _ask(courier: Courier, channel: str, doubts: Collection[int]) -> dict[int, _Answer]:
    async with courier.store.reading() as connection:
        policy = await courier.programme.policy(connection)
        all_sought: list[Sought] = await sought(connection, policy, channel, messages.c.id.in_(doubts))
    return {one.message_id: await courier.channels[channel].lookup(one) for one in all_sought}


async def _settle(
    courier: Courier, doubts: Mapping[int, _Doubt], answers: Mapping[int, _Answer], now: datetime
) -> int:
    async with courier.store.writing() as connection:
        settled: list[int] = []
        for doubt in await _still_unknown(connection, [doubts[id] for id in answers]):
            plan = await courier.programme.plan(connection, doubt.version)
            values = _settled(doubt, answers[doubt.id], _may_resend(plan, doubt), now)
            if values:
                await connection.execute(update(messages).where(messages.c.id == doubt.id).values(**values))
            if "state" in values:
                settled.append(doubt.id)
        await touch_addressees(connection, settled)
    return len(settled)


async def _still_unknown(connection: AsyncConnection, doubts: Collection[_Doubt]) -> list[_Doubt]:
    """Locked. Reports may have proven some meanwhile, and another run may have asked after them; one that
    somebody has in hand is asked after again the next time."""
    theirs = (messages.c.id.in_([doubt.id for doubt in doubts]), messages.c.state == "unknown")
    query = select(messages.c.id, messages.c.checks).where(*theirs).order_by(messages.c.id)
    rows = (await connection.execute(locked(connection, query, of=messages, skip_locked=True))).all()
    checks = {row.id: row.checks for row in rows}
    return [doubt for doubt in doubts if checks.get(doubt.id) == doubt.checks]


def _settled(doubt: _Doubt, answer: _Answer, resend: bool, now: datetime) -> dict[str, Any]:
    age = now - doubt.claimed_at
    checks = {"checks": sum(age >= after for after in AFTER)}
    is_waited_for = age < AFTER[-1]
    again = {"state": "queued", "reason": None, "sent_at": None, "checks": 0, "resends": doubt.resends + 1}
    match answer:
        case Accepted():
            return checks | {"state": "sent", "reason": None, "provider_id": answer.provider_id}
        case None:
            return (
                again
                if resend and is_waited_for
                else checks | {"state": "failed", "reason": LOST, "sent_at": None}
            )
        case Unanswerable(for_now=True):
            return {} if age < _PATIENCE else checks
        case Unanswerable():  # at the first check a report would have come
            return again if resend and is_waited_for and doubt.checks == 0 else checks
        case _:
            assert_never(answer)


def _may_resend(plan: Plan, doubt: _Doubt) -> bool:
    step = plan.steps[doubt.step]
    return isinstance(step, Send) and step.when_unknown == "resend" and doubt.resends == 0


async def _to_send_again(courier: Courier, channel: str) -> list[DeliveryRequest]:
    """Of this run, and of earlier ones that came no further."""
    open_again = (RESENT, messages.c.channel == channel, messages.c.state.in_(OPEN))
    query = (
        select(enrollments.c.cohort_id, messages.c.leg)
        .distinct()
        .join_from(messages, enrollments, enrollments.c.id == messages.c.enrollment_id)
        .where(*open_again)
        .order_by(enrollments.c.cohort_id, messages.c.leg)
        .limit(_BATCH)
    )
    async with courier.store.reading() as connection:
        rows = (await connection.execute(query)).all()
    return [DeliveryRequest(cohort, leg, channel, resend=True) for cohort, leg in rows]
