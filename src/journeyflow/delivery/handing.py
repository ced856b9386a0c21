"""Handing over what was claimed: compose, mark, hand over, record; group by group.

A message is marked in the ledger just before the channel gets it, so that after a crash only those in flight
are in doubt; whatever else was claimed goes back to the queue. Recording one group and marking the next is
one transaction.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.delivery.channels.base import Accepted, Channel, Outcome, Outgoing, Rejected, Throttled
from journeyflow.delivery.claim import Claim, Claims, Held
from journeyflow.delivery.composing import Materials, Writer
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.pauses import TAKE_OVER_AFTER, put_off
from journeyflow.delivery.record import Fault, Result, Results, Unrendered, record
from journeyflow.engine.gate import category_of
from journeyflow.errors import ConfigurationError, RenderError
from journeyflow.plan import WEBHOOK, Plan
from journeyflow.policy import Policy
from journeyflow.store.database import locked
from journeyflow.store.ledger import messages
from journeyflow.workflows.contracts import DeliveryRequest


@dataclass(frozen=True, slots=True)
class Job:
    courier: Courier
    request: DeliveryRequest
    channel: Channel
    writer: Writer
    plan: Plan
    policy: Policy
    began: datetime  # this attempt; no two of a request began at the same time
    clock: Callable[[], datetime]
    stopping: Callable[[], bool]

    @property
    def is_urgent(self) -> bool:
        return category_of(self.policy, self.plan.category).consent == "not-required"


@dataclass(slots=True)
class Tally:
    """Of one attempt."""

    handed: int = 0  # messages that the channel was given
    accepted: int = 0
    held: list[Held] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


class Stopped(Exception):
    """By the provider, which wants a pause, or by the worker, which shuts down."""

    def __init__(self, seconds: float, reason: str, by_provider: bool) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.reason = reason
        self.by_provider = by_provider


_Composed = list[tuple[Claim, Outgoing | Unrendered | Fault]]

_PATIENCE = {WEBHOOK: timedelta(days=3)}  # by channel: how long a message is tried; without it, for ever
_FRESH = timedelta(seconds=10)  # after that, the gate is asked again about what was claimed


async def hand_over(job: Job, claims: Claims, materials: Materials, tally: Tally, many: int) -> None:
    """So many at once. Raises Stopped, or what a channel broke with, when all that the channel had got is
    recorded. What was claimed too long ago is left for the next claim.
    """
    waiting, results = claims.taken, Results()
    claimed_at = job.clock()
    while waiting or results:
        group, waiting = waiting[:many], waiting[many:]
        composed = [(one, _compose(job, one, materials)) for one in group]
        ours = await _record_and_mark(job, results, composed)
        results = await _send_all(job, [(one, it) for one, it in composed if one.message in ours])
        _count(job, results, tally)
        if waiting and job.clock() - claimed_at > _FRESH:
            claims.cursor, claims.more = group[-1].message, True
            return await _finish(job, results, waiting)
        if why := _why_stop(job, results):
            await _finish(job, results, waiting)
            raise why
    return None


def check_may_go_on(job: Job) -> None:
    if why := _must_stop(job):
        raise why


def _compose(job: Job, claim: Claim, materials: Materials) -> Outgoing | Unrendered | Fault:
    try:
        return job.writer.compose(claim, materials, job.clock())
    except RenderError as error:
        return Unrendered(str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised later
        return Fault(error, in_doubt=False)


async def _record_and_mark(job: Job, results: Results, composed: _Composed) -> set[int]:
    """Which of the next group are still this attempt's: only those may be handed over."""
    now = job.clock()
    async with job.courier.store.writing() as connection:
        await record(connection, job.request.channel, results, job.began, now)
        if not composed:
            return set()
        ours = await _ours(connection, job, [claim.message for claim, _ in composed])
        mark = update(messages).where(ours).values(handed_at=now).returning(messages.c.id)
        return set((await connection.execute(mark)).scalars())


async def _ours(connection: AsyncConnection, job: Job, ids: Collection[int]) -> ColumnElement[bool]:
    """Those that no later attempt has taken over, locked in the order of their numbers."""
    still = and_(messages.c.id.in_(ids), messages.c.state == "sending", messages.c.claimed_by == job.began)
    if connection.dialect.name == "sqlite":
        return still
    query = locked(connection, select(messages.c.id).where(still).order_by(messages.c.id), of=messages)
    return messages.c.id.in_((await connection.execute(query)).scalars().all())


async def _send_all(job: Job, composed: _Composed) -> Results:
    results = await asyncio.gather(*(_send(job, claim, it) for claim, it in composed))
    return [(claim, result) for (claim, _), result in zip(composed, results, strict=True)]


async def _send(job: Job, claim: Claim, composed: Outgoing | Unrendered | Fault) -> Result:
    if not isinstance(composed, Outgoing):
        return composed
    outcome = await _ask(job.channel, composed)
    patience = _PATIENCE.get(job.request.channel)
    if isinstance(outcome, Throttled) and patience is not None and job.clock() - claim.at > patience:
        return Rejected("gave-up", outcome.reason)
    return outcome


async def _ask(channel: Channel, message: Outgoing) -> Outcome | Fault:
    try:
        return await channel.send(message)
    except ConfigurationError as error:
        return Fault(error, in_doubt=False)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised later
        return Fault(error, in_doubt=True)


def _count(job: Job, results: Results, tally: Tally) -> None:
    """And when to come back for messages that have to wait while those behind them need not."""
    now = job.clock()
    for claim, result in results:
        tally.handed += result.in_doubt if isinstance(result, Fault) else not isinstance(result, Unrendered)
        tally.accepted += isinstance(result, Accepted)
        if isinstance(result, Fault):
            tally.faults.append(result)
            tally.held.append((now + TAKE_OVER_AFTER, result.reason))
        if isinstance(result, Throttled) and result.alone:
            pause = put_off(now - claim.at, result.retry_after, job.is_urgent)
            tally.held.append((now + pause, result.reason))


def _why_stop(job: Job, results: Results) -> Exception | None:
    for _, result in results:
        if isinstance(result, Fault) and result.in_doubt:
            return result.error
    throttled = [result for _, result in results if isinstance(result, Throttled) and not result.alone]
    if throttled:
        longest = max(throttled, key=lambda result: (result.retry_after, result.reason))
        until = job.clock() + timedelta(seconds=longest.retry_after)
        job.courier.leave_alone(job.request.channel, until, longest.reason)
        return Stopped(longest.retry_after, longest.reason, by_provider=True)
    return _must_stop(job)


def _must_stop(job: Job) -> Stopped | None:
    if job.stopping():
        return Stopped(0, "the worker stops", by_provider=False)
    now = job.clock()
    pause = job.courier.pause(job.request.channel, now)
    return Stopped((pause[0] - now).total_seconds(), pause[1], by_provider=True) if pause else None


async def _finish(job: Job, results: Results, waiting: list[Claim]) -> None:
    """What has not been handed over goes back to the queue."""
    async with job.courier.store.writing() as connection:
        await record(connection, job.request.channel, results, job.began, job.clock())
        if waiting:
            ours = await _ours(connection, job, [claim.message for claim in waiting])
            await connection.execute(update(messages).where(ours).values(state="queued"))
