"""Sweeps: entries that no event brings about, by date and cron.

Safe to run twice, late, or cut short.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
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
from journeyflow.store.programme import journeys

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


@dataclass(frozen=True, slots=True)
class _Occasion:
    """`key`: in `sweeps`. Of a date there is one for each moment at which its hour comes somewhere."""

    name: str
    key: str
    who: tuple[ColumnElement[bool], ...] = ()  # of the customers
    is_once: bool = True  # False: whoever turns up later, while it is not too late, is let in as well


async def _sweep_dates(one: _Sweep, entry: EnterByDate) -> int:
    async with one.store.reading() as connection:
        names = list((await connection.execute(select(customers.c.timezone).distinct())).scalars())
    entered = 0
    now = one.clock()
    begin = await _begin(one, now)
    for day, moments in _days_due(entry, names, one.policy.defaults.timezone, begin, now).items():
        anniversary = day - timedelta(days=entry.offset)
        waiting = await _zones_waiting(one, entry, anniversary)
        for moment, zones in moments.items():
            if chosen := [name for name in zones if name in waiting]:
                entered += await _sweep_occasion(one, _of_date(entry, anniversary, moment, chosen))
    return entered


async def _zones_waiting(one: _Sweep, entry: EnterByDate, anniversary: date) -> set[str | None]:
    """Where somebody lives who may enter on that day; most of the time, that is nowhere."""
    mine = newcomers(one.plan, literal(f"date:{anniversary}"), one.clock())
    query = select(customers.c.timezone).where(_falls_on(entry, anniversary), *mine).distinct()
    async with one.store.reading() as connection:
        return set((await connection.execute(query)).scalars())


def _of_date(entry: EnterByDate, anniversary: date, moment: datetime, zones: list[str | None]) -> _Occasion:
    name = f"date:{anniversary}"
    who = (_lives_in(zones), _falls_on(entry, anniversary))
    return _Occasion(name, f"{name}@{moment.isoformat()}", who, is_once=False)


def _days_due(
    entry: EnterByDate, names: list[str | None], default: str, begin: datetime, now: datetime
) -> dict[date, dict[datetime, list[str | None]]]:
    """The days whose hour of entry has come since `begin`, when, and the zones (as stored) where."""
    due: dict[date, dict[datetime, list[str | None]]] = {}
    clock = time.fromisoformat(entry.at)
    for name in names:
        tz = (zone(name) if name else None) or zone(default)
        if tz is None:
            continue
        today = now.astimezone(tz).date()
        for day in (today - timedelta(days=1), today):
            moment = at_local(day, clock, tz).astimezone(UTC)
            if begin < moment <= now:
                due.setdefault(day, {}).setdefault(moment, []).append(name)
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
            entered += await _sweep_occasion(one, _Occasion(occasion, occasion))
    return entered


async def _begin(one: _Sweep, now: datetime) -> datetime:
    """Later than this is what may still bring customers in: nothing from before the entry was applied."""
    query = select(journeys.c.since).where(journeys.c.name == one.plan.journey)
    async with one.store.reading() as connection:
        since: datetime = (await connection.execute(query)).scalar_one()
    return max(now - CATCH_UP, since)


async def _occurrences(one: _Sweep, entry: EnterBySchedule) -> list[datetime]:
    now = one.clock()
    begin = (await _begin(one, now)).astimezone(zone(one.policy.defaults.timezone))
    found: list[datetime] = []
    for at in CronSim(entry.cron, begin):
        if at > now:
            return found
        found.append(at)
    return found


@dataclass(frozen=True, slots=True)
class _Batch:
    """`last`: of those who were looked at, whether they entered or not; None: nobody was left."""

    last: int | None
    entered: int


async def _sweep_occasion(one: _Sweep, occasion: _Occasion) -> int:
    pace, already = await _pace(one, occasion)
    entered, last = 0, 0
    while True:
        batch = await _sweep_some(one, occasion, last, pace, already)
        if batch.last is None:
            return entered
        entered, last = entered + batch.entered, batch.last


async def _sweep_some(one: _Sweep, occasion: _Occasion, last: int, pace: Pace | None, already: int) -> _Batch:
    """The next batch of one occasion. How far it has got is noted in the same transaction.

    Another sweep of the same occasion takes turns with this one, and each counts whom the other lets in.
    """
    key = {"journey": one.plan.journey, "occasion": occasion.key}
    mine = (sweeps.c.journey == one.plan.journey, sweeps.c.occasion == occasion.key)
    async with one.store.writing() as connection:
        begun = {"cursor": 0, "entered": 0, "begun_at": one.clock()}
        await connection.execute(insert_ignoring(connection, sweeps).values(**key, **begun))
        row = (await connection.execute(locked(connection, select(sweeps).where(*mine), of=sweeps))).one()
        if row.done_at is not None:
            return _Batch(None, 0)
        after = max(row.cursor, last) if occasion.is_once else last
        batch = await _enroll_some(connection, one, occasion, after, pace, row.entered - already)
        await connection.execute(update(sweeps).where(*mine).values(**_moved(one, occasion, row, batch)))
    return batch


def _moved(one: _Sweep, occasion: _Occasion, row: Any, batch: _Batch) -> dict[str, Any]:
    if batch.last is not None:
        return {"cursor": batch.last, "entered": row.entered + batch.entered}
    return {"done_at": one.clock()} if occasion.is_once else {"cursor": 0}


def _everyone(one: _Sweep, occasion: _Occasion, now: datetime) -> Select[Any]:
    """Customers who may enter now and have not entered on this occasion."""
    return select(customers.c.id).where(*occasion.who, *newcomers(one.plan, literal(occasion.name), now))


async def _pace(one: _Sweep, occasion: _Occasion) -> tuple[Pace | None, int]:
    """And how many have come in already. Where a sweep of this occasion was cut short, or another one is
    under way, it goes on behind them."""
    if not one.plan.spread:
        return None, 0
    now = one.clock()
    everyone = _everyone(one, occasion, now).subquery()
    mine = (sweeps.c.journey == one.plan.journey, sweeps.c.occasion == occasion.key)
    async with one.store.reading() as connection:
        people = (await connection.execute(select(func.count()).select_from(everyone))).scalar_one()
        already = (await connection.execute(select(sweeps.c.entered).where(*mine))).scalar() or 0
        last = (await connection.execute(_last_cohort(one, occasion))).one_or_none()
    pace = pace_of(one.plan, people, now)
    return (behind(pace, last.wake_at, last.size) if pace and last else pace), already


def _last_cohort(one: _Sweep, occasion: _Occasion) -> Select[Any]:
    """When those set out who come last of all that have come in on this occasion, and how many they are."""
    return (
        select(enrollments.c.wake_at, func.count().label("size"))
        .join_from(enrollments, customers, customers.c.id == enrollments.c.customer_id)
        .where(
            enrollments.c.version_id == one.version.id,
            enrollments.c.occasion == occasion.name,
            enrollments.c.state == "active",
            enrollments.c.step.is_(None),
            enrollments.c.wake_at.is_not(None),
            *occasion.who,
        )
        .group_by(enrollments.c.wake_at)
        .order_by(enrollments.c.wake_at.desc())
        .limit(1)
    )


async def _enroll_some(
    connection: AsyncConnection, one: _Sweep, occasion: _Occasion, after: int, pace: Pace | None, before: int
) -> _Batch:
    """The next cohort, whose customers' events are routed before it or after it, never beside it."""
    query = _everyone(one, occasion, one.clock()).where(customers.c.id > after)
    found = (await connection.execute(query.order_by(customers.c.id).limit(COHORT_SIZE))).scalars().all()
    await lock_customers(connection, found)
    now = one.clock()
    # Asked again under the lock: what was routed meanwhile may have settled that somebody does not enter.
    again = _everyone(one, occasion, now).where(customers.c.id.in_(found)).order_by(customers.c.id)
    entrants = [Entrant(id, occasion.name, now) for id in (await connection.execute(again)).scalars()]
    if entrants:
        await enroll(connection, one.programme, one.version, entrants, now, pace, before)
    return _Batch(found[-1] if found else None, len(entrants))
