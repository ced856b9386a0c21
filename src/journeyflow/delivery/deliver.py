"""Delivery: claim, render, hand over, record; batch by batch, so that a crash leaves few messages in doubt.

States: queued -> sending -> sent | failed | unknown. Only the attempt that moved a message to sending hands
it over. One found in sending by a later attempt is asked after; if nobody can tell, it is unknown and not
sent again. No attempt ends well while any are queued or sending, so that there always is a later one.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never

from sqlalchemy import and_, func, select, update

from journeyflow.delivery.channels.base import (
    Accepted,
    Channel,
    Outcome,
    Outgoing,
    Rejected,
    Throttled,
    Unanswerable,
)
from journeyflow.delivery.claim import Claim, Claims, Held, claim, of_request
from journeyflow.delivery.composing import Materials, Writer, gather
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.record import Fault, Result, Results, Unrendered, record
from journeyflow.delivery.seeking import sought
from journeyflow.errors import ConfigurationError, RenderError
from journeyflow.plan import WEBHOOK, Plan
from journeyflow.policy import Policy
from journeyflow.store.ledger import OPEN, messages
from journeyflow.store.passages import cohorts
from journeyflow.workflows.contracts import DeliveryCount, DeliveryRequest


@dataclass(frozen=True, slots=True)
class Attempt:
    """Of the activity: only a second one can find messages that the one before it left in sending."""

    number: int  # from 1
    clock: Callable[[], datetime]
    stopping: Callable[[], bool]  # the worker shuts down: finish and record what is in flight


@dataclass(slots=True, eq=False)  # not frozen: Python notes in an exception where it passed
class TryAgain(Exception):
    """Some messages are still queued: the provider wants a pause, quiet hours have begun, or we stop."""

    after: timedelta
    waiting: int  # messages
    reason: str  # quotes nobody


@dataclass(frozen=True, slots=True)
class _Job:
    courier: Courier
    request: DeliveryRequest
    channel: Channel
    writer: Writer
    plan: Plan
    policy: Policy
    began: datetime  # this attempt; no two of a request began at the same time


_PATIENCE = {WEBHOOK: timedelta(days=3)}  # by channel: how long a message is tried; without it, for ever

_TAKE_OVER_AFTER = timedelta(seconds=30)  # by then no channel is still at what it was given


async def deliver(courier: Courier, request: DeliveryRequest, attempt: Attempt) -> DeliveryCount:
    """Hands over every queued message of one leg on one channel. Raises TryAgain when some must wait.

    A fault of ours is raised too, but stops no message that it does not concern.
    """
    job = await _job(courier, request, attempt.clock())
    if attempt.number > 1:
        await _reconcile(job, attempt.clock())
    results: Results = []
    claims = Claims([], 0, True, [])
    held: list[Held] = []
    faults: list[Fault] = []
    while claims.more or results:
        claims, materials = await _record_and_claim(job, results, claims, attempt.clock())
        held += claims.held
        results = await _hand_over(job, claims.taken, materials, attempt.clock())
        held += _again_alone(results, attempt.clock())
        faults += _faults(results)
        await _stop_if_asked(job, results, attempt)
    if faults:
        raise faults[0].error
    counts = await _counts(job)
    if any(counts[state] for state in OPEN):
        raise _try_again(counts, held, attempt.clock())
    return DeliveryCount(*(counts[state] for state in ("sent", "failed", "unknown", "cancelled")))


async def _job(courier: Courier, request: DeliveryRequest, began: datetime) -> _Job:
    channel = courier.channels.get(request.channel)
    if channel is None:
        raise ConfigurationError(f'this worker has no channel "{request.channel}"')
    async with courier.store.reading() as connection:
        query = select(cohorts.c.version_id).where(cohorts.c.id == request.cohort)
        version = (await connection.execute(query)).scalar_one()
        plan = await courier.programme.plan(connection, version)
        policy = await courier.programme.policy(connection)
        writer = Writer(plan, policy, request.channel, courier.renderer)
        return _Job(courier, request, channel, writer, plan, policy, began)


async def _reconcile(job: _Job, now: datetime) -> None:
    """Settles what an earlier attempt left in sending."""
    in_doubt = and_(of_request(job.request), messages.c.state == "sending")
    async with job.courier.store.reading() as connection:
        all_sought = await sought(connection, job.policy, job.request.channel, in_doubt)
    answers = [(one.message_id, await job.channel.lookup(one)) for one in all_sought]
    async with job.courier.store.writing() as connection:
        for id, answer in answers:
            settled = update(messages).where(messages.c.id == id, messages.c.state == "sending")
            await connection.execute(settled.values(**_settled(answer, now)))


def _settled(answer: Accepted | Unanswerable | None, now: datetime) -> dict[str, Any]:
    match answer:
        case Accepted():
            return {"state": "sent", "sent_at": now, "provider_id": answer.provider_id}
        case Unanswerable():
            return {"state": "unknown", "reason": "interrupted", "sent_at": now}
        case None:
            return {"state": "queued"}
        case _:
            assert_never(answer)


async def _record_and_claim(
    job: _Job, results: Results, before: Claims, now: datetime
) -> tuple[Claims, Materials]:
    """One transaction for the end of one batch and the beginning of the next; two where there are caps, since
    a claim may then lock customers, who come before messages in the order of locks."""
    if results and job.policy.caps:
        async with job.courier.store.writing() as connection:
            await record(connection, job.request.channel, results, job.began, now)
        results = []
    async with job.courier.store.writing() as connection:
        await record(connection, job.request.channel, results, job.began, now)
        if not before.more:
            return Claims([], before.cursor, False, []), Materials()
        batch = job.channel.batch
        claims = await claim(
            connection, job.request, job.plan, job.policy, job.began, now, before.cursor, batch
        )
        channel = job.request.channel
        return claims, await gather(connection, job.courier, job.policy, channel, claims.taken, now)


async def _hand_over(job: _Job, claims: list[Claim], materials: Materials, now: datetime) -> Results:
    results = await asyncio.gather(*(_send(job, taken, materials, now) for taken in claims))
    return list(zip(claims, results, strict=True))


async def _send(job: _Job, claim: Claim, materials: Materials, now: datetime) -> Result:
    try:
        message = job.writer.compose(claim, materials, now)
    except RenderError as error:
        return Unrendered(str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised later
        return Fault(error, in_doubt=False)
    outcome = await _ask(job.channel, message)
    patience = _PATIENCE.get(job.request.channel)
    if isinstance(outcome, Throttled) and patience is not None and now - claim.at > patience:
        return Rejected("gave-up", outcome.reason)
    return outcome


async def _ask(channel: Channel, message: Outgoing) -> Outcome | Fault:
    try:
        return await channel.send(message)
    except ConfigurationError as error:
        return Fault(error, in_doubt=False)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is raised later
        return Fault(error, in_doubt=True)


def _again_alone(results: Results, now: datetime) -> list[Held]:
    """When to come back for messages that have to wait while those behind them need not."""
    waiting = [result for _, result in results if isinstance(result, Throttled) and result.alone]
    return [(now + timedelta(seconds=result.retry_after), result.reason) for result in waiting]


async def _stop_if_asked(job: _Job, results: Results, attempt: Attempt) -> None:
    """By the provider, which wants a pause, by the worker, which shuts down, or by a channel that breaks."""
    throttled = [result for _, result in results if isinstance(result, Throttled)]
    pauses = [(result.retry_after, result.reason) for result in throttled if not result.alone]
    pauses += [(0.0, "the worker stops")] if attempt.stopping() else []
    breaks = [fault.error for fault in _faults(results) if fault.in_doubt]
    if breaks or pauses:
        async with job.courier.store.writing() as connection:
            await record(connection, job.request.channel, results, job.began, attempt.clock())
        if breaks:
            raise breaks[0]
        seconds, reason = max(pauses)
        raise TryAgain(timedelta(seconds=seconds), (await _counts(job))["queued"], reason)


def _faults(results: Results) -> list[Fault]:
    return [result for _, result in results if isinstance(result, Fault)]


async def _counts(job: _Job) -> Counter[str]:
    """The messages of the request by state."""
    query = (
        select(messages.c.state, func.count().label("messages"))
        .where(of_request(job.request))
        .group_by(messages.c.state)
    )
    async with job.courier.store.reading() as connection:
        return Counter({row.state: row.messages for row in await connection.execute(query)})


def _try_again(counts: Counter[str], held: list[Held], now: datetime) -> TryAgain:
    """What is in sending here belongs to an attempt that counts as dead: the next one settles it."""
    pauses = held[:]
    if counts["sending"] or not held:
        pauses.append((now + _TAKE_OVER_AFTER, "an earlier attempt has yet to be settled"))
    until, reason = min(pauses)
    return TryAgain(max(until - now, timedelta(0)), sum(counts[state] for state in OPEN), reason)
