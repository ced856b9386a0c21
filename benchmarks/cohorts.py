"""Many customers who enter together: journeyflow against one workflow for each customer.

    python -m benchmarks.cohorts [--customers 10000] [--baseline 10000]

Both run the same journey (send, wait for an event, send) on one dev server, one after the other.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select
from temporalio.client import Client

from benchmarks import per_customer
from benchmarks.stage import Counting, Stage, stage, store_with, table, until_sent
from journeyflow.audience.ingest import record_events
from journeyflow.audience.records import EventRow
from journeyflow.bootstrap import channel_worker, journeys_worker, keep_going
from journeyflow.engine.outbox import workflow_id
from journeyflow.store.database import Store
from journeyflow.store.passages import cohorts

_SAMPLE = 200  # workflows whose history is counted for the baseline: all of them are alike


@dataclass(frozen=True, slots=True)
class Result:
    customers: int
    seconds: float
    temporal_bytes: int
    history_events: float  # for each customer

    @property
    def rate(self) -> float:
        return self.customers / self.seconds

    @property
    def bytes_each(self) -> float:
        return self.temporal_bytes / self.customers


async def main(customers: int, baseline: int) -> None:
    async with stage() as here:
        ours = await _cohorts(here, customers)
        theirs = await _per_customer(here, baseline)
    heading = ("", "journeyflow", "one workflow each", "ratio")
    table(
        heading,
        [
            ("customers", f"{ours.customers:,}", f"{theirs.customers:,}", ""),
            ("seconds", f"{ours.seconds:.1f}", f"{theirs.seconds:.1f}", ""),
            _row("customers a second", ours.rate, theirs.rate, f"{ours.rate / theirs.rate:.0f} x"),
            _row("Temporal bytes a customer", ours.bytes_each, theirs.bytes_each),
            _row("history events a customer", ours.history_events, theirs.history_events),
        ],
    )


def _row(name: str, ours: float, theirs: float, ratio: str | None = None) -> tuple[str, ...]:
    return name, f"{ours:,.3g}", f"{theirs:,.3g}", ratio or f"1/{theirs / ours:.0f}"


async def _cohorts(here: Stage, customers: int) -> Result:
    async with store_with(here.folder / "cohorts.db", customers) as store:
        async with (
            journeys_worker(store, here.client),
            channel_worker(store, here.client, "email", Counting()),
        ):
            await keep_going(store, here.client)

            async def enter() -> None:
                await _record(store, customers, "order.completed")

            async def wake() -> None:
                await _record(store, customers, "review.submitted")

            seconds, size = await _measure(here, store, customers, enter, wake)
        return Result(customers, seconds, size, await _events_of_cohorts(store, here.client) / customers)


async def _per_customer(here: Stage, customers: int) -> Result:
    async with store_with(here.folder / "per_customer.db", customers) as store:
        await per_customer.prepare(store, customers)
        numbers = range(1, customers + 1)
        async with per_customer.worker(here.client, store):
            seconds, size = await _measure(
                here,
                store,
                customers,
                lambda: per_customer.start(here.client, numbers),
                lambda: per_customer.review(here.client, numbers),
            )
        counted = [f"customer-{number}" for number in numbers[:: max(1, customers // _SAMPLE)]]
        return Result(customers, seconds, size, await _history(here.client, counted) / len(counted))


async def _measure(
    here: Stage,
    store: Store,
    customers: int,
    enter: Callable[[], Awaitable[None]],
    wake: Callable[[], Awaitable[None]],
) -> tuple[float, int]:
    """Seconds from the first event to the last message, and what Temporal wrote meanwhile."""
    size, begun = here.temporal_bytes(), time.perf_counter()
    await enter()
    await until_sent(store, customers)
    await wake()
    await until_sent(store, 2 * customers)
    return time.perf_counter() - begun, here.temporal_bytes() - size


async def _record(store: Store, customers: int, name: str) -> None:
    for begin in range(0, customers, 1_000):
        now = datetime.now(UTC)
        numbers = range(begin + 1, min(begin + 1_000, customers) + 1)
        await record_events(store, [EventRow(f"{name}-{n}", str(n), name, now) for n in numbers], now)


async def _events_of_cohorts(store: Store, client: Client) -> int:
    async with store.reading() as connection:
        ids = list((await connection.execute(select(cohorts.c.id))).scalars())
        assert (await connection.execute(select(func.sum(cohorts.c.size)))).scalar_one()
    return await _history(client, [*map(workflow_id, ids), "event-router-0"])


async def _history(client: Client, ids: list[str]) -> int:
    total = 0
    for id in ids:
        total += (await client.get_workflow_handle(id).describe()).history_length
    return total


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--baseline", type=int, default=10_000)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.customers, arguments.baseline))
