"""A process that brings customers in and carries their cohorts on: what workers do, without Temporal.

Its argument is a JSON file with a `Load`. It says "ready", waits for the clock on its standard input, and
says in the end how often a transaction had to be repeated, as Temporal would have done.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, deliver
from journeyflow.delivery.pauses import TryAgain
from journeyflow.engine.enroll import Entrant, enroll
from journeyflow.engine.programme import Programme
from journeyflow.engine.travel import first_leg, travel
from journeyflow.instants import from_ms, to_ms
from journeyflow.store.database import Store
from journeyflow.store.passages import enrollments
from journeyflow.workflows.contracts import Arrival, DeliveryRequest, LegOutcome, LegRequest, Stop
from tests.proofs.provider import Clock, Moody

READY = "ready"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entrance:
    journey: str
    occasion: str
    customers: list[int]
    after: float  # seconds from the start


@dataclass(frozen=True, slots=True)
class Load:
    url: str
    log: str
    seed: int
    moods: dict[str, float]
    slowness: float
    entrances: list[Entrance]

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))

    @staticmethod
    def read(file: Path) -> "Load":
        data = json.loads(file.read_text())
        return Load(**data | {"entrances": [Entrance(**one) for one in data["entrances"]]})


class Carrier:
    def __init__(self, store: Store, clock: Clock, channel: Moody) -> None:
        self._store = store
        self._clock = clock
        self._programme = Programme()
        self._courier = Courier(store, {"email": channel, "sms": channel}, self._programme)
        self.repeated = 0

    async def carry(self, entrance: Entrance) -> None:
        """From the entry to the end of the last passage and the last message."""
        await self._clock.until(self._clock.start + timedelta(seconds=entrance.after))
        cohort = await self._persist(lambda: self._enter(entrance))
        now, size = self._clock.now(), len(entrance.customers)
        # The first leg was travelled while they entered, unless it failed there.
        outcome = await self._persist(
            lambda: travel(self._store, self._programme, first_leg(cohort, size, now))
        )
        await self._follow(cohort, outcome)

    async def _enter(self, entrance: Entrance) -> int:
        now = self._clock.now()
        async with self._store.writing() as connection:
            versions = await self._programme.enabled(connection)
            [version] = [one for one in versions if one.plan.journey == entrance.journey]
            entrants = [Entrant(customer, entrance.occasion, now) for customer in entrance.customers]
            await enroll(connection, self._programme, version, entrants, now)
            mine = (enrollments.c.journey == entrance.journey, enrollments.c.occasion == entrance.occasion)
            return int(
                (await connection.execute(select(enrollments.c.cohort_id).where(*mine))).scalars().all()[0]
            )

    async def _follow(self, cohort: int, outcome: LegOutcome) -> None:
        number, resting = 0, outcome.resting
        async with asyncio.TaskGroup() as deliveries:
            while True:
                for channel in outcome.channels:
                    deliveries.create_task(self._deliver(DeliveryRequest(cohort, number, channel)))
                if not resting:
                    return
                due = min(stop.wake_at for stop in resting)
                await self._clock.until(from_ms(due))
                number += 1
                request = self._leg(cohort, number, [stop for stop in resting if stop.wake_at <= due])
                outcome = await self._persist(lambda now=request: travel(self._store, self._programme, now))
                resting = [stop for stop in resting if stop.wake_at > due] + outcome.resting

    def _leg(self, cohort: int, number: int, due: list[Stop]) -> LegRequest:
        arrivals = [Arrival(stop.step, stop.members) for stop in due]
        return LegRequest(cohort, number, to_ms(self._clock.now()), arrivals)

    async def _deliver(self, request: DeliveryRequest) -> None:
        attempt = 1
        own = replace(self._courier, _pauses={})  # as in a worker of its own: one pause stops no others
        while True:
            try:
                now = Attempt(attempt, self._clock.now, lambda: False)
                await self._persist(lambda now=now: deliver(own, request, now))
                return
            except TryAgain as pause:
                await self._clock.until(self._clock.now() + pause.after)
                attempt += 1

    async def _persist(self, transaction: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await transaction()
            except DBAPIError:
                self.repeated += 1
                if self.repeated > 1000:
                    raise


async def main(load: Load) -> None:
    print(READY, flush=True)  # noqa: T201
    clock = Clock.from_json(json.loads(await asyncio.to_thread(sys.stdin.readline)))
    store = Store.open(load.url)
    channel = Moody(Path(load.log), clock, Random(load.seed), load.moods, load.slowness)
    carrier = Carrier(store, clock, channel)
    async with asyncio.TaskGroup() as all_of_them:
        for entrance in load.entrances:
            all_of_them.create_task(carrier.carry(entrance))
    await store.close()
    print(json.dumps({"repeated": carrier.repeated}), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(Load.read(Path(sys.argv[1]))))
