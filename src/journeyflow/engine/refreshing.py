"""Asking segments about everybody: what the passing of time has changed, and a condition that is new.

Whom the answer may concern is found by reading alone; then they are asked again under lock, some at a time.
So nobody who writes waits long, and what is cut short is simply done again.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Select, func, select, update

from journeyflow.audience.membership import BATCH, Moves, Segment, differences, refresh
from journeyflow.engine.enroll import newcomers
from journeyflow.engine.locks import lock_customers, lock_enrollments_of
from journeyflow.engine.pace import Crowd
from journeyflow.engine.programme import Programme
from journeyflow.engine.segments import OCCASION, WayIn, let_go, let_in, ways_in
from journeyflow.members import COHORT_SIZE
from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.segments import segment_members, segments

_log = logging.getLogger(__name__)

_RANGE = 100_000  # numbers of customers that one query looks through
_REST = 20  # times as long as it took, before a segment is asked about everybody again


@dataclass(slots=True)
class Refreshed:
    joined: int = 0
    left: int = 0
    entered: int = 0  # journeys


async def refresh_all(store: Store, programme: Programme, clock: Callable[[], datetime]) -> Refreshed:
    """Asks the segments about everybody that are due for it.

    One that fails does not hold up the others; its error is raised when they are done.
    """
    refreshed, errors = Refreshed(), []
    for due in await _due(store, programme, clock()):
        try:
            await _Refresh(store, programme, clock, due, refreshed).run()
        except Exception as error:  # noqa: BLE001 - raised below
            _log.warning("the segment %s cannot be refreshed (%s)", due.segment.name, type(error).__name__)
            errors.append(error)
    if errors:
        raise errors[0]
    return refreshed


@dataclass(frozen=True, slots=True)
class _Due:
    segment: Segment
    refreshed_at: datetime | None
    ways: list[WayIn]

    @property
    def may_differ(self) -> bool:
        """Whether memberships may have ended or begun; else somebody may merely be free to enter by now."""
        return self.refreshed_at is None or self.segment.on.time


async def _due(store: Store, programme: Programme, now: datetime) -> list[_Due]:
    async with store.reading() as connection:
        known = {one.name: one for one in await programme.segments(connection)}
        ways = await ways_in(connection, programme)
        columns = (segments.c.name, segments.c.refreshed_at, segments.c.took)
        rows = (await connection.execute(select(*columns).order_by(segments.c.name))).all()
    found = []
    for row in (row for row in rows if row.name in known):
        due = _Due(known[row.name], row.refreshed_at, [way for way in ways if way.segment == row.name])
        rest = timedelta(milliseconds=_REST * (row.took or 0))
        has_rested = row.refreshed_at is None or now - row.refreshed_at >= rest
        if has_rested and (due.may_differ or due.ways):
            found.append(due)
    return found


@dataclass(frozen=True, slots=True)
class _Refresh:
    store: Store
    programme: Programme
    clock: Callable[[], datetime]
    due: _Due
    refreshed: Refreshed

    async def run(self) -> None:
        began = self.clock()
        if self.due.may_differ:
            await self._ask_all(self._differing, COHORT_SIZE if self.due.ways else BATCH)
        for way in self.due.ways:
            await self._ask_all(partial(self._waiting, way), COHORT_SIZE)
        await self._note(began)

    async def _ask_all(self, query: Callable[[int], Select[Any]], size: int) -> None:
        """So many customers in a transaction. `query` finds them among the numbers above its argument."""
        for low in range(0, await self._last_customer(), _RANGE):
            async with self.store.reading() as connection:
                ids = list((await connection.execute(query(low))).scalars())
            since = self.clock()
            for begin in range(0, len(ids), size):
                await self._ask(ids[begin : begin + size], Crowd(since, len(ids), begin))

    def _differing(self, low: int) -> Select[Any]:
        """Customers whose membership and condition do not agree."""
        return differences(self.due.segment, low, low + _RANGE, self.clock())

    def _waiting(self, way: WayIn, low: int) -> Select[Any]:
        """Members whom their membership has not brought into the journey, and who may enter by now."""
        return (
            select(customers.c.id)
            .join_from(customers, segment_members, segment_members.c.customer_id == customers.c.id)
            .where(*way.members(), *newcomers(way.version.plan, OCCASION, self.clock()))
            .where(customers.c.id > low, customers.c.id <= low + _RANGE)
            .order_by(customers.c.id)
        )

    async def _ask(self, ids: list[int], crowd: Crowd) -> None:
        """Again, under lock: what was routed meanwhile may have settled it otherwise."""
        segment = self.due.segment
        async with self.store.writing() as connection:
            if segment not in await self.programme.segments(connection):
                return  # somebody has just put another condition into force
            await lock_enrollments_of(connection, ids)
            await lock_customers(connection, ids)
            now = self.clock()
            moves = await refresh(connection, [segment], ids, now)
            await let_go(connection, self.programme, moves, now)
            for way in await ways_in(connection, self.programme):
                if way.segment == segment.name:
                    self.refreshed.entered += await let_in(connection, self.programme, way, ids, now, crowd)
        self._count(moves.get(segment.name, Moves()))

    def _count(self, moves: Moves) -> None:
        self.refreshed.joined += len(moves.joined)
        self.refreshed.left += len(moves.left)

    async def _note(self, began: datetime) -> None:
        """Unless the condition is another by now, or was set to be asked again."""
        took = (self.clock() - began) // timedelta(milliseconds=1)
        before = segments.c.refreshed_at.is_not_distinct_from(self.due.refreshed_at)
        same = (segments.c.name == self.due.segment.name, segments.c.digest == self.due.segment.digest)
        noted = update(segments).where(*same, before).values(refreshed_at=began, took=took)
        async with self.store.writing() as connection:
            await connection.execute(noted)

    async def _last_customer(self) -> int:
        async with self.store.reading() as connection:
            return (await connection.execute(select(func.max(customers.c.id)))).scalar() or 0
