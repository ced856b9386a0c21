"""A customer is erased while journeys run: afterwards nothing we keep knows them, and the others go on."""

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select
from temporalio.client import Client

from journeyflow.audience.ingest import record_customers, record_events
from journeyflow.audience.records import CustomerRow, EventRow
from journeyflow.audience.suppression import is_suppressed
from journeyflow.conditions import EventMatch
from journeyflow.messages.templates import Template
from journeyflow.plan import End, EnterByEvent, Plan, Send, WaitFor
from journeyflow.store.customers import customers, suppressions
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments, observations
from journeyflow.store.tables import metadata
from tests.e2e.installation import Installation, installation, just_now, until

KEY = "kx-4711-mirabella"
EMAIL = "mirabella.quuxworth@example.com"
PHONE = "+46701740609"
NAME = "Quuxworth-Ångström"
GIFT = "vermilion hatstand"
FACT = "platinum-since-childhood"
OTHERS = [f"other-{number}" for number in range(5)]
# In JSON a letter may be escaped.
NEEDLES = [KEY, "mirabella", "quuxworth", "701740609", "ngstr", "hatstand", FACT]

TEMPLATES = [
    Template("hello", "email", "", text="Hello {{ customer.first_name }}", subject="Hi", html="<p>Hi</p>"),
    Template("thanks", "sms", "", text="Thank you"),
]
JOINED = EnterByEvent(EventMatch("joined"))
LETTER = Plan(
    "letter", "A letter", "marketing", 50, JOINED, (Send("steps/0", 1, "email", "hello"), End("end"))
)
CONVERSATION = Plan(
    "conversation",
    "Thanks for an answer",
    "marketing",
    50,
    JOINED,
    (
        WaitFor("steps/0", (EventMatch("answered"),), 3_600, 1, 2),
        Send("steps/0/then/0", 2, "sms", "thanks"),
        End("end"),
    ),
)


async def test_nothing_knows_an_erased_customer(tmp_path: Path, sqlite_template: Path) -> None:
    async with (
        installation(tmp_path / "it", sqlite_template) as made,
        _worker(made, "journeys", "sms"),  # nobody delivers e-mail yet, so it stays queued
    ):
        await _begin(made)
        assert set(_found(made, NEEDLES)) == set(NEEDLES), "the search sees what is there"
        exported = json.loads(await _command(made, "customer", "export", KEY))
        assert [needle for needle in NEEDLES if needle not in json.dumps(exported).lower()] == []
        told = await _command(made, "customer", "erase", KEY, "--yes")
        assert _found(made, NEEDLES) == [], "at once, while the worker runs"
        async with _worker(made, "email"):
            await _go_on(made)
        assert len(list((made.folder / "outbox").glob("*.eml"))) == len(OTHERS)
        assert _found(made, NEEDLES) == []
        assert [needle for needle in NEEDLES if needle in await _histories(made)] == []
        assert [needle for needle in NEEDLES if needle in told] == []
        await _comes_back(made)


async def _begin(made: Installation) -> None:
    """The customer is in two journeys: one message is queued, and in the other they rest at a wait."""
    await made.apply([LETTER, CONVERSATION], TEMPLATES)
    await _import(made, KEY, {"email": EMAIL, "phone": PHONE}, first_name=NAME)
    for number, key in enumerate(OTHERS):
        address = {"email": f"{key}@example.com", "phone": f"+4670174060{number}"}
        await _import(made, key, address, first_name=key)
    rows = [EventRow(f"joined-{key}", key, "joined", just_now(), {"gift": GIFT}) for key in [KEY]]
    rows += [EventRow(f"joined-{key}", key, "joined", just_now(), {"gift": "a pen"}) for key in OTHERS]
    await record_events(made.store, rows, datetime.now(UTC))
    await until(lambda: _waits(made), "everybody rests, and their letters are queued")
    async with made.store.writing() as connection:
        theirs = select(func.min(enrollments.c.id)).join(customers).where(customers.c.key == KEY)
        number = (await connection.execute(theirs)).scalar_one()
        fact = {"enrollment_id": number, "step": 0, "at": datetime.now(UTC), "facts": [["tier", FACT]]}
        await connection.execute(insert(observations).values(**fact))


async def _import(made: Installation, key: str, columns: dict[str, Any], **attributes: Any) -> None:
    row = CustomerRow(key, columns, attributes, {"email": "granted", "sms": "granted"})
    await record_customers(made.store, [row], datetime.now(UTC), "test")


async def _waits(made: Installation) -> bool:
    queued = select(messages.c.id).where(messages.c.state == "queued")
    resting = select(enrollments.c.id).where(enrollments.c.step == 0, enrollments.c.state == "active")
    everybody = len(OTHERS) + 1
    return len(await made.rows(queued)) == len(await made.rows(resting)) == everybody


async def _go_on(made: Installation) -> None:
    rows = [EventRow(f"answered-{key}", key, "answered", just_now()) for key in OTHERS]
    await record_events(made.store, rows, datetime.now(UTC))
    await until(lambda: _have_ended(made), "the others have travelled to the end")


async def _have_ended(made: Installation) -> bool:
    states = [row.state for row in await made.rows(select(enrollments.c.state))]
    assert len(states) == 2 * len(OTHERS)
    kinds = (messages.c.channel, messages.c.state)
    counted = await made.rows(select(*kinds, func.count()).group_by(*kinds))
    sent = {(channel, "sent", len(OTHERS)) for channel in ("email", "sms")}
    return set(states) == {"finished"} and {tuple(row) for row in counted} == sent


async def _comes_back(made: Installation) -> None:
    """Imported anew, they are a new customer, who gets nothing as long as the suppression stands."""
    await _import(made, KEY, {"email": EMAIL.upper(), "phone": PHONE})
    await made.happen({"joined": [KEY]}, just_now())
    await until(lambda: _is_dropped(made), "the new customer's letter is dropped")
    async with made.store.reading() as connection:
        assert await is_suppressed(connection, "email", EMAIL) == "erased"
    assert {row.reason for row in await made.rows(select(suppressions))} == {"erased"}


async def _is_dropped(made: Installation) -> bool:
    query = select(messages.c.state, messages.c.reason).join(customers).where(customers.c.key == KEY)
    return [tuple(row) for row in await made.rows(query)] == [("dropped", "suppressed")]


@asynccontextmanager
async def _worker(made: Installation, *queues: str) -> AsyncIterator[None]:
    with (made.folder / "worker.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "journeyflow", "worker", *queues,
            env=made.environment(), cwd=made.folder, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def _command(made: Installation, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "journeyflow", *arguments,
        env=made.environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


def _found(made: Installation, needles: list[str]) -> list[str]:
    """In the files as they lie on the disk, logs among them, and in each value of both databases."""
    files = [path.read_bytes() for path in made.folder.rglob("*") if path.is_file()]
    assert {path.name for path in made.folder.iterdir()} >= {"journeyflow.db", "temporal.db", "worker.log"}
    values = [value for name in ("journeyflow.db", "temporal.db") for value in _values(made.folder / name)]
    haystack = b"\0".join([*files, *values]).lower()
    return [needle for needle in needles if needle.encode() in haystack]


def _values(database: Path) -> Iterator[bytes]:
    """Whole, while in the file a long value is spread over pages."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        if database.name == "journeyflow.db":
            assert {name for (name,) in tables} >= set(metadata.tables)
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield from (v if isinstance(v, bytes) else str(v).encode() for v in row)
    finally:
        connection.close()


async def _histories(made: Installation) -> str:
    client = await Client.connect(made.server.address)
    found = []
    async for run in client.list_workflows():
        history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        found += [event.SerializeToString().decode(errors="replace") for event in history.events]
    assert len(found) > len(OTHERS)
    await client.get_schedule_handle("purges").describe()  # the workers keep it
    return "\0".join(found).lower()
