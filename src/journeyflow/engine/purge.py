"""Retention: rows go when the policy's time is over and nothing needs them any more.

Batch by batch, each a transaction with its line in the audit log, so that it may be cut short and run again.
What stays although its time is over, and why, stands with each rule.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Text,
    and_,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.conditions import History, Message
from journeyflow.engine.old_months import drop_months
from journeyflow.engine.programme import Programme
from journeyflow.members import enrollment_range
from journeyflow.policy import DAY, Policy
from journeyflow.store.audit import audit_log, note
from journeyflow.store.customers import consent_log, events, received_sms
from journeyflow.store.database import Store, locked
from journeyflow.store.events import forget_keys_of
from journeyflow.store.ledger import OPEN, messages
from journeyflow.store.passages import cohorts, enrollments, legs, observations, starts
from journeyflow.store.programme import journeys
from journeyflow.store.reports import reports
from journeyflow.store.segments import ask_again, segment_members, segments
from journeyflow.store.short_links import TESTS, number_of_test, short_links

ACTOR = "journeyflow"  # whose work it is, in the audit log
_BATCH = 1_000  # rows of a transaction
_LONGEST_CALENDAR = 32 * DAY  # of a cap: a month, wherever the customer lives
_REPORTS = 3 * DAY  # providers tell a report again for little more than a day
_TESTS = DAY  # whoever tries a template follows its links at once
_CATCH_UP = DAY  # longer than a sweep looks back, which must find whom it has brought in


async def purge(store: Store, programme: Programme, now: datetime, limit: int = _BATCH) -> Counter[str]:
    """Rows that went, by what they were."""
    async with store.reading() as connection:
        needs = await _needs(connection, programme, now)
    gone: Counter[str] = Counter()
    for rule in _rules(needs):
        if rule.table is events:
            gone[rule.name] += await drop_months(store, rule.over, now, ACTOR)
        gone[rule.name] += await _follow(store, rule, now, limit)
    return +gone


@dataclass(frozen=True, slots=True)
class _Needs:
    """What has to be known to tell which rows are needed."""

    now: datetime
    policy: Policy
    windows: dict[int, int]  # by version with somebody inside: how many seconds back its conditions look
    again: dict[str, int | None]  # by journey: see Plan.again

    def before(self, retention: int, at_least: int = 0) -> datetime:
        return self.now - timedelta(seconds=max(retention, at_least))


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    table: Table
    id: ColumnElement[Any]
    over: list[ColumnElement[bool]]  # rows for which all of these hold
    remove: Callable[[AsyncConnection, list[Any]], Awaitable[None]]


async def _needs(connection: AsyncConnection, programme: Programme, now: datetime) -> _Needs:
    inside = select(enrollments.c.version_id).where(enrollments.c.state == "active").distinct()
    windows = {}
    for version in (await connection.execute(inside)).scalars().all():
        windows[version] = max(_windows(await programme.plan(connection, version)), default=0)
    again = {}
    for row in (await connection.execute(select(journeys.c.name, journeys.c.version_id))).all():
        again[row.name] = (await programme.plan(connection, row.version_id)).again
    return _Needs(now, await programme.policy(connection), windows, again)


def _windows(part: Any) -> Iterator[int]:
    """How far back each condition in a plan looks. One without an end sees what retention leaves."""
    if isinstance(part, History | Message):
        yield part.within or 0
        picks = part.picks.values() if isinstance(part, History) else ()
        yield from (pick.within or 0 for pick in picks)
    elif isinstance(part, tuple):
        for item in part:
            yield from _windows(item)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _windows(getattr(part, field.name))


def _rules(needs: _Needs) -> Iterator[_Rule]:
    """In an order in which what points to a row goes before it."""
    keep = needs.policy.retention
    over = [reports.c.handled_at.is_not(None), reports.c.received_at < needs.before(_REPORTS)]
    yield _Rule("reports", reports, reports.c.id, over, _deleter(reports.c.id))
    old = short_links.c.message_id.between(TESTS, number_of_test(needs.before(_TESTS)) - 1)
    yield _Rule("short_links", short_links, short_links.c.id, [old], _deleter(short_links.c.id))
    if keep.messages is not None:
        yield _messages(needs, keep.messages)
    if keep.events is not None:
        yield _events(needs, keep.events)
        over = [received_sms.c.at < needs.before(keep.events, _CATCH_UP)]  # gateways repeat within minutes
        yield _Rule("received_sms", received_sms, received_sms.c.id, over, _deleter(received_sms.c.id))
    if keep.enrollments is not None:
        yield from _enrollments(needs, needs.before(keep.enrollments, _CATCH_UP))
    if keep.consent_log is not None:
        yield _consent_log(needs.before(keep.consent_log))
    if keep.audit_log is not None:
        over = [audit_log.c.at < needs.before(keep.audit_log)]
        yield _Rule("audit_log", audit_log, audit_log.c.id, over, _deleter(audit_log.c.id))


def _messages(needs: _Needs, retention: int) -> _Rule:
    """Kept: what a delivery has yet to settle, what a cap may count, and all of an open passage."""
    left = func.coalesce(messages.c.sent_at, messages.c.at)
    own = exists().where(enrollments.c.id == messages.c.enrollment_id, enrollments.c.state == "active")
    asked = exists().where(_inside(messages.c.customer_id), _looked_back_at(needs, left))
    longest = max((_seconds(cap.per) for cap in needs.policy.caps), default=0)
    over = [
        left < needs.before(retention, longest),
        messages.c.state.not_in(OPEN),
        ~own,
        ~asked,
    ]
    return _Rule("messages", messages, messages.c.id, over, _remove_messages)


def _events(needs: _Needs, retention: int) -> _Rule:
    """Kept: what is not routed or could still bring somebody in; for an open passage the event that began
    it, what came since, what its conditions look back at; what a message that has yet to leave tells of."""
    since = and_(_inside(events.c.customer_id), events.c.at >= enrollments.c.since)
    asked = and_(_inside(events.c.customer_id), _looked_back_at(needs, events.c.at))
    leaving = and_(
        enrollments.c.customer_id == events.c.customer_id,  # so that few are looked at
        enrollments.c.event_id == events.c.id,
        messages.c.enrollment_id == enrollments.c.id,
        messages.c.state.in_(OPEN),
    )
    over = [
        events.c.at < needs.before(retention, needs.policy.defaults.max_event_age),
        events.c.routed_at.is_not(None),
        *(~exists().where(needed) for needed in (since, asked, leaving)),
    ]
    return _Rule("events", events, events.c.id, over, _remove_events)


def _enrollments(needs: _Needs, before: datetime) -> Iterator[_Rule]:
    """What is personal in an ended passage goes; its row too, unless it is needed.

    It is as long as `again` asks whether the customer has been here before, a sweep whether it has brought
    them in on this occasion, and messages belong to it.
    """
    own = messages.c.enrollment_id == enrollments.c.id
    leaving = exists().where(own, messages.c.state.in_(OPEN))  # and telling of what began the passage
    ended = [enrollments.c.state != "active", enrollments.c.ended_at < before, ~leaving]
    seen = exists().where(observations.c.enrollment_id == enrollments.c.id)
    telling = or_(
        enrollments.c.event_id.is_not(None),
        enrollments.c.woken_by.is_not(None),
        enrollments.c.goal_value.is_not(None),
        seen,
    )
    yield _Rule("passages", enrollments, enrollments.c.id, [*ended, telling], _scrub)
    over = [*ended, ~exists().where(own), ~_asked_by_again(needs), ~_asked_by_sweep()]
    yield _Rule("enrollments", enrollments, enrollments.c.id, over, _deleter(enrollments.c.id))
    yield _legs(before)


def _asked_by_again(needs: _Needs) -> ColumnElement[bool]:
    never = [name for name, again in needs.again.items() if again is None]
    after = [
        and_(enrollments.c.journey == name, enrollments.c.entered_at > needs.before(again))
        for name, again in needs.again.items()
        if again
    ]
    return or_(enrollments.c.journey.in_(never), *after)


def _asked_by_sweep() -> ColumnElement[bool]:
    """Whoever is still in the segment has entered once for this membership."""
    occasion = literal("segment:") + cast(segment_members.c.id, Text)
    return exists().where(
        segment_members.c.customer_id == enrollments.c.customer_id,
        segment_members.c.left_at.is_(None),
        enrollments.c.occasion == occasion,
    )


def _legs(before: datetime) -> _Rule:
    """The trail of a cohort goes once the passage of its last member is over for so long; the cohort stays,
    since its workflow may be asleep still."""
    late = exists().where(
        enrollments.c.cohort_id == cohorts.c.id,
        or_(enrollments.c.state == "active", enrollments.c.ended_at >= before),
    )
    low, high = enrollment_range(cohorts.c.id)  # type: ignore[arg-type]  # arithmetic on the column
    leaving = exists().where(messages.c.enrollment_id.between(low, high), messages.c.state.in_(OPEN))
    over = [
        cohorts.c.created_at < before,
        exists().where(legs.c.cohort_id == cohorts.c.id),
        ~late,
        ~leaving,
        ~exists().where(starts.c.cohort_id == cohorts.c.id),
    ]
    return _Rule("trails", cohorts, cohorts.c.id, over, _deleter(legs.c.cohort_id))


def _consent_log(before: datetime) -> _Rule:
    """The last decision about each channel and topic is the proof of what holds, and stays. So does, of a
    double opt-in, what the customer confirmed with it: it has the wording that they agreed to."""
    newer = consent_log.alias("newer")
    same = [newer.c[name] == consent_log.c[name] for name in ("customer_id", "channel", "topic")]
    later = exists().where(*same, newer.c.id > consent_log.c.id)
    is_confirmed = and_(consent_log.c.state == "pending", ~later.where(newer.c.state != "granted"))
    over = [consent_log.c.at < before, later, ~is_confirmed]
    return _Rule("consent_log", consent_log, consent_log.c.id, over, _deleter(consent_log.c.id))


def _inside(customer: ColumnElement[int]) -> ColumnElement[bool]:
    return and_(enrollments.c.customer_id == customer, enrollments.c.state == "active")


def _looked_back_at(needs: _Needs, at: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether a condition of the passage in `enrollments` can look as far back as `at`."""
    return or_(
        literal(False),
        *(
            and_(enrollments.c.version_id == version, at >= needs.before(seconds))
            for version, seconds in needs.windows.items()
            if seconds
        ),
    )


def _seconds(per: int | str) -> int:
    return per if isinstance(per, int) else _LONGEST_CALENDAR


async def _follow(store: Store, rule: _Rule, now: datetime, limit: int) -> int:
    """Found without holding up anybody, and asked again under the lock; what is in use stays for today."""
    gone, query = 0, _query(rule)
    while True:
        async with store.reading() as connection:
            found = list((await connection.execute(query.limit(limit))).scalars())
        if not found:
            return gone
        query = _query(rule).where(rule.id > found[-1])
        async with store.writing() as connection:
            again = _query(rule).where(rule.id.in_(found))
            again = locked(connection, again, of=rule.table, skip_locked=True)
            ids = list((await connection.execute(again)).scalars())
            if ids:
                await rule.remove(connection, ids)
                await note(connection, now, ACTOR, "purge", rule.name, rows=len(ids))
        gone += len(ids)


def _query(rule: _Rule) -> Select[Any]:
    return select(rule.id).select_from(rule.table).where(*rule.over).order_by(rule.id)


def _deleter(column: Any) -> Callable[[AsyncConnection, list[Any]], Awaitable[None]]:
    async def remove(connection: AsyncConnection, ids: list[Any]) -> None:
        await connection.execute(delete(column.table).where(column.in_(ids)))

    return remove


async def _remove_messages(connection: AsyncConnection, ids: list[int]) -> None:
    """Their links lead nowhere from now on."""
    await connection.execute(delete(short_links).where(short_links.c.message_id.in_(ids)))
    await connection.execute(delete(messages).where(messages.c.id.in_(ids)))
    await ask_again(connection, segments.c.on_messages)


async def _remove_events(connection: AsyncConnection, ids: list[int]) -> None:
    """Ended passages no longer say which event began them."""
    named = enrollments.c.event_id.in_(ids)
    await connection.execute(update(enrollments).where(named).values(event_id=None))
    await forget_keys_of(connection, events.c.id.in_(ids))
    await connection.execute(delete(events).where(events.c.id.in_(ids)))
    await ask_again(connection, segments.c.on_events)


async def _scrub(connection: AsyncConnection, ids: list[int]) -> None:
    await connection.execute(delete(observations).where(observations.c.enrollment_id.in_(ids)))
    values = {"event_id": None, "woken_by": None, "goal_value": None}
    await connection.execute(update(enrollments).where(enrollments.c.id.in_(ids)).values(**values))
