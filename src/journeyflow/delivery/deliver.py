"""Delivery: claim, hand over, record; a few messages at a time, so that a crash leaves few in doubt.

States: queued -> sending -> sent | failed | unknown. Only the attempt that moved a message to sending hands
it over (see `handing`). One that a later attempt finds handed over is asked after; if nobody can tell, it is
unknown (see `reconcile`). No attempt ends well while any are queued or sending, so that there always is a
later one.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import and_, func, select, update

from journeyflow.delivery.channels.base import Accepted, Unanswerable
from journeyflow.delivery.claim import Claims, Held, claim, of_request
from journeyflow.delivery.composing import Materials, Writer, gather
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.handing import Job, Stopped, Tally, check_may_go_on, hand_over
from journeyflow.delivery.pauses import AT_ONCE, PACED, TAKE_OVER_AFTER, TryAgain, back_off
from journeyflow.delivery.seeking import sought
from journeyflow.errors import ConfigurationError
from journeyflow.instants import from_ms, to_ms
from journeyflow.store.ledger import OPEN, WAS, messages
from journeyflow.store.passages import cohorts
from journeyflow.store.segments import touch_addressees
from journeyflow.workflows.contracts import DeliveryCount, DeliveryRequest, Turn


@dataclass(frozen=True, slots=True)
class Attempt:
    """Of the activity: only a second one can find messages that the one before it left in sending."""

    number: int  # from 1
    clock: Callable[[], datetime]
    stopping: Callable[[], bool]  # the worker shuts down: finish and record what is in flight
    outages: int = 0  # attempts in a row before this one that found the provider away


_AHEAD = 50  # messages claimed at once; the gate sees them a moment before they are handed over


async def deliver(courier: Courier, request: DeliveryRequest, attempt: Attempt) -> DeliveryCount:
    """Hands over every queued message of one leg on one channel. Raises TryAgain when some must wait.

    A fault of ours is raised too, but stops no message that it does not concern.
    """
    job = await _job(courier, request, attempt)
    if attempt.number > 1 or request.resend:
        await _settle(job)
    turn = request.turn if attempt.number == 1 else Turn()  # a retry begins with what was passed over
    tally = Tally(held=[(from_ms(turn.until), "some were passed over")] if turn.until else [])
    try:
        end = await _hand_over_all(job, tally, turn.after)
    except Stopped as stop:
        raise await _stopped(job, stop, tally, attempt) from None
    if end is not None:
        raise _paced(end, _waiting(await _counts(job)), tally, attempt)
    if tally.faults:
        raise tally.faults[0].error
    counts = await _counts(job)
    if any(counts[state] for state in OPEN):
        raise _try_again(counts, tally.held, attempt)
    left = sum(counts[state] for state in WAS["sent"])  # a provider may have told already how it went on
    return DeliveryCount(left, counts["failed"], counts["unknown"], counts["cancelled"])


async def _job(courier: Courier, request: DeliveryRequest, attempt: Attempt) -> Job:
    channel = courier.channels.get(request.channel)
    if channel is None:
        raise ConfigurationError(f'this worker has no channel "{request.channel}"')
    async with courier.store.reading() as connection:
        query = select(cohorts.c.version_id).where(cohorts.c.id == request.cohort)
        version = (await connection.execute(query)).scalar_one()
        plan = await courier.programme.plan(connection, version)
        policy = await courier.programme.policy(connection)
    writer = Writer(plan, policy, request.channel, courier.renderer, courier.links)
    began = attempt.clock()
    return Job(courier, request, channel, writer, plan, policy, began, attempt.clock, attempt.stopping)


async def _settle(job: Job) -> None:
    """What an earlier attempt left in sending. Where it was not marked, it was not handed over."""
    left = and_(of_request(job.request), messages.c.state == "sending")
    unmarked, marked = and_(left, messages.c.handed_at.is_(None)), messages.c.handed_at.is_not(None)
    async with job.courier.store.writing() as connection:
        await connection.execute(update(messages).where(unmarked).values(state="queued"))
    async with job.courier.store.reading() as connection:
        all_sought = await sought(connection, job.policy, job.request.channel, and_(left, marked))
    answers = [(one.message_id, await job.channel.lookup(one)) for one in all_sought]
    if answers:
        async with job.courier.store.writing() as connection:
            for id, answer in answers:
                settled = update(messages).where(messages.c.id == id, messages.c.state == "sending")
                await connection.execute(settled.values(**_settled(answer, job.clock())))
            await touch_addressees(connection, [id for id, _answer in answers])


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


async def _hand_over_all(job: Job, tally: Tally, after: int) -> int | None:
    """The last message looked at if there are more, as a rate allows each attempt only so many; else None.

    It waits for slots before it claims, since nobody asks the gate about what waits once it is claimed.
    """
    claims = Claims([], after, True, [])
    while claims.more:
        left = _AHEAD if job.courier.most is None else min(_AHEAD, job.courier.most - tally.handed)
        if left <= 0:
            return claims.cursor
        async with job.courier.slots(job.request.channel).some(left) as share:
            check_may_go_on(job)
            claims, materials = await _claim(job, claims, left)
            tally.held += claims.held
            share.keep(len(claims.taken))
            if claims.taken:
                await hand_over(job, claims, materials, tally, share.number)
    return None


async def _claim(job: Job, before: Claims, most: int) -> tuple[Claims, Materials]:
    now = job.clock()
    async with job.courier.store.writing() as connection:
        claims = await claim(
            connection, job.request, job.plan, job.policy, job.began, now, before.cursor, _AHEAD, most
        )
        return claims, await gather(connection, job.courier, job.writer, claims.taken, now)


async def _counts(job: Job) -> Counter[str]:
    """The messages of the request by state."""
    query = (
        select(messages.c.state, func.count().label("messages"))
        .where(of_request(job.request))
        .group_by(messages.c.state)
    )
    async with job.courier.store.reading() as connection:
        return Counter({row.state: row.messages for row in await connection.execute(query)})


def _paced(end: int, waiting: int, tally: Tally, attempt: Attempt) -> TryAgain:
    until = min((to_ms(until) for until, _ in tally.held), default=0)
    return TryAgain(AT_ONCE, waiting, PACED, 0 if tally.accepted else attempt.outages, Turn(end, until))


async def _stopped(job: Job, stop: Stopped, tally: Tally, attempt: Attempt) -> TryAgain:
    waiting = _waiting(await _counts(job))
    before = 0 if tally.accepted else attempt.outages
    if not stop.by_provider:
        return TryAgain(AT_ONCE, waiting, stop.reason, before)
    pause = back_off(job.request, before + 1, stop.seconds, job.is_urgent)
    return TryAgain(pause, waiting, stop.reason, before + 1)


def _waiting(counts: Counter[str]) -> int:
    return sum(counts[state] for state in OPEN)


def _try_again(counts: Counter[str], held: list[Held], attempt: Attempt) -> TryAgain:
    """What is in sending here belongs to an attempt that counts as dead: the next one settles it."""
    now = attempt.clock()
    pauses = held[:]
    if counts["sending"] or not held:
        pauses.append((now + TAKE_OVER_AFTER, "an earlier attempt has yet to be settled"))
    until, reason = min(pauses)
    return TryAgain(max(until - now, AT_ONCE), _waiting(counts), reason, attempt.outages)
