"""The HTTP API: acknowledged events a second, one server process, single calls and batches of 100.

    python -m benchmarks.ingest [--seconds 5] [--store postgresql://user@host/name]

The server is `journeyflow api` as it is run; the clients are a process of their own, with connections that
stay open, and share the machine with it. Each event is new and counts once it is answered, which is after the
commit. Then the same at half the rate that was reached, for how long an answer takes.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.stage import table
from journeyflow.store.api_keys import add_key
from journeyflow.store.customers import events
from journeyflow.store.database import Store
from journeyflow.store.migrate import upgrade

KEY = "jf_benchmark"
CUSTOMERS = 10_000
CONNECTIONS = 64  # of single calls
BATCHES = 8  # connections with batches
GOALS = {1: 2_000, 100: 10_000}  # events a second, by events of a call
SLOWEST = 100  # ms, p99 at half the rate


@dataclass(frozen=True, slots=True)
class Load:
    port: int
    size: int  # events of a call
    seconds: float
    rate: float | None  # events a second; None: as fast as they are answered
    run: str  # so that the ids of two runs differ


@dataclass(frozen=True, slots=True)
class Measured:
    events: int
    seconds: float
    p50: float  # ms
    p99: float

    @property
    def rate(self) -> float:
        return self.events / self.seconds


async def main(seconds: float, url: str | None) -> None:
    rows = []
    folder = Path(tempfile.mkdtemp(prefix="journeyflow-benchmark-"))
    try:
        where = url or f"sqlite:///{folder}/journeyflow.db"
        store = await _prepared(where)
        async with server(where) as (port, process):
            for size, goal in GOALS.items():
                await _load(Load(port, size, 1.0, None, f"warm{size}"))
                before = _processor(process)
                top = await _load(Load(port, size, seconds, None, f"top{size}"))
                cost = (_processor(process) - before) / top.events * 1e6
                half = await _load(Load(port, size, seconds, top.rate / 2, f"half{size}"))
                speed = (f"{top.rate:,.0f}", f"{goal:,}", f"{cost:,.0f}")
                waits = (f"{half.rate:,.0f}", f"{half.p50:.0f}", f"{half.p99:.0f}", f"{SLOWEST}")
                rows.append((f"{size} a call", *speed, *waits))
        async with store.reading() as connection:
            kept = (await connection.execute(select(func.count()).select_from(events))).scalar_one()
        await store.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(f"{'PostgreSQL' if url else 'SQLite'}, {kept:,} events kept\n")
    table(
        ("events", "a second", "goal", "processor's us each", "half the rate", "p50 ms", "p99 ms", "goal"),
        rows,
    )


async def _prepared(url: str) -> Store:
    store = Store.open(url)
    await upgrade(store)
    async with store.writing() as connection:
        await add_key(connection, "benchmark", KEY, ["ingest"], datetime.now(UTC))
    return store


@asynccontextmanager
async def server(url: str) -> AsyncIterator[tuple[int, int]]:
    """Its port, and the number of its process."""
    variables = {
        "JOURNEYFLOW_STORE": url,
        "JOURNEYFLOW_PUBLIC_URL": "https://post.example.com",
        "JOURNEYFLOW_LINK_SECRETS": "only-for-benchmarks-0123456789abcdef",
        "JOURNEYFLOW_API_RATE": "1000000",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "journeyflow", "api", "--port", "0",
        env=os.environ | variables, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    found = re.search(rb"http://127\.0\.0\.1:(\d+)", await process.stdout.readline())
    assert found is not None
    try:
        yield int(found[1]), process.pid
    finally:
        process.terminate()
        await process.wait()


def _processor(process: int) -> float:
    """Seconds that it has worked, which tell more than the clock where others work as well."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _load(load: Load) -> Measured:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return await asyncio.to_thread(pool.apply, _send_all, (load,))


def _send_all(load: Load) -> Measured:
    return asyncio.run(_send(load))


async def _send(load: Load) -> Measured:
    """Calls are due one after the other where there is a rate: one that waits for its turn is slow, too."""
    connections = CONNECTIONS if load.size == 1 else BATCHES
    numbers, took = count(), list[float]()
    begun = time.perf_counter()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
        while True:
            number = next(numbers)
            due = begun + number * load.size / load.rate if load.rate else time.perf_counter()
            if due > begun + load.seconds:
                break
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            writer.write(_request(load, number))
            await _answer(reader)
            took.append(time.perf_counter() - due)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    await asyncio.gather(*(one() for _ in range(connections)))
    seconds = time.perf_counter() - begun
    took.sort()
    p50, p99 = (took[int(len(took) * part)] * 1000 for part in (0.5, 0.99))
    return Measured(len(took) * load.size, seconds, p50, p99)


def _request(load: Load, number: int) -> bytes:
    items = [_event(load.run, number * load.size + index) for index in range(load.size)]
    path, call = ("/v1/track", items[0]) if load.size == 1 else ("/v1/batch", {"batch": items})
    body = json.dumps(call).encode()
    key = base64.b64encode(f"{KEY}:".encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _event(run: str, number: int) -> dict[str, object]:
    return {
        "type": "track", "userId": f"customer-{number * 7_919 % CUSTOMERS}", "event": "order.completed",
        "messageId": f"{run}-{number}", "timestamp": "2026-11-28T10:00:00.123Z",
        "properties": {"total": 99.5, "currency": "SEK", "order": f"o-{number}", "items": 3},
        "context": {"library": {"name": "benchmark", "version": "1"}},
    }  # fmt: skip


async def _answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode())
    found = re.search(rb"(?i)content-length: (\d+)", head)
    assert found is not None
    await reader.readexactly(int(found[1]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--store", default=None, help="an empty PostgreSQL database; without it, SQLite")
    given = parser.parse_args()
    asyncio.run(main(given.seconds, given.store))
