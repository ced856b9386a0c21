"""The activities of the queue `journeys`: legs, routing, sweeps, purges. Time is the server's."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.client import Client

from journeyflow.delivery import reports
from journeyflow.engine import best_hours, deciding, outbox, purge, refreshing, rfm, route, sweep, travel
from journeyflow.engine.programme import Programme
from journeyflow.instants import from_ms, to_ms
from journeyflow.store import months
from journeyflow.store.database import Store
from journeyflow.store.events import SHORTEST, forget_keys
from journeyflow.store.news import news_of
from journeyflow.workflows.contracts import (
    BestHoursCount,
    DecideCount,
    LegOutcome,
    LegRequest,
    PurgeCount,
    RefreshCount,
    RfmCount,
    RouteRequest,
    SweepCount,
)

_HEARTBEAT = 1.0  # seconds


class EngineActivities:
    def __init__(self, store: Store, client: Client, remember: timedelta = SHORTEST) -> None:
        self._store = store
        self._client = client
        self._remember = remember
        self._programme = Programme()

    @activity.defn(name="travel")
    async def travel(self, request: LegRequest) -> LegOutcome:
        return await travel.travel(self._store, self._programme, request)

    @activity.defn(name="route")
    async def route(self, request: RouteRequest) -> None:
        clock = attempt_clock()
        end = clock() + timedelta(seconds=request.seconds)
        who = (request.partition, request.partitions)
        aside: set[int] = set()  # cohorts that Temporal refused during this attempt
        busy_at = clock()
        async with heartbeating(), news_of(self._store) as news:
            while clock() < end and not activity.is_worker_shutdown():
                if not await outbox.pending(self._store, clock(), aside, *who):
                    await news.wait(clock() - busy_at)
                    continue
                await reports.handle(self._store, self._programme, clock())
                await route.route(self._store, self._programme, clock(), *who)
                await outbox.flush(self._store, self._client, aside)
                busy_at = clock()

    @activity.defn(name="sweep")
    async def sweep(self, journey: str = "") -> SweepCount:
        async with heartbeating():
            entered = await sweep.sweep(self._store, self._programme, attempt_clock(), journey)
            await self._tell()
        return SweepCount(entered)

    @activity.defn(name="refresh")
    async def refresh(self) -> RefreshCount:
        async with heartbeating():
            done = await refreshing.refresh_all(self._store, self._programme, attempt_clock())
            await self._tell()
        return RefreshCount(done.joined, done.left, done.entered)

    @activity.defn(name="rfm")
    async def rfm(self) -> RfmCount:
        async with heartbeating():
            done = await rfm.compute(self._store, self._programme, attempt_clock()())
        return RfmCount(done.changed, done.moved_up, done.moved_down, done.gone)

    @activity.defn(name="decide")
    async def decide(self) -> DecideCount:
        async with heartbeating():
            done = await deciding.decide_all(self._store, attempt_clock()())
        return DecideCount(done.ended, done.shared)

    @activity.defn(name="best_hours")
    async def best_hours(self) -> BestHoursCount:
        async with heartbeating():
            events = await best_hours.compute(self._store, self._programme, attempt_clock()())
        return BestHoursCount(events)

    @activity.defn(name="purge")
    async def purge(self) -> PurgeCount:
        async with heartbeating():
            now = attempt_clock()()
            gone = await purge.purge(self._store, self._programme, now)
            await forget_keys(self._store, now - self._remember)
            await months.make_ahead(self._store, now)
            await months.make_gathered(self._store, now)
        return PurgeCount(gone.total())

    async def _tell(self) -> None:
        """Temporal of everybody who has come in."""
        aside: set[int] = set()
        while await outbox.flush(self._store, self._client, aside):
            pass


def attempt_clock() -> Callable[[], datetime]:
    """The server's time during this attempt: when it started, plus what has passed since.

    In whole milliseconds, as everywhere in Temporal, so that an entry and its first leg have the same time.
    """
    started, begun = activity.info().started_time, time.monotonic()
    return lambda: from_ms(to_ms(started + timedelta(seconds=time.monotonic() - begun)))


@asynccontextmanager
async def heartbeating(*details: int) -> AsyncIterator[None]:
    """Tells Temporal every second that this attempt is alive, and what the next one should know."""
    task = asyncio.create_task(_beat(details))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _beat(details: tuple[int, ...]) -> None:
    while True:
        activity.heartbeat(*details)
        await asyncio.sleep(_HEARTBEAT)
