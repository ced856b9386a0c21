"""A whole installation for one test: a store, a Temporal server, and workers that can be killed."""

import asyncio
import os
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select
from temporalio.client import Client

from journeyflow.audience.ingest import record_customers, record_events
from journeyflow.audience.records import CustomerRow, EventRow
from journeyflow.engine.outbox import pending
from journeyflow.members import from_hex, place_of, positions
from journeyflow.messages.templates import Template
from journeyflow.plan import Plan
from journeyflow.policy import Policy, Sender
from journeyflow.store.applying import PlannedJourney, StoredTemplate, apply_programme
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments, legs
from journeyflow.testing.servers import DevServer, dev_server
from tests.e2e import worker as worker_script

POLICY = Policy(senders={"email": Sender("Club <club@example.com>"), "sms": Sender("+46700000000")})
_POLL = 0.02  # seconds
_MOMENT = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Worker:
    process: asyncio.subprocess.Process

    async def ready(self) -> None:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        assert line.decode().strip() == worker_script.READY, "the worker did not start; see worker.log"

    @property
    def is_dead(self) -> bool:
        return self.process.returncode is not None

    async def dies(self) -> int:
        return await self.process.wait()

    async def kill(self) -> None:
        if not self.is_dead:
            self.process.kill()
        await self.process.wait()


@dataclass(slots=True)
class Installation:
    folder: Path
    store: Store
    server: DevServer
    url: str  # of the store
    smtp_port: int | None = None  # None: e-mail goes to the outbox folder
    variables: dict[str, str] = field(default_factory=dict)  # beside those that every process is given
    workers: list[Worker] = field(default_factory=list)

    async def start_worker(self, kill_at: str = "") -> Worker:
        with (self.folder / "worker.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                worker_script.__name__,
                env=self.environment() | {"KILL_AT": kill_at},
                cwd=Path(__file__).parents[2],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        self.workers.append(Worker(process))
        return self.workers[-1]

    async def apply(
        self, plans: Iterable[Plan], templates: Iterable[Template], policy: Policy = POLICY
    ) -> None:
        texts = [StoredTemplate(t.name, t.channel, t.locale, t.digest, t.to_json()) for t in templates]
        planned = [PlannedJourney(plan.journey, plan.digest, plan.to_json(), "") for plan in plans]
        await apply_programme(self.store, policy.to_json(), texts, planned, datetime.now(UTC))

    async def add_customers(self, keys: Iterable[str]) -> None:
        consents = {"email": "granted", "sms": "granted"}
        rows = [
            CustomerRow(
                key,
                {"email": f"{key}@example.com", "phone": f"+4670174{number:04}", "timezone": "UTC"},
                {},
                consents,
            )
            for number, key in enumerate(keys)
        ]
        await record_customers(self.store, rows, datetime.now(UTC), "test")

    async def happen(self, named: Mapping[str, Iterable[str]], since: datetime) -> None:
        """Each event to its customers, in one transaction; the first at `since`, others a moment later."""
        rows = [
            EventRow(f"{name}-{key}", key, name, since + number * _MOMENT)
            for number, (name, keys) in enumerate(named.items())
            for key in keys
        ]
        await record_events(self.store, rows, datetime.now(UTC))

    async def has_enrolled(self, number: int) -> bool:
        """So many enrollments have been placed at their first stop, or have ended."""
        placed = or_(enrollments.c.step.is_not(None), enrollments.c.ended_at.is_not(None))
        return len(await self.rows(select(enrollments.c.id).where(placed))) >= number

    async def has_routed(self) -> bool:
        return not await self.rows(select(events.c.id).where(events.c.routed_at.is_(None)))

    async def accepted(self) -> Counter[tuple[str, str, int]]:
        """How often the outbox folder took each message, by customer, journey and step."""
        log = self.folder / "accepted.log"
        query = (
            select(messages.c.id, messages.c.step, customers.c.key, enrollments.c.journey)
            .join_from(messages, enrollments, enrollments.c.id == messages.c.enrollment_id)
            .join(customers, customers.c.id == messages.c.customer_id)
        )
        keys = {row.id: (row.key, row.journey, row.step) for row in await self.rows(query)}
        return Counter(keys[int(name.partition(".")[0])] for name in log.read_text().split())

    async def all_ended(self, expected: int) -> bool:
        """Nobody is inside, nothing is on its way, and Temporal agrees."""
        rows = await self.rows(select(enrollments.c.state))
        if len(rows) < expected or any(row.state == "active" for row in rows):
            return False
        if await pending(self.store, datetime.now(UTC)):
            return False
        open_messages = select(messages.c.id).where(messages.c.state.in_(["queued", "sending"]))
        if await self.rows(open_messages):
            return False
        client = await Client.connect(self.server.address)
        running = await client.count_workflows('WorkflowType="Cohort" AND ExecutionStatus="Running"')
        return running.count == 0

    async def rows(self, query: Any) -> list[Any]:
        async with self.store.reading() as connection:
            return list(await connection.execute(query))

    def environment(self) -> dict[str, str]:
        smtp = {
            "JOURNEYFLOW_EMAIL": "smtp",
            "JOURNEYFLOW_SMTP_URL": f"smtp://127.0.0.1:{self.smtp_port}?tls=none",
        }
        own = {
            "JOURNEYFLOW_STORE": self.url,
            "JOURNEYFLOW_OUTBOX": str(self.folder / "outbox"),
            "PROVIDER_LOG": str(self.folder / "accepted.log"),
            "TEMPORAL_ADDRESS": self.server.address,
        }
        outside = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("JOURNEYFLOW_", "TEMPORAL_"))
        }
        return outside | own | (smtp if self.smtp_port is not None else {}) | self.variables


@asynccontextmanager
async def installation(
    folder: Path,
    template: Path,
    smtp_port: int | None = None,
    dynamic_config: Mapping[str, object] | None = None,
    url: str | None = None,
) -> AsyncIterator[Installation]:
    """On the store at `url`, else on a copy of the migrated, empty store `template`.

    Its processes are gone when the block ends.
    """
    os.makedirs(folder)
    where = url or f"sqlite:///{shutil.copy(template, folder / 'journeyflow.db')}"
    store = Store.open(where)
    try:
        async with dev_server(folder / "temporal.db", dynamic_config=dynamic_config) as server:
            made = Installation(folder, store, server, where, smtp_port)
            try:
                yield made
            finally:
                for worker in made.workers:
                    await worker.kill()
    finally:
        await store.close()


async def until(condition: Callable[[], Awaitable[bool]], what: str, patience: float = 90.0) -> None:
    """Polls; a test that waits in vain fails with `what` it waited for."""
    try:
        async with asyncio.timeout(patience):
            while not await condition():
                await asyncio.sleep(_POLL)
    except TimeoutError:
        raise AssertionError(f"waited {patience:.0f} s in vain until {what}") from None


@dataclass(frozen=True, slots=True)
class Passage:
    """What became of one customer in one journey."""

    state: str
    reason: str | None
    steps: tuple[tuple[int, str], ...]  # each step taken, and what was decided there
    messages: tuple[tuple[int, str], ...]  # step and state


async def passages(found: Installation) -> dict[tuple[str, str], Passage]:
    """By customer and journey. Two enrollments of one pair are an error."""
    taken = await _steps_taken(found)
    sent: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for row in await found.rows(select(messages).order_by(messages.c.step)):
        sent[row.enrollment_id].append((row.step, row.state))
    query = select(enrollments, customers.c.key).join(customers, customers.c.id == enrollments.c.customer_id)
    result: dict[tuple[str, str], Passage] = {}
    for row in await found.rows(query):
        assert (row.key, row.journey) not in result, f"{row.key} travelled {row.journey} twice"
        result[row.key, row.journey] = Passage(
            row.state, row.reason, tuple(taken[row.id]), tuple(sent[row.id])
        )
    return result


async def attributes(found: Installation) -> dict[str, dict[str, Any]]:
    return {row.key: row.attributes for row in await found.rows(select(customers))}


async def _steps_taken(found: Installation) -> dict[int, list[tuple[int, str]]]:
    numbers = {place_of(row.id): row.id for row in await found.rows(select(enrollments.c.id))}
    taken: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for leg in await found.rows(select(legs).order_by(legs.c.cohort_id, legs.c.number)):
        for step, what, members, _detail in leg.trail:
            for position in positions(from_hex(members)):
                taken[numbers[leg.cohort_id, position]].append((step, what))
    return taken


def just_now() -> datetime:
    """In whole milliseconds, as times cross into Temporal."""
    now = datetime.now(UTC)
    return now - timedelta(microseconds=now.microsecond % 1000)
