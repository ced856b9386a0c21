"""What a worker weighs while many enrollments rest.

    python -m benchmarks.memory [--together 100000] [--single 2000]

One worker process for all queues; first many customers who enter together, then some who come one by one,
each a cohort of its own, more than the worker keeps cached workflows.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.stage import Stage, stage, store_with, table
from journeyflow.audience.ingest import record_events
from journeyflow.audience.records import EventRow
from journeyflow.store.database import Store
from journeyflow.store.passages import cohorts, enrollments, starts


async def main(together: int, single: int) -> None:
    rows = []
    async with (
        stage() as here,
        store_with(here.folder / "memory.db", together + single) as store,
        _worker(here, here.folder / "memory.db") as process,
    ):
        for begin in range(0, together, 1_000):
            await _record(store, range(begin + 1, min(begin + 1_000, together) + 1))
        await _until_resting(store, together)
        rows.append(("entered together", *await _inside(store), *_weight(process)))
        for number in range(together + 1, together + single + 1):
            await _record(store, range(number, number + 1))
            await _until_resting(store, number)
        rows.append(("and one by one", *await _inside(store), *_weight(process)))
    table(("", "resting", "cohorts", "worker MB now", "worker MB at most"), rows)


@asynccontextmanager
async def _worker(here: Stage, store: Path) -> AsyncIterator[int]:
    environment = os.environ | {
        "JOURNEYFLOW_STORE": f"sqlite:///{store}",
        "JOURNEYFLOW_OUTBOX": str(here.folder / "outbox"),
        "TEMPORAL_ADDRESS": here.server.address,
    }
    command = [sys.executable, "-m", "journeyflow", "worker"]
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


async def _record(store: Store, numbers: range) -> None:
    now = datetime.now(UTC)
    await record_events(store, [EventRow(f"order-{n}", str(n), "order.completed", now) for n in numbers], now)


async def _until_resting(store: Store, number: int) -> None:
    """Returns when so many rest and every cohort has its workflow."""
    resting = select(func.count()).where(enrollments.c.state == "active", enrollments.c.step.is_not(None))
    waiting = select(func.count()).select_from(starts)
    while True:
        async with store.reading() as connection:
            done = (await connection.execute(resting)).scalar_one() >= number
            if done and not (await connection.execute(waiting)).scalar_one():
                return
        await asyncio.sleep(0.01)


async def _inside(store: Store) -> tuple[str, str]:
    async with store.reading() as connection:
        people = (await connection.execute(select(func.count()).select_from(enrollments))).scalar_one()
        groups = (await connection.execute(select(func.count()).select_from(cohorts))).scalar_one()
    return f"{people:,}", f"{groups:,}"


def _weight(process: int) -> tuple[str, str]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    figures = dict(line.split(":", 1) for line in lines)
    return tuple(f"{int(figures[name].split()[0]) / 1024:.0f}" for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--together", type=int, default=100_000)
    parser.add_argument("--single", type=int, default=2_000)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.together, arguments.single))
