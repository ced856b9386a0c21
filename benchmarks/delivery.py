"""E-mail through SendGrid's API: journeyflow against the official synchronous client in a plain loop.

    python -m benchmarks.delivery [--messages 10000] [--baseline 200] [--delay 20] [--rate 50]

The provider is a process of its own on this machine, which checks every mail as SendGrid does and answers
after `--delay` milliseconds. The messages are the shipped letter to new members, and all of them are queued
before the clock starts; from then on they are claimed, rendered, sent and recorded. Rendering is measured by
itself as well. With `--rate` the server is asked to let no more of them out in a second.
"""

import argparse
import asyncio
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sendgrid
from sendgrid.helpers.mail import Content, From, Mail, ReplyTo, Subject, To
from sqlalchemy import func, select

from benchmarks.stage import Stage, stage, table, until_sent
from journeyflow.audience.ingest import record_customers, record_events
from journeyflow.audience.records import CustomerRow, EventRow
from journeyflow.bootstrap import channel_worker, journeys_worker, keep_going
from journeyflow.delivery.channels.base import Outgoing, Sought, Unanswerable
from journeyflow.delivery.channels.sendgrid import SendGrid
from journeyflow.delivery.claim import claim
from journeyflow.delivery.composing import Materials, Writer, gather
from journeyflow.delivery.courier import Courier
from journeyflow.folder import apply_folder, read_folder
from journeyflow.messages.links import Links
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.migrate import upgrade
from journeyflow.testing.vendors.http import Behaviour
from journeyflow.testing.vendors.sendgrid import KEY, sendgrid_server
from journeyflow.workflows.contracts import DeliveryRequest

ROOT = Path(__file__).parents[1]
GOALS = {"messages a second": 300.0, "times the official client": 5.0, "rendered a second": 3000.0}
LINKS = Links("https://post.example.com", ["only-for-benchmarks-0123456789abcdef"])


@dataclass(frozen=True, slots=True)
class Letters:
    """Composed by the real parts, to be sent by somebody else."""

    mails: list[Outgoing]
    rate: float  # rendered a second


async def main(number: int, baseline: int, delay: float, rate: float | None = None) -> None:
    async with (
        stage() as here,
        _provider(delay) as url,
        _store(here.folder, number) as store,
        journeys_worker(store, here.client),
    ):
        await keep_going(store, here.client)
        await _join(store, number)
        await _until_queued(store, number)
        letters = await _render(store)
        theirs = await asyncio.to_thread(_official, url, letters.mails[:baseline])
        ours, cpu = await _deliver(here, store, url, number, rate)
    times = ours / theirs
    rows = [
        ("messages a second, whole path", f"{ours:,.0f}", f"{GOALS['messages a second']:,.0f}"),
        ("processor's ms a message, our process", f"{cpu * 1000:.2f}", ""),
        ("messages a second, official client in a loop", f"{theirs:,.1f}", ""),
        ("ratio", f"{times:.1f} x", f"{GOALS['times the official client']:.0f} x"),
        (
            "messages rendered a second, one core",
            f"{letters.rate:,.0f}",
            f"{GOALS['rendered a second']:,.0f}",
        ),
    ]
    table((f"{number:,} e-mails, answers after {delay * 1000:.0f} ms", "measured", "goal"), rows)


async def _deliver(
    here: Stage, store: Store, url: str, number: int, rate: float | None
) -> tuple[float, float]:
    """Messages a second, and seconds of the processor's for each."""
    channel = SendGrid(KEY, "benchmark", url)
    begun, used = time.perf_counter(), time.process_time()
    async with channel_worker(store, here.client, "email", channel, LINKS, rate):
        await until_sent(store, number)
        seconds, used = time.perf_counter() - begun, time.process_time() - used
    await channel.close()
    return number / seconds, used / number


async def _render(store: Store) -> Letters:
    """What a delivery of the first cohort would compose, and how fast that is; nothing is claimed."""
    courier = Courier(store, {"email": _Nobody()}, links=LINKS)
    now = datetime.now(UTC)
    async with store.engine.connect() as connection:
        plan = await courier.programme.plan(connection, await _version(connection))
        policy = await courier.programme.policy(connection)
        request = DeliveryRequest(1, 0, "email")
        claims = await claim(connection, request, plan, policy, now, now, 0, 500)
        writer = Writer(plan, policy, "email", courier.renderer, LINKS)
        materials = await gather(connection, courier, writer, claims.taken, now)
        await connection.rollback()
    mails = _composed(writer, claims.taken, materials, now)
    begun, rounds = time.process_time(), 4
    for _ in range(rounds):
        _composed(writer, claims.taken, materials, now)
    return Letters(mails, rounds * len(mails) / (time.process_time() - begun))


def _composed(writer: Writer, claims: list[Any], materials: Materials, now: datetime) -> list[Outgoing]:
    return [writer.compose(one, materials, now) for one in claims]


async def _version(connection: Any) -> int:
    query = select(messages.c.version_id).limit(1)
    return int((await connection.execute(query)).scalar_one())


def _official(url: str, mails: list[Outgoing]) -> float:
    """Messages a second of the official client, one after the other, as its documentation shows it."""
    client = sendgrid.SendGridAPIClient(KEY, host=url)
    begun = time.perf_counter()
    for mail in mails:
        name, _, address = mail.sender.from_.rstrip(">").partition(" <")
        letter = Mail(From(address, name), To(mail.to), Subject(mail.subject or ""))
        letter.reply_to = ReplyTo(mail.sender.reply_to)
        letter.add_content(Content("text/plain", mail.text))
        letter.add_content(Content("text/html", mail.html))
        if client.send(letter).status_code != 202:
            raise SystemExit("the provider refused a mail of the official client's")
    return len(mails) / (time.perf_counter() - begun)


class _Nobody:
    """Nothing is handed over while rendering is measured."""

    batch = 1

    async def send(self, message: Outgoing) -> Any:
        raise AssertionError

    async def lookup(self, sought: Sought) -> Unanswerable:
        return Unanswerable()

    async def close(self) -> None: ...


@asynccontextmanager
async def _store(folder: Path, number: int) -> AsyncIterator[Store]:
    """The shipped programme is in force, and customers "1" to "n" have agreed to e-mail."""
    shutil.copytree(ROOT / "journeys", folder / "programme" / "journeys")
    shutil.copytree(ROOT / "templates", folder / "programme" / "templates")
    store = Store.open(f"sqlite:///{folder / 'delivery.db'}")
    await upgrade(store)
    now = datetime.now(UTC)
    await apply_folder(store, read_folder(folder / "programme"), now)
    for begin in range(0, number, 1000):
        rows = [_customer(at) for at in range(begin + 1, min(begin + 1000, number) + 1)]
        await record_customers(store, rows, now, "benchmark")
    try:
        yield store
    finally:
        await store.close()


def _customer(number: int) -> CustomerRow:
    columns = {
        "email": f"customer.{number}@example.com",
        "timezone": ("Europe/Stockholm", "Europe/Amsterdam", "America/New_York")[number % 3],
        "locale": ("sv", "en")[number % 2],
    }
    attributes = {
        "first_name": f"Åsa-Märta {number}",
        "points": number % 500,
        "tier": "gold",
        "city": "Göteborg",
    }
    return CustomerRow(str(number), columns, attributes, {"email": "granted"})


async def _join(store: Store, number: int) -> None:
    now = datetime.now(UTC)
    for begin in range(0, number, 1000):
        many = range(begin + 1, min(begin + 1000, number) + 1)
        rows = [EventRow(f"joined-{at}", str(at), "member.joined", now, {"source": "web"}) for at in many]
        await record_events(store, rows, now)


async def _until_queued(store: Store, number: int) -> None:
    query = select(func.count()).where(messages.c.state == "queued")
    while True:
        async with store.reading() as connection:
            if (await connection.execute(query)).scalar_one() >= number:
                return
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _provider(delay: float) -> AsyncIterator[str]:
    """Its URL. It ends with its standard input."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.delivery", "--provider", str(delay),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        await process.wait()


async def _provide(delay: float) -> None:
    async with sendgrid_server() as server:
        server.behave(Behaviour(delay=delay))
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--baseline", type=int, default=200)
    parser.add_argument("--delay", type=float, default=20, help="milliseconds")
    parser.add_argument("--rate", type=float, help="messages a second")
    parser.add_argument("--provider", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.provider is not None:
        asyncio.run(_provide(options.provider))
    else:
        asyncio.run(main(options.messages, options.baseline, options.delay / 1000, options.rate))
    sys.stdout.flush()
    os._exit(0)  # a process that used a Temporal client may abort when Python ends
