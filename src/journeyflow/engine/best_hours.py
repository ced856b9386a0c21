"""At which hours of their day customers act: each one's own habit, and that of all of them together."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.conditions import matches
from journeyflow.conditions import EventMatch, Test
from journeyflow.engine.local_hours import local_hour
from journeyflow.engine.local_time import default_zone
from journeyflow.engine.programme import Programme
from journeyflow.plan import BY_READERS, MACHINE, Plan, WaitBestTime
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.experiments import best_hours
from journeyflow.store.lists import among
from journeyflow.store.programme import journeys

_HABIT = timedelta(days=180)  # how far back it is looked for

Hours = Counter[int]  # how often in each hour of the day


async def habits(
    connection: AsyncConnection,
    names: Collection[str],
    people: Collection[int],
    zones: tuple[Collection[str], ZoneInfo],
    now: datetime,
) -> dict[int, Hours]:
    """By customer, of those who have acted. `zones`: all that theirs may be, and the programme's."""
    hour = _hour(zones, now)
    query = (
        select(events.c.customer_id, hour, func.count().label("times"))
        .join_from(events, customers, customers.c.id == events.c.customer_id)
        .where(among(connection, events.c.customer_id, people), *_acts(names, now))
        .group_by(events.c.customer_id, hour)
    )
    found: dict[int, Hours] = defaultdict(Counter)
    for row in await connection.execute(query):
        found[row.customer_id][row.hour] = row.times
    return found


async def habit_of_all(connection: AsyncConnection, names: Collection[str]) -> Hours:
    """As of last night."""
    query = select(best_hours.c.hour, func.sum(best_hours.c.times).label("times"))
    rows = await connection.execute(query.where(best_hours.c.event.in_(names)).group_by(best_hours.c.hour))
    return Counter({row.hour: int(row.times) for row in rows})


async def compute(store: Store, programme: Programme, now: datetime) -> int:
    """Count anew when customers do what some journey waits for the best time of; gives of how many events."""
    async with store.reading() as connection:
        names = await _named(connection, programme)
        default = default_zone(await programme.policy(connection))
        known = select(customers.c.timezone).where(customers.c.timezone.is_not(None)).distinct()
        zones = (await connection.execute(known)).scalars().all() if names else ()
        rows = [row for name in names for row in await _count(connection, name, (zones, default), now)]
    async with store.writing() as connection:
        await connection.execute(delete(best_hours))
        if rows:
            await connection.execute(insert(best_hours), rows)
    return len(names)


def best_times(plans: Iterable[Plan]) -> set[str]:
    """The events by which some plan looks for the best time."""
    return {
        name
        for plan in plans
        for step in plan.steps
        if isinstance(step, WaitBestTime)
        for name in step.events
    }


async def _named(connection: AsyncConnection, programme: Programme) -> list[str]:
    """Also of journeys that take nobody in: who is inside may still come to such a wait."""
    versions = (await connection.execute(select(journeys.c.version_id))).scalars().all()
    return sorted(best_times([await programme.plan(connection, version) for version in versions]))


async def _count(
    connection: AsyncConnection, name: str, zones: tuple[Collection[str], ZoneInfo], now: datetime
) -> list[dict[str, Any]]:
    hour = _hour(zones, now)
    query = (
        select(hour, func.count().label("times"))
        .join_from(events, customers, customers.c.id == events.c.customer_id)
        .where(*_acts([name], now))
        .group_by(hour)
    )
    return [{"event": name, "hour": row.hour, "times": row.times} for row in await connection.execute(query)]


def _hour(zones: tuple[Collection[str], ZoneInfo], now: datetime) -> Any:
    span = (now - _HABIT, now)
    return local_hour(events.c.at, customers.c.timezone, *zones, span).label("hour")


def _acts(names: Collection[str], now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What a customer did, in the time that counts; opening a message is often a program's doing."""
    acts = or_(*(matches(EventMatch(name, _BY_HAND if name in BY_READERS else ()), events) for name in names))
    return and_(acts), events.c.at > now - _HABIT, events.c.at <= now


_BY_HAND = (Test(MACHINE, "is_not", True),)
