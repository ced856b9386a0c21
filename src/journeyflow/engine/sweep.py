"""Sweeps: entries that no event brings about, by segment, date and cron.

Safe to run twice, late, or cut short.
"""

from datetime import date, datetime, time, timedelta
from typing import Any, assert_never

from cronsim import CronSim
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience import json_sql
from journeyflow.audience.conditions import COLUMNS, Frame, holds
from journeyflow.engine.enroll import Entrant, enroll, may_enter
from journeyflow.engine.local_time import at_local, zone
from journeyflow.engine.programme import Programme, Version
from journeyflow.members import COHORT_SIZE
from journeyflow.plan import EnterByDate, EnterByEvent, EnterByHand, EnterBySchedule, EnterBySegment
from journeyflow.policy import Policy
from journeyflow.store.customers import customers, segment_members
from journeyflow.store.database import Store, insert_ignoring
from journeyflow.store.passages import enrollments, sweeps
from journeyflow.store.programme import journey_versions

CATCH_UP = timedelta(hours=12)  # how late an occasion may still bring customers in


async def sweep(store: Store, programme: Programme, now: datetime) -> int:
    """Enrolls everyone whose time has come; gives how many."""
    async with store.reading() as connection:
        enabled = await programme.enabled(connection)
        policy = await programme.policy(connection)
    entered = 0
    for version in enabled:
        match version.plan.enter:
            case EnterBySegment() as entry:
                entered += await _sweep_segment(store, programme, version, entry, now)
            case EnterByDate() as entry:
                entered += await _sweep_dates(store, programme, version, entry, now)
            case EnterBySchedule() as entry:
                entered += await _sweep_schedule(store, programme, version, entry, policy, now)
            case EnterByEvent() | EnterByHand():
                pass
            case _:
                assert_never(version.plan.enter)
    return entered


async def _sweep_segment(
    store: Store, programme: Programme, version: Version, entry: EnterBySegment, now: datetime
) -> int:
    async with store.writing() as connection:
        await _refresh_members(connection, entry, now)
    occasion = literal("segment:") + cast(segment_members.c.id, Text)
    member = and_(
        segment_members.c.segment == entry.segment,
        segment_members.c.customer_id == customers.c.id,
        segment_members.c.left_at.is_(None),
    )
    query = _candidates(version, now, occasion).join_from(customers, segment_members, member)
    return await _enroll_all(store, programme, version, query, now)


async def _refresh_members(connection: AsyncConnection, entry: EnterBySegment, now: datetime) -> None:
    inside = holds(entry.condition, Frame(customer=customers, now=now, trigger=None, since=None))
    open_membership = (segment_members.c.segment == entry.segment, segment_members.c.left_at.is_(None))
    still = exists().where(customers.c.id == segment_members.c.customer_id, inside)
    await connection.execute(update(segment_members).where(*open_membership, ~still).values(left_at=now))
    known = exists().where(segment_members.c.customer_id == customers.c.id, *open_membership)
    joined = select(
        literal(entry.segment), customers.c.id, literal(now, segment_members.c.joined_at.type)
    ).where(inside, ~known)
    await connection.execute(
        insert(segment_members).from_select(["segment", "customer_id", "joined_at"], joined)
    )


async def _sweep_dates(
    store: Store, programme: Programme, version: Version, entry: EnterByDate, now: datetime
) -> int:
    async with store.reading() as connection:
        default = (await programme.policy(connection)).defaults.timezone
        names = list((await connection.execute(select(customers.c.timezone).distinct())).scalars())
    entered = 0
    for day, zones in _days_due(entry, names, default, now).items():
        anniversary = day - timedelta(days=entry.offset)
        query = _candidates(version, now, literal(f"date:{anniversary}")).where(
            _lives_in(zones), _falls_on(entry, anniversary)
        )
        entered += await _enroll_all(store, programme, version, query, now)
    return entered


def _days_due(
    entry: EnterByDate, names: list[str | None], default: str, now: datetime
) -> dict[date, list[str | None]]:
    """The days whose hour of entry has just come, with the zones (as stored) in which it has."""
    due: dict[date, list[str | None]] = {}
    clock = time.fromisoformat(entry.at)
    for name in names:
        tz = (zone(name) if name else None) or zone(default)
        if tz is None:
            continue
        today = now.astimezone(tz).date()
        for day in (today - timedelta(days=1), today):
            if now - CATCH_UP < at_local(day, clock, tz) <= now:
                due.setdefault(day, []).append(name)
    return due


def _lives_in(zones: list[str | None]) -> ColumnElement[bool]:
    named = customers.c.timezone.in_([name for name in zones if name is not None])
    return or_(named, customers.c.timezone.is_(None)) if None in zones else named


def _falls_on(entry: EnterByDate, day: date) -> ColumnElement[bool]:
    named = entry.attribute in COLUMNS
    text = (
        customers.c[entry.attribute] if named else json_sql.text_at(customers.c.attributes, entry.attribute)
    )
    if not entry.yearly:
        return func.substr(text, 1, 10) == day.isoformat()
    days = [day.strftime("%m-%d")]
    stands_in = {"feb-28": "02-28", "mar-01": "03-01"}[entry.leap_day]
    if days[0] == stands_in and not _is_leap(day.year):
        days.append("02-29")
    return func.substr(text, 6, 5).in_(days)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


async def _sweep_schedule(
    store: Store,
    programme: Programme,
    version: Version,
    entry: EnterBySchedule,
    policy: Policy,
    now: datetime,
) -> int:
    entered = 0
    for at in await _occurrences(store, version, entry, policy, now):
        while (batch := await _sweep_occurrence(store, programme, version, at, now)) is not None:
            entered += batch
    return entered


async def _occurrences(
    store: Store, version: Version, entry: EnterBySchedule, policy: Policy, now: datetime
) -> list[datetime]:
    """Those of the last hours, but none from before the journey was first applied."""
    query = select(func.min(journey_versions.c.applied_at)).where(
        journey_versions.c.journey == version.plan.journey
    )
    async with store.reading() as connection:
        applied = (await connection.execute(query)).scalar_one()
    begin = max(now - CATCH_UP, applied).astimezone(zone(policy.defaults.timezone))
    found: list[datetime] = []
    for at in CronSim(entry.cron, begin):
        if at > now:
            return found
        found.append(at)
    return found


async def _sweep_occurrence(
    store: Store, programme: Programme, version: Version, at: datetime, now: datetime
) -> int | None:
    """The next batch of one occurrence; None when it is done. The cursor moves in the same transaction."""
    occasion = f"schedule:{at.isoformat()}"
    key = {"journey": version.plan.journey, "occasion": occasion}
    mine = (sweeps.c.journey == key["journey"], sweeps.c.occasion == occasion)
    async with store.writing() as connection:
        await connection.execute(insert_ignoring(connection, sweeps).values(**key, cursor=0))
        row = (await connection.execute(select(sweeps.c.cursor, sweeps.c.done_at).where(*mine))).one()
        if row.done_at is not None:
            return None
        query = _candidates(version, now, literal(occasion)).where(customers.c.id > row.cursor)
        entrants = await _entrants(connection, query, now)
        if entrants:
            await enroll(connection, programme, version, entrants, now)
        progress = {"cursor": entrants[-1].customer} if entrants else {"done_at": now}
        await connection.execute(update(sweeps).where(*mine).values(**progress))
    return len(entrants)


def _candidates(version: Version, now: datetime, occasion: ColumnElement[str]) -> Select[Any]:
    """Customers who may enter now and have not entered on this occasion, in order of their ids."""
    plan = version.plan
    frame = Frame(customer=customers, now=now, trigger=None, since=None)
    before = exists().where(
        enrollments.c.customer_id == customers.c.id,
        enrollments.c.journey == plan.journey,
        enrollments.c.occasion == occasion,
    )
    return (
        select(customers.c.id, occasion.label("occasion"))
        .where(may_enter(plan, now), holds(plan.when, frame), ~before)
        .order_by(customers.c.id)
        .limit(COHORT_SIZE)
    )


async def _enroll_all(
    store: Store, programme: Programme, version: Version, query: Select[Any], now: datetime
) -> int:
    """One cohort a transaction, until nobody is left."""
    entered = 0
    while True:
        async with store.writing() as connection:
            entrants = await _entrants(connection, query, now)
            if not entrants:
                return entered
            await enroll(connection, programme, version, entrants, now)
        entered += len(entrants)


async def _entrants(connection: AsyncConnection, query: Select[Any], now: datetime) -> list[Entrant]:
    return [Entrant(row.id, row.occasion, now) for row in await connection.execute(query)]
