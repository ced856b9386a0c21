"""Routing: from an acknowledged event to the message in the ledger, and how many events a second are routed.

    python -m benchmarks.routing [--seconds 20] [--events 100000] [--store postgresql://user@host/name]

First the whole way as it is run: `journeyflow api` takes 100 events a second in, one a call, and a worker for
journeys routes them; each brings a customer into a journey that begins with a message. The time counts from
the answer to the transaction that has the message. Then, without Temporal and in this process, half of the
events bring customers into a journey and half wake them there. Beside it stands what it costs this store only
to look at events and mark them, in turns of the same size.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
from sqlalchemy import func, select, update

from benchmarks.ingest import KEY, server
from benchmarks.stage import Stage, furnished, stage, table
from journeyflow.audience.ingest import record_events
from journeyflow.audience.records import EventRow
from journeyflow.engine.programme import Programme
from journeyflow.engine.route import route
from journeyflow.store.api_keys import add_key
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments, wakeups

RATE = 100  # events a second over HTTP
TURN = 2_000  # events of a turn of the router
GOALS = (500, 2_000)  # ms, median and p99
ROUTED = 2_000  # events a second


async def main(seconds: float, number: int, url: str | None) -> None:
    people = max(int(seconds * RATE), number // 2)
    folder = Path(tempfile.mkdtemp(prefix="journeyflow-benchmark-"))
    try:
        where = url or f"sqlite:///{folder}/journeyflow.db"
        async with furnished(where, people) as store, stage() as here:
            waits = await _latency(here, store, where, seconds)
            speed, bare = await _throughput(store, number)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(f"{'PostgreSQL' if url else 'SQLite'}\n")
    p50, p99 = (waits[int(len(waits) * part)] for part in (0.5, 0.99))
    name = f"acknowledged to ledger, ms, {len(waits):,} events at {RATE} a second"
    table(
        (name, "median", "goal", "p99", "goal"),
        [("", f"{p50:.0f}", str(GOALS[0]), f"{p99:.0f}", str(GOALS[1]))],
    )
    told = (f"{speed:,.0f}", f"{ROUTED:,}", f"{bare:,.0f}", f"{bare / speed:.1f}")
    table((f"{number:,} events routed", "a second", "goal", "only marked", "ratio"), [("", *told)])


async def _latency(here: Stage, store: Store, url: str, seconds: float) -> list[float]:
    """In ms, in their order."""
    async with store.writing() as connection:
        await add_key(connection, "benchmark", KEY, ["ingest"], datetime.now(UTC))
    watching = asyncio.create_task(_watch(store, int(seconds * RATE)))
    async with _worker(here, url), server(url) as (port, _), httpx2.AsyncClient() as client:
        acknowledged = await _send(client, port, seconds)
        seen = await watching
    return sorted(max(0.0, seen[key] - at) * 1000 for key, at in acknowledged.items())


async def _send(client: httpx2.AsyncClient, port: int, seconds: float) -> dict[str, float]:
    """When the event of each customer was answered."""
    begun, answered = time.perf_counter(), dict[str, float]()

    async def one(number: int) -> None:
        await asyncio.sleep(begun + number / RATE - time.perf_counter())
        who = str(number + 1)
        event = {"userId": who, "event": "order.completed", "messageId": f"order-{who}"}
        answer = await client.post(
            f"http://127.0.0.1:{port}/v1/track", json=event, auth=(KEY, ""), timeout=60
        )
        answer.raise_for_status()
        answered[who] = time.perf_counter()

    await asyncio.gather(*(one(number) for number in range(int(seconds * RATE))))
    return answered


async def _watch(store: Store, number: int) -> dict[str, float]:
    """When the message of each customer was first seen; looks every 10 ms."""
    seen, last = dict[str, float](), 0
    query = select(messages.c.id, customers.c.key).join_from(messages, customers).order_by(messages.c.id)
    while len(seen) < number:
        async with store.reading() as connection:
            rows = (await connection.execute(query.where(messages.c.id > last))).all()
        now = time.perf_counter()
        seen |= {row.key: now for row in rows}
        last = rows[-1].id if rows else last
        await asyncio.sleep(0.01)
    return seen


@asynccontextmanager
async def _worker(here: Stage, url: str) -> AsyncIterator[None]:
    """Returns when it works; letters stay in the ledger."""
    environment = os.environ | {"JOURNEYFLOW_STORE": url, "TEMPORAL_ADDRESS": here.server.address}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "journeyflow", "worker", "journeys",
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    assert b"working on" in await process.stdout.readline()
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def _throughput(store: Store, number: int) -> tuple[float, float]:
    """Events a second that are routed, and that are only claimed and marked."""
    await _drain(store)
    await _happen(store, "order.completed", number // 2)
    await _happen(store, "review.submitted", number // 2)
    begun, routed = time.perf_counter(), await _drain(store)
    speed = routed / (time.perf_counter() - begun)
    await _check(store, number // 2)
    async with store.writing() as connection:
        await connection.execute(update(events).values(routed_at=None))
        left = (await connection.execute(select(func.count()).select_from(events))).scalar_one()
    begun = time.perf_counter()
    while await _mark(store):
        pass
    return speed, left / (time.perf_counter() - begun)


async def _check(store: Store, half: int) -> None:
    """Those who had entered before are inside, and are woken as well."""
    for table_of, least in ((enrollments, half), (wakeups, half)):
        async with store.reading() as connection:
            found = (await connection.execute(select(func.count()).select_from(table_of))).scalar_one()
        if found < least:
            raise RuntimeError(f"{table_of.name}: {found} of {least}")


async def _drain(store: Store) -> int:
    programme, done = Programme(), 0
    while routed := await route(store, programme, datetime.now(UTC)):
        done += routed
    return done


async def _mark(store: Store) -> int:
    async with store.writing() as connection:
        query = select(events.c.id).where(events.c.routed_at.is_(None)).order_by(events.c.id).limit(TURN)
        ids = list((await connection.execute(query)).scalars())
        marked = update(events).where(events.c.id.in_(ids)).values(routed_at=datetime.now(UTC))
        await connection.execute(marked)
    return len(ids)


async def _happen(store: Store, name: str, number: int) -> None:
    for begin in range(0, number, 5_000):
        now = datetime.now(UTC) + timedelta(milliseconds=1)
        people = range(begin + 1, min(begin + 5_000, number) + 1)
        await record_events(store, [EventRow(f"{name}-{one}", str(one), name, now) for one in people], now)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--store", default=None, help="an empty PostgreSQL database; without it, SQLite")
    given = parser.parse_args()
    asyncio.run(main(given.seconds, given.events, given.store))
