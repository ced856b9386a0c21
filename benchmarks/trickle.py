"""Customers who come one by one: the time from acknowledged event to ledger row, against one workflow each.

    python -m benchmarks.trickle [--customers 400] [--rate 20]

Each side gets the same events at the same rate, in turns of 100, on one dev server.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from statistics import median, quantiles

from sqlalchemy import select

from benchmarks import per_customer
from benchmarks.stage import Counting, Stage, stage, store_with, table
from journeyflow.audience.ingest import record_events
from journeyflow.audience.records import EventRow
from journeyflow.bootstrap import channel_worker, journeys_worker, keep_going
from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages

_TURN = 100  # customers
_LOOK = 0.001  # seconds between two looks into the ledger

Begin = Callable[[int], Awaitable[None]]


async def main(people: int, rate: float) -> None:
    async with stage() as here, _journeyflow(here, people) as ours, _by_hand(here, people) as theirs:
        delays: dict[str, list[float]] = {"journeyflow": [], "one workflow each": []}
        for first in range(1, people + 1, _TURN):
            numbers = range(first, min(first + _TURN, people + 1))
            for name, (store, begin) in zip(delays, (ours, theirs), strict=True):
                delays[name] += await _turn(store, begin, numbers, rate)
    rows = [
        (name, f"{len(mine):,}", f"{median(mine) * 1000:.1f}", f"{quantiles(mine, n=100)[98] * 1000:.1f}")
        for name, mine in delays.items()
    ]
    table(("", "customers", "median ms", "p99 ms"), rows)
    one, other = (median(mine) for mine in delays.values())
    table(("median, journeyflow : one workflow each",), [(f"{one / other:.2f}",)])


@asynccontextmanager
async def _journeyflow(here: Stage, people: int) -> AsyncIterator[tuple[Store, Begin]]:
    async with store_with(here.folder / "journeyflow.db", people) as store:
        email = channel_worker(store, here.client, "email", Counting())
        async with journeys_worker(store, here.client), email:
            await keep_going(store, here.client)

            async def begin(number: int) -> None:
                now = datetime.now(UTC)
                await record_events(
                    store, [EventRow(f"order-{number}", str(number), "order.completed", now)], now
                )

            yield store, begin


@asynccontextmanager
async def _by_hand(here: Stage, people: int) -> AsyncIterator[tuple[Store, Begin]]:
    async with store_with(here.folder / "by_hand.db", people) as store:
        await per_customer.prepare(store, people)
        async with per_customer.worker(here.client, store):

            async def begin(number: int) -> None:
                await per_customer.start_one(here.client, number)

            yield store, begin


async def _turn(store: Store, begin: Begin, numbers: range, rate: float) -> list[float]:
    """Seconds for each customer, from the event's acknowledgement to the moment its row can be read."""
    acknowledged: dict[int, float] = {}
    watching = asyncio.create_task(_watch(store, numbers))
    for number in numbers:
        await begin(number)
        acknowledged[number] = time.perf_counter()
        await asyncio.sleep(1 / rate)
    seen = await watching
    return [max(0.0, seen[number] - acknowledged[number]) for number in numbers]


async def _watch(store: Store, numbers: range) -> dict[int, float]:
    """When each customer's first row stood in the ledger."""
    seen: dict[int, float] = {}
    query = (
        select(customers.c.key)
        .join_from(messages, customers, customers.c.id == messages.c.customer_id)
        .where(customers.c.key.in_(map(str, numbers)))
    )
    while len(seen) < len(numbers):
        async with store.reading() as connection:
            found = set(map(int, (await connection.execute(query)).scalars()))
        for number in found - seen.keys():
            seen[number] = time.perf_counter()
        await asyncio.sleep(_LOOK)
    return seen


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=400)
    parser.add_argument("--rate", type=float, default=20.0, help="customers a second")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.customers, arguments.rate))
