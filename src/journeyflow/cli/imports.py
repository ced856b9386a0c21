"""`customers import` and `events import`: files into the store, bad lines reported, good ones in."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from journeyflow.audience import ingest
from journeyflow.audience.ingest import Recorded
from journeyflow.audience.records import RecordError, parse_customer, parse_event
from journeyflow.cli.columns import CUSTOMERS, EVENTS, Layout
from journeyflow.cli.csv_files import CsvFile, HeaderError
from journeyflow.cli.files import Bad, Found, JsonLines
from journeyflow.cli.import_options import Given, country, file_options, time_options
from journeyflow.cli.stores import migrated_store
from journeyflow.engine.programme import Programme
from journeyflow.errors import JourneyflowError
from journeyflow.settings import Settings, load_settings
from journeyflow.store.database import Store
from journeyflow.store.months import Expected

Row = TypeVar("Row")

_BATCH = 1_000  # rows of one transaction
_KEPT = {"denied": ("denial kept", "denials kept"), "pending": ("still to be confirmed",) * 2}


@click.group()
def customers() -> None:
    """Import customers."""


@click.group()
def events() -> None:
    """Import events."""


@customers.command("import")
@file_options
@country
@click.pass_context
def import_customers(ctx: click.Context, given: Given, country: str | None) -> None:
    """Create or update customers from FILE (CSV or JSON lines).

    \b
    CSV columns: id, email, phone, timezone, locale, country, attr.<name>,
                 consent_email, consent_sms, consent_email.<topic>, consent_sms.<topic>,
                 consented_at, consent_wording, consent_wording_version, consent_source
    JSON lines:  {"id", "email", "phone", "timezone", "locale", "country", "attributes": {},
                 "consents": {"email", "sms.<topic>"}, "consented_at", "consent_wording", ...}

    Running it again is harmless: a customer is known by the id. Who has said no is not granted anything,
    unless consented_at is later than that no. Exits with 1 if a line was bad.
    """

    async def record(store: Store, rows: Sequence[Any], now: datetime) -> Recorded:
        return await ingest.import_customers(store, rows, now, source="import")

    def parser(topics: Collection[str]) -> Callable[[dict[str, Any]], Any]:
        return partial(parse_customer, topics=topics, country=country)

    _run(ctx, _Import("customers", given, CUSTOMERS, parser, record))


@events.command("import")
@file_options
@time_options
@click.pass_context
def import_events(ctx: click.Context, given: Given, moment: Callable[[Any, str], datetime]) -> None:
    """Add events from FILE (CSV or JSON lines).

    \b
    CSV columns: id, customer, name, at (ISO 8601 with an offset), prop.<name>
    JSON lines:  {"id", "customer", "name", "at", "properties": {}}

    Running it again is harmless: an event is known by its id. Exits with 1 if a line was bad.
    """

    expected = Expected()

    async def record(store: Store, rows: Sequence[Any], now: datetime) -> Recorded:
        await expected.make(store, (row.at for row in rows), now)
        return Recorded(await ingest.record_events(store, rows, now), Counter())

    parse = partial(parse_event, moment=moment)
    _run(ctx, _Import("events", given, EVENTS, lambda _: parse, record))


@dataclass(frozen=True, slots=True)
class _Import(Generic[Row]):
    what: str
    given: Given
    layout: Layout
    parser: Callable[[Collection[str]], Callable[[dict[str, Any]], Row]]  # given the topics of the policy
    record: Callable[[Store, Sequence[Row], datetime], Awaitable[Recorded]]

    def read(self, source: BinaryIO) -> CsvFile | JsonLines:
        given = self.given
        if not given.is_csv:
            return JsonLines(source, given.encoding)
        try:
            return CsvFile(source, self.layout, given.choice, given.delimiter, given.encoding)
        except HeaderError as error:
            raise JourneyflowError(f"{given.file}:{error.line}: {error.reason}") from None


@dataclass(slots=True)
class _Report:
    """Says what is wrong as it is found, and counts."""

    file: Path
    console: Console
    rejects: BinaryIO | None
    counts: dict[str, int] = field(default_factory=lambda: {"new": 0, "changed": 0, "unchanged": 0, "bad": 0})
    kept: Counter[str] = field(default_factory=Counter)  # see `Recorded`

    def bad(self, bad: Bad, content: CsvFile | JsonLines) -> None:
        text = f"{self.file}:{bad.line}: {bad.reason}"
        self.console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)
        if self.rejects is not None:
            head = b"" if self.counts["bad"] else content.head_of_rejects()
            self.rejects.write(head + content.rejected(bad))
        self.counts["bad"] += 1

    def taken(self, recorded: Recorded) -> None:
        for outcome, number in Counter(recorded.outcomes).items():
            self.counts[outcome] += number
        self.kept.update(recorded.kept)

    def summary(self) -> str:
        told = [f"{count:,} {name}" for name, count in self.counts.items() if count or name != "changed"]
        for state, (one, many) in _KEPT.items():
            if self.kept[state]:
                told.append(f"{self.kept[state]:,} {one if self.kept[state] == 1 else many}")
        return ", ".join(told)


def _run(ctx: click.Context, job: _Import[Any]) -> None:
    report = asyncio.run(_import(job, load_settings()))
    click.echo(f"{job.what}: {report.summary()}")
    ctx.exit(1 if report.counts["bad"] else 0)


async def _import(job: _Import[Row], settings: Settings) -> _Report:
    console, given = Console(stderr=True), job.given
    async with migrated_store(settings) as store:
        with ExitStack() as stack:
            source = stack.enter_context(given.file.open("rb"))
            rejects = stack.enter_context(_private(given.rejects)) if given.rejects else None
            report = _Report(given.file, console, rejects)
            progress = stack.enter_context(_progress(console))
            task = progress.add_task(job.what, total=given.file.stat().st_size or None)
            await _feed(job, store, source, report, lambda: _advance(progress, task, source))
    return report


@contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    """For rows of people: nobody else may read it, also where it has been there before."""
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        if path.is_file():
            path.chmod(0o600)
        yield file


async def _feed(
    job: _Import[Row], store: Store, source: BinaryIO, report: _Report, advance: Callable[[], None]
) -> None:
    async with store.reading() as connection:
        policy = await Programme().policy(connection)
    rows = _rows(job.read(source), job.parser(policy.topics), report)
    while batch := list(islice(rows, _BATCH)):
        report.taken(await job.record(store, batch, datetime.now(UTC)))
        advance()


def _rows(
    content: CsvFile | JsonLines, parse: Callable[[dict[str, Any]], Row], report: _Report
) -> Iterator[Row]:
    for item in content:
        match item:
            case Bad():
                report.bad(item, content)
            case Found(line, record, raw):
                try:
                    yield parse(record)
                except RecordError as error:
                    report.bad(Bad(line, str(error), raw), content)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not sys.stderr.isatty())


def _advance(progress: Progress, task: TaskID, source: BinaryIO) -> None:
    if source.seekable():  # of a pipe nobody knows how far it is
        progress.update(task, completed=source.tell())
