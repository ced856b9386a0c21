"""The months in which events lie on PostgreSQL: partitions that are made ahead, and dropped when all may go.

What belongs to no month that is there lies in `events_other`, so an insert never fails for lack of one.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import column, func, select, table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.customers import events
from journeyflow.store.database import Store

MONTH = re.compile(r"events_(\d{4})_(\d{2})|events_other")
_OTHER = "events_other"
_AHEAD = 2  # months after this one
_BEHIND = 36  # months before this one that get a partition of their own; each costs every look a little
_MANY = 10_000  # events in `events_other` of a month for which a partition is worth it
_SEVERAL = 1_000  # events of a month in one import that make it worth it
_ATTEMPTS = 2
_LOCK = 7_240_519_284  # as in `migrate`
_PATIENCE = "SET LOCAL lock_timeout = '500ms'"  # routing and calls must not queue up behind us
_IN_USE = ("55P03", "40P01")


@dataclass(frozen=True, slots=True, order=True)
class Month:
    year: int
    month: int

    @staticmethod
    def of(at: datetime) -> "Month":
        at = at.astimezone(UTC)
        return Month(at.year, at.month)

    def plus(self, months: int) -> "Month":
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Month(year, month + 1)

    @property
    def begin(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def name(self) -> str:
        return f"events_{self.year:04}_{self.month:02}"


async def make_ahead(store: Store, now: datetime) -> int:
    """This month and the next ones; gives how many were not there yet."""
    this = Month.of(now)
    return await _make(store, (this.plus(ahead) for ahead in range(_AHEAD + 1)), now)


async def make_gathered(store: Store, now: datetime) -> int:
    """Those of which much has gathered in `events_other`; reads all of it."""
    if store.is_sqlite:
        return 0
    month = func.date_trunc("month", func.timezone("UTC", column("at"))).label("month")
    query = select(month).select_from(table(_OTHER)).group_by(month).having(func.count() >= _MANY)
    async with store.reading() as connection:
        found = (await connection.execute(query)).scalars().all()
    return await _make(store, (Month(begin.year, begin.month) for begin in found), now)


class Expected:
    """Makes months as a long import comes to them, so that little has to be moved."""

    def __init__(self) -> None:
        self._counts: Counter[Month] = Counter()
        self._asked: set[Month] = set()

    async def make(self, store: Store, times: Iterable[datetime], now: datetime) -> None:
        self._counts.update(Month.of(at) for at in times)
        many = {month for month, count in self._counts.items() if count >= _SEVERAL} - self._asked
        self._asked |= many
        await _make(store, many, now)


async def months(connection: AsyncConnection) -> list[Month]:
    """The oldest first."""
    inherits = text(  # the text of a name sorts as the month does
        "SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid"
        " WHERE inhparent = 'events'::regclass ORDER BY 1"
    )
    names = (await connection.execute(inherits)).scalars()
    found = (MONTH.fullmatch(name) for name in names)
    return [Month(int(name[1]), int(name[2])) for name in found if name and name[1]]


@asynccontextmanager
async def rearranging(store: Store) -> AsyncIterator[AsyncConnection]:
    """A transaction that makes or drops months, one at a time; gives way to whoever works with events.

    Whoever begins it looks with `gave_way` at what it raises.
    """
    async with store.writing() as connection:
        await connection.execute(text(_PATIENCE))
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        yield connection


def gave_way(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _IN_USE


async def _make(store: Store, wanted: Iterable[Month], now: datetime) -> int:
    if store.is_sqlite:
        return 0
    oldest, newest = Month.of(now).plus(-_BEHIND), Month.of(now).plus(_AHEAD)
    found = sorted(month for month in set(wanted) if oldest <= month <= newest)
    async with store.reading() as connection:
        there = await months(connection) if found else []
    return sum([await _try_to_make(store, month) for month in found if month not in there])


async def _try_to_make(store: Store, month: Month) -> bool:
    """Not at any price: without it, its events lie in `events_other`, and it is tried again another day."""
    for _ in range(_ATTEMPTS):
        try:
            async with rearranging(store) as connection:
                if month in await months(connection):
                    return False
                for statement in _making(month):
                    await connection.execute(text(statement))
                return True
        except DBAPIError as error:
            if not gave_way(error):
                raise
    return False


def _making(month: Month) -> Iterator[str]:
    """Filled before it becomes part of `events`, from where nobody adds anything meanwhile."""
    begin, end = f"'{month.begin.isoformat()}'", f"'{month.plus(1).begin.isoformat()}'"
    names = ", ".join(events.c.keys())
    yield f"LOCK TABLE {_OTHER} IN ACCESS EXCLUSIVE MODE"
    yield f"CREATE TABLE {month.name} (LIKE events INCLUDING DEFAULTS INCLUDING INDEXES)"
    yield (
        f"WITH moved AS (DELETE FROM {_OTHER} WHERE at >= {begin} AND at < {end} RETURNING {names})"
        f" INSERT INTO {month.name} ({names}) SELECT {names} FROM moved"
    )
    yield f"ALTER TABLE events ATTACH PARTITION {month.name} FOR VALUES FROM ({begin}) TO ({end})"
