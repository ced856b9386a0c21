"""The results of an experiment with many exposures, on both stores: by all who had time, and what they did.

    python -m benchmarks.results [--exposures 1000000] [--plans]

Everybody was exposed in the last 60 days, has three events, and one in ten bought something. All that
`journeyflow results NAME` asks is timed; no message was sent, so what became of messages costs nothing here.
The plainest look at the same rows, `count(*)` of exposures and events, is timed in the same run, and beside
it stands the processor's time of this process, which on SQLite is all of it.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from sqlalchemy import event, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.databases import create_database, postgresql_binaries, postgresql_server

from benchmarks.stage import table
from journeyflow.conditions import EventMatch
from journeyflow.experiments.results import full_results
from journeyflow.experiments.running import Experiment
from journeyflow.plan import Metric, Split, Variant
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.experiments import exposures
from journeyflow.store.migrate import upgrade
from journeyflow.store.months import Expected

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAYS, GOAL = 60, 5.0  # of exposure; seconds
_PART = 20_000  # rows of one statement
RUNS = {
    "rate": Metric(EventMatch("order.completed"), within=14 * 86_400),
    "value": Metric(EventMatch("order.completed"), within=14 * 86_400, value="total"),
}
VARIANTS = (Variant("now", 5_000, 1), Variant("later", 5_000, 1))


async def main(number: int, *, explains: bool) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, opened in (("SQLite", _sqlite(Path(folder))), ("PostgreSQL", _postgresql())):
            async with opened as store:
                await _fill(store, number)
                rows += [await _measured(store, name, about, explains=explains) for about in RUNS]
    table(("results", "took", "goal", "of this process", "count(*) of the same"), rows)


async def _measured(store: Store, name: str, about: str, *, explains: bool) -> tuple[str, ...]:
    experiment = Experiment("benchmark", Split("steps/0", "timing", 0, VARIANTS, RUNS[about]))
    async with store.reading() as connection:
        begun = perf_counter()
        for one in (exposures, events):
            await connection.execute(select(func.count()).select_from(one))
        plainest = perf_counter() - begun
        begun, worked = perf_counter(), process_time()
        found = await full_results(connection, experiment, NOW)
        took, worked = perf_counter() - begun, process_time() - worked
        if explains:
            await _explain(store, connection, experiment)
    people = sum(one.exposed for one in found.counts)
    seconds = (f"{took:.2f} s", f"{GOAL:.0f} s", f"{worked:.2f} s", f"{plainest:.2f} s")
    return (f"{name}, {about}, {people:,} exposures", *seconds)


async def _explain(store: Store, connection: AsyncConnection, experiment: Experiment) -> None:
    word = "EXPLAIN QUERY PLAN" if store.is_sqlite else "EXPLAIN (ANALYZE, BUFFERS)"
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        asked.append((statement, parameters))

    event.listen(store.engine.sync_engine, "before_cursor_execute", note)
    await full_results(connection, experiment, NOW)
    event.remove(store.engine.sync_engine, "before_cursor_execute", note)
    for statement, parameters in asked:
        plan = (await connection.exec_driver_sql(f"{word} {statement}", parameters)).all()
        sys.stderr.write(f"{statement}\n" + "\n".join(str(row[-1]) for row in plan) + "\n\n")


@asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[Store]:
    store = Store.open(f"sqlite:///{folder}/results.db")
    await upgrade(store)
    yield store
    await store.close()


@asynccontextmanager
async def _postgresql() -> AsyncIterator[Store]:
    binaries = postgresql_binaries()
    assert binaries is not None
    with postgresql_server(binaries) as server:
        await create_database(server, "benchmark")
        store = Store.open(server.url("benchmark"))
        await upgrade(store)
        yield store
        await store.close()


async def _fill(store: Store, number: int) -> None:
    span = timedelta(days=DAYS) / number
    begin = NOW - timedelta(days=DAYS)
    await Expected().make(store, [begin + timedelta(days=day) for day in range(DAYS + 1)] * 1_000, NOW)
    for first in range(1, number + 1, _PART):
        ids = range(first, min(first + _PART, number + 1))
        async with store.writing() as connection:
            await connection.execute(insert(customers), [_customer(id) for id in ids])
            await connection.execute(insert(exposures), [_exposure(id, begin + id * span) for id in ids])
            await connection.execute(
                insert(events), [_event(id, n, begin + id * span) for id in ids for n in range(3)]
            )
    async with store.engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await alone.execute(text("ANALYZE"))


def _customer(id: int) -> dict[str, Any]:
    return {"id": id, "key": f"customer-{id}", "attributes": {}, "created_at": NOW, "updated_at": NOW}


def _exposure(id: int, at: datetime) -> dict[str, Any]:
    arm = ("now", "later")[id * 7919 % 2]
    return {"experiment": "timing", "generation": 1, "customer_id": id, "arm": arm, "share": 5_000, "at": at}


def _event(id: int, number: int, exposed: datetime) -> dict[str, Any]:
    """The third of one in ten is an order within the time."""
    bought = number == 2 and id % 10 == 0
    at = min(NOW, exposed + timedelta(days=number * 3 - 4 + bought))
    name = "order.completed" if bought else "page.viewed"
    return {
        "key": f"event-{id}-{number}", "customer_id": id, "name": name, "at": at, "received_at": at,
        "routed_at": at, "properties": {"total": id % 997},
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--exposures", type=int, default=1_000_000)
    parser.add_argument("--plans", action="store_true", help="Write the plans of the statements to stderr.")
    given = parser.parse_args()
    asyncio.run(main(given.exposures, explains=given.plans))
