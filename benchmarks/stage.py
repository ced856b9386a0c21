"""What the benchmarks share: a dev server on a file, stores with customers, and the journey they all run."""

import asyncio
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select
from temporalio.client import Client

from journeyflow.audience.ingest import record_customers
from journeyflow.audience.records import CustomerRow
from journeyflow.conditions import EventMatch
from journeyflow.delivery.channels.base import Accepted, Outgoing
from journeyflow.messages.templates import Template
from journeyflow.plan import End, EnterByEvent, Plan, Send, WaitFor
from journeyflow.policy import Policy, Sender
from journeyflow.store.applying import PlannedJourney, StoredTemplate, apply_programme
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.migrate import upgrade
from journeyflow.testing.servers import DevServer, dev_server

JOURNEY = Plan(
    journey="benchmark",
    title="Send, wait for an event, send",
    category="marketing",
    priority=50,
    enter=EnterByEvent(EventMatch("order.completed")),
    again=0,
    steps=(
        Send("steps/0", 1, "email", "thanks"),
        WaitFor("steps/1", (EventMatch("review.submitted"),), 7 * 86_400, 2, 2),
        Send("steps/2", 3, "email", "reward"),
        End("end"),
    ),
)
TEMPLATES = tuple(
    Template(name, "email", "", text="Hello {{ customer.first_name }}, we are glad.", subject="Hello")
    for name in ("thanks", "reward")
)
POLICY = Policy(senders={"email": Sender("Club <club@example.com>")})


class Counting:
    """A provider that accepts everything at once, so that what is measured is the engine."""

    batch = 500

    async def send(self, message: Outgoing) -> Accepted:
        return Accepted(f"counted-{message.message_id}")

    async def lookup(self, message_id: int) -> Accepted:
        return Accepted(f"counted-{message_id}")

    async def close(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Stage:
    folder: Path
    server: DevServer
    client: Client

    def temporal_bytes(self) -> int:
        """The size of the server's database, with what still stands in its write-ahead log."""
        with sqlite3.connect(f"file:{self.server.database}?mode=ro", uri=True) as database:
            pages, size = (
                database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
            )
        return int(pages) * int(size)


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    folder = Path(tempfile.mkdtemp(prefix="journeyflow-benchmark-"))
    try:
        async with dev_server(folder / "temporal.db") as server:
            yield Stage(folder, server, await Client.connect(server.address))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def store_with(path: Path, customers: int) -> AbstractAsyncContextManager[Store]:
    return furnished(f"sqlite:///{path}", customers)


@asynccontextmanager
async def furnished(url: str, customers: int) -> AsyncIterator[Store]:
    """A store in which the journey is in force and customers "1" to "n" have agreed to e-mail."""
    store = Store.open(url)
    await upgrade(store)
    now = datetime.now(UTC)
    planned = [PlannedJourney(JOURNEY.journey, JOURNEY.digest, JOURNEY.to_json(), "")]
    texts = [StoredTemplate(t.name, t.channel, t.locale, t.digest, t.to_json()) for t in TEMPLATES]
    await apply_programme(store, POLICY.to_json(), texts, planned, now)
    for begin in range(0, customers, 1_000):
        rows = [_customer(number) for number in range(begin + 1, min(begin + 1_000, customers) + 1)]
        await record_customers(store, rows, now, "benchmark")
    try:
        yield store
    finally:
        await store.close()


async def until_sent(store: Store, number: int) -> None:
    """Returns when so many messages have been sent."""
    query = select(func.count()).where(messages.c.state == "sent")
    while True:
        async with store.reading() as connection:
            if (await connection.execute(query)).scalar_one() >= number:
                return
        await asyncio.sleep(0.05)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    for row in (heading, ["-" * width for width in widths], *rows):
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        sys.stdout.write("| " + " | ".join(cells) + " |\n")


def _customer(number: int) -> CustomerRow:
    columns = {"email": f"customer.{number}@example.com", "timezone": "Europe/Stockholm", "locale": "en"}
    return CustomerRow(str(number), columns, {"first_name": f"Name{number}"}, {"email": "granted"})
