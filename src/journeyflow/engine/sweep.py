"""Sweeps: entries that no event brings about, by date and cron.

Safe to run twice, late, or cut short.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, assert_never

from cronsim import CronSim
from sqlalchemy import (
    ColumnElement,
    Select,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience import json_sql
from journeyflow.audience.conditions import COLUMNS
from journeyflow.engine.enroll import Entrant, enroll, newcomers
from journeyflow.engine.local_time import at_local, zone
from journeyflow.engine.locks import lock_customers
from journeyflow.engine.pace import Pace, behind, pace_of
from journeyflow.engine.programme import Programme, Version
from journeyflow.members import COHORT_SIZE
from journeyflow.plan import EnterByDate, EnterByEvent, EnterByHand, EnterBySchedule, EnterBySegment, Plan
from journeyflow.policy import Policy
from journeyflow.store.customers import customers
from journeyflow.store.database import Store, insert_ignoring, locked
from journeyflow.store.passages import enrollments, sweeps
from journeyflow.store.programme import journey_versions

_log = logging.getLogger(__name__)

CATCH_UP = timedelta(hours=12)  # how late an occasion may still bring customers in


@dataclass(frozen=True, slots=True)
class _Sweep:
    store: Store
    programme: Programme
    policy: Policy
    clock: Callable[[], datetime]
    version: Version

    @property
    def plan(self) -> Plan:
        return self.version.plan


Candidates = Callable[[datetime], Select[Any]]  # who may enter at this moment


async def sweep(store: Store, programme: Programme, clock: Callable[[], datetime], journey: str = "") -> int:
    """Enrolls everyone whose time has come, into one journey or into all; gives how many.

    A journey that fails does not hold up the others; its error is raised when they are done.
    """
    async with store.reading() as connection:
        enabled = await programme.enabled(connection)
        policy = await programme.policy(connection)
    entered, errors = 0, []
    for version in enabled:
        if journey not in ("", version.plan.journey):
            continue
        try:
            entered += await _sweep_journey(_Sweep(store, programme, policy, clock, version))
        except Exception as error:  # noqa: BLE001 - raised below
            _log.warning("the sweep of %s failed (%s)", version.plan.journey, type(error).__name__)
            errors.append(error)
    if errors:
        raise errors[0]
    return entered


async def _sweep_journey(one: _Sweep) -> int:
    entry = one.plan.enter
    match entry:
        case EnterByDate():
            return await _sweep_dates(one, entry)
        case EnterBySchedule():
            return await _sweep_schedule(one, entry)
        case EnterByEvent() | EnterBySegment() | EnterByHand():
            return 0
        case _:
            assert_never(entry)


async def _sweep_dates(one: _Sweep, entry: EnterByDate) -> int:
    async with one.store.reading() as connection:
        names = list((await connection.execute(select(customers.c.timezone).distinct())).scalars())
    entered = 0
    for day, zones in _days_due(entry, names, one.policy.defaults.timezone, one.clock()).items():
        entered += await _sweep_day(one, entry, day - timedelta(days=entry.offset), zones)
    return entered


async def _sweep_day(one: _Sweep, entry: EnterByDate, anniversary: date, zones: list[str | None]) -> int:
    def candidates(now: datetime) -> Select[Any]:
        everyone = _candidates(one, now, literal(f"date:{anniversary}"))
        return everyone.where(_lives_in(zones), _falls_on(entry, anniversary))

    return await _enroll_all(one, candidates, f"date:{anniversary}")


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


async def _sweep_schedule(one: _Sweep, entry: EnterBySchedule) -> int:
    entered = 0
    occasions = [f"schedule:{at.isoformat()}" for at in await _occurrences(one, entry)]
    mine = (sweeps.c.journey == one.plan.journey, sweeps.c.occasion.in_(occasions))
    async with one.store.reading() as connection:
        query = select(sweeps.c.occasion).where(*mine, sweeps.c.done_at.is_not(None))
        done = set((await connection.execute(query)).scalars())
    for occasion in occasions:
        if occasion not in done:
            entered += await _sweep_occurrence(one, occasion)
    return entered


async def _occurrences(one: _Sweep, entry: EnterBySchedule) -> list[datetime]:
    """Those of the last hours, but none from before the journey was first applied."""
    query = select(func.min(journey_versions.c.applied_at)).where(
        journey_versions.c.journey == one.plan.journey
    )
    async with one.store.reading() as connection:
        applied = (await connection.execute(query)).scalar_one()
    now = one.clock()
    begin = max(now - CATCH_UP, applied).astimezone(zone(one.policy.defaults.timezone))
    found: list[datetime] = []
    for at in CronSim(entry.cron, begin):
        if at > now:
            return found
        found.append(at)
    return found


async def _sweep_occurrence(one: _Sweep, occasion: str) -> int:
    pace = await _pace(one, lambda now: _candidates(one, now, literal(occasion)), occasion)
    entered = 0
    while (batch := await _sweep_some(one, occasion, pace, entered)) is not None:
        entered += batch
    return entered


async def _sweep_some(one: _Sweep, occasion: str, pace: Pace | None, before: int) -> int | None:
    """The next batch of one occurrence; None when it is done. The cursor moves in the same transaction."""
    key = {"journey": one.plan.journey, "occasion": occasion}
    mine = (sweeps.c.journey == one.plan.journey, sweeps.c.occasion == occasion)
    async with one.store.writing() as connection:
        await connection.execute(insert_ignoring(connection, sweeps).values(**key, cursor=0))
        progress = select(sweeps.c.cursor, sweeps.c.done_at).where(*mine)
        row = (await connection.execute(locked(connection, progress, of=sweeps))).one()
        if row.done_at is not None:
            return None
        entrants = await _enroll_some(
            connection,
            one,
            lambda now: _candidates(one, now, literal(occasion)).where(customers.c.id > row.cursor),
            pace,
            before,
        )
        moved = {"cursor": entrants[-1].customer} if entrants else {"done_at": one.clock()}
        await connection.execute(update(sweeps).where(*mine).values(**moved))
    return len(entrants)


def _candidates(one: _Sweep, now: datetime, occasion: ColumnElement[str]) -> Select[Any]:
    """Customers who may enter now and have not entered on this occasion, in order of their ids."""
    return (
        select(customers.c.id, occasion.label("occasion"))
        .where(*newcomers(one.plan, occasion, now))
        .order_by(customers.c.id)
        .limit(COHORT_SIZE)
    )


async def _pace(one: _Sweep, candidates: Candidates, occasion: str) -> Pace | None:
    """Where a sweep of this occasion was cut short, it goes on behind those who have come in."""
    if not one.plan.spread:
        return None
    now = one.clock()
    everyone = candidates(now).limit(None).order_by(None).subquery()
    mine = (enrollments.c.version_id == one.version.id, enrollments.c.occasion == occasion)
    resting = (
        enrollments.c.state == "active",
        enrollments.c.step.is_(None),
        enrollments.c.wake_at.is_not(None),
    )
    last = (
        select(enrollments.c.wake_at, func.count().label("size"))
        .where(*mine, *resting)
        .group_by(enrollments.c.wake_at)
        .order_by(enrollments.c.wake_at.desc())
        .limit(1)
    )
    async with one.store.reading() as connection:
        people = (await connection.execute(select(func.count()).select_from(everyone))).scalar_one()
        pace, row = pace_of(one.plan, people, now), (await connection.execute(last)).one_or_none()
    return behind(pace, row.wake_at, row.size) if pace and row else pace


async def _enroll_all(one: _Sweep, candidates: Candidates, occasion: str) -> int:
    """As many as a cohort holds in a transaction, until nobody is left."""
    pace = await _pace(one, candidates, occasion)
    entered = 0
    while True:
        async with one.store.writing() as connection:
            entrants = await _enroll_some(connection, one, candidates, pace, entered)
        if not entrants:
            return entered
        entered += len(entrants)


async def _enroll_some(
    connection: AsyncConnection, one: _Sweep, candidates: Candidates, pace: Pace | None, before: int
) -> list[Entrant]:
    """The next cohort, whose customers' events are routed before it or after it, never beside it."""
    found = [row.id for row in await connection.execute(candidates(one.clock()))]
    await lock_customers(connection, found)
    now = one.clock()
    # Asked again under the lock: what was routed meanwhile may have settled that somebody does not enter.
    rows = await connection.execute(candidates(now).where(customers.c.id.in_(found)))
    entrants = [Entrant(row.id, row.occasion, now) for row in rows]
    if entrants:
        await enroll(connection, one.programme, one.version, entrants, now, pace, before)
    return entrants
