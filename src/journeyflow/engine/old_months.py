"""Retention of events on PostgreSQL: a month of which nothing is needed any more goes as a whole."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.audit import note
from journeyflow.store.customers import events
from journeyflow.store.database import Store
from journeyflow.store.events import forget_keys_of
from journeyflow.store.months import Month, gave_way, months, rearranging
from journeyflow.store.passages import enrollments
from journeyflow.store.segments import ask_again, segments

_Conditions = Sequence[ColumnElement[bool]]


async def drop_months(store: Store, over: _Conditions, now: datetime, actor: str) -> int:
    """Those that have ended and all of whose events are `over`; gives how many events went.

    A month that somebody works on stays for today.
    """
    if store.is_sqlite:
        return 0
    async with store.reading() as connection:
        old = [month for month in await months(connection) if month.plus(1).begin <= now]
    return sum([await _drop(store, month, over, now, actor) for month in old])


async def _drop(store: Store, month: Month, over: _Conditions, now: datetime, actor: str) -> int:
    """Looks without holding up anybody, and again where nobody can add or route an event of the month."""
    async with store.reading() as connection:
        if await _is_needed(connection, month, over):
            return 0
    try:
        async with rearranging(store) as connection:
            await connection.execute(text(f"LOCK TABLE {month.name} IN EXCLUSIVE MODE"))
            if await _is_needed(connection, month, over):
                return 0
            counted = select(func.count()).select_from(events).where(_lies_in(month))
            rows = (await connection.execute(counted)).scalar_one()
            await forget_keys_of(connection, _lies_in(month))
            named = enrollments.c.event_id.in_(select(events.c.id).where(_lies_in(month)))
            await connection.execute(update(enrollments).where(named).values(event_id=None))
            detail = {"rows": rows, "month": f"{month.begin:%Y-%m}"}
            await note(connection, now, actor, "purge", "events", **detail)
            await connection.execute(text(f"ALTER TABLE events DETACH PARTITION {month.name}"))
            await connection.execute(text(f"DROP TABLE {month.name}"))
            await ask_again(connection, segments.c.on_events)
            return rows
    except DBAPIError as error:
        if not gave_way(error):
            raise
        return 0


async def _is_needed(connection: AsyncConnection, month: Month, over: _Conditions) -> bool:
    stays = or_(*(not_(condition) for condition in over))
    query = select(exists().where(_lies_in(month), stays))
    return bool((await connection.execute(query)).scalar_one())


def _lies_in(month: Month) -> ColumnElement[bool]:
    return and_(events.c.at >= month.begin, events.c.at < month.plus(1).begin)
