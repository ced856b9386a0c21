"""`customers import` and `events import`: files into the store, bad lines reported, good ones in."""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Generic, TextIO, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from journeyflow.audience import ingest
from journeyflow.audience.ingest import Recorded
from journeyflow.audience.records import RecordError, parse_customer, parse_event
from journeyflow.cli.files import (
    CUSTOMERS,
    EVENTS,
    Bad,
    Found,
    HeaderError,
    Layout,
    read_csv,
    read_json_lines,
)
from journeyflow.cli.stores import migrated_store
from journeyflow.engine.programme import Programme
from journeyflow.errors import JourneyflowError
from journeyflow.settings import Settings, load_settings
from journeyflow.store.database import Store

Row = TypeVar("Row")

_BATCH = 1_000  # rows of one transaction
_KEPT = {"denied": ("denial kept", "denials kept"), "pending": ("still to be confirmed",) * 2}
_FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}

_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_format = click.option(
    "--format", "form", type=click.Choice(["csv", "jsonl"]), help="Of FILE; without it, its suffix tells."
)
_rejects = click.option(
    "--rejects",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Also write the reports of bad lines here.",
)


@click.group()
def customers() -> None:
    """Import customers."""


@click.group()
def events() -> None:
    """Import events."""


@customers.command("import")
@_file
@_format
@_rejects
@click.pass_context
def import_customers(ctx: click.Context, file: Path, form: str | None, rejects: Path | None) -> None:
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
        return partial(parse_customer, topics=topics)

    _run(ctx, _Import("customers", file, form, CUSTOMERS, parser, record), rejects)


@events.command("import")
@_file
@_format
@_rejects
@click.pass_context
def import_events(ctx: click.Context, file: Path, form: str | None, rejects: Path | None) -> None:
    """Add events from FILE (CSV or JSON lines).

    \b
    CSV columns: id, customer, name, at (ISO 8601 with an offset), prop.<name>
    JSON lines:  {"id", "customer", "name", "at", "properties": {}}

    Running it again is harmless: an event is known by its id. Exits with 1 if a line was bad.
    """

    async def record(store: Store, rows: Sequence[Any], now: datetime) -> Recorded:
        return Recorded(await ingest.record_events(store, rows, now), Counter())

    _run(ctx, _Import("events", file, form, EVENTS, lambda _: parse_event, record), rejects)


@dataclass(frozen=True, slots=True)
class _Import(Generic[Row]):
    what: str
    file: Path
    form: str | None
    layout: Layout
    parser: Callable[[Collection[str]], Callable[[dict[str, Any]], Row]]  # given the topics of the policy
    record: Callable[[Store, Sequence[Row], datetime], Awaitable[Recorded]]

    def read(self, source: BinaryIO) -> Iterator[Found | Bad]:
        form = self.form or _FORMATS.get(self.file.suffix.lower())
        if form is None:
            raise click.UsageError(f'the suffix of "{self.file}" tells no format; give --format csv or jsonl')
        return read_csv(source, self.layout) if form == "csv" else read_json_lines(source)


@dataclass(slots=True)
class _Report:
    """Says what is wrong as it is found, and counts."""

    file: Path
    console: Console
    rejects: TextIO | None
    counts: dict[str, int] = field(default_factory=lambda: {"new": 0, "changed": 0, "unchanged": 0, "bad": 0})
    kept: Counter[str] = field(default_factory=Counter)  # see `Recorded`

    def bad(self, line: int, reason: str) -> None:
        text = f"{self.file}:{line}: {reason}"
        self.console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)
        if self.rejects is not None:
            self.rejects.write(text + "\n")
        self.counts["bad"] += 1

    def taken(self, recorded: Recorded) -> None:
        for outcome in recorded.outcomes:
            self.counts[outcome] += 1
        self.kept.update(recorded.kept)

    def summary(self) -> str:
        told = [f"{count:,} {name}" for name, count in self.counts.items() if count or name != "changed"]
        for state, (one, many) in _KEPT.items():
            if self.kept[state]:
                told.append(f"{self.kept[state]:,} {one if self.kept[state] == 1 else many}")
        return ", ".join(told)


def _run(ctx: click.Context, job: _Import[Any], rejects: Path | None) -> None:
    if rejects is not None and rejects.exists() and rejects.samefile(job.file):
        raise click.UsageError("--rejects names the file that is imported; choose another")
    report = asyncio.run(_import(job, rejects, load_settings()))
    click.echo(f"{job.what}: {report.summary()}")
    ctx.exit(1 if report.counts["bad"] else 0)


async def _import(job: _Import[Row], rejects: Path | None, settings: Settings) -> _Report:
    console = Console(stderr=True)
    async with migrated_store(settings) as store:
        with ExitStack() as stack:
            source = stack.enter_context(job.file.open("rb"))
            written = stack.enter_context(rejects.open("w", encoding="utf-8")) if rejects else None
            report = _Report(job.file, console, written)
            progress = stack.enter_context(_progress(console))
            task = progress.add_task(job.what, total=job.file.stat().st_size or None)
            await _feed(job, store, source, report, lambda: _advance(progress, task, source))
    return report


async def _feed(
    job: _Import[Row], store: Store, source: BinaryIO, report: _Report, advance: Callable[[], None]
) -> None:
    async with store.reading() as connection:
        policy = await Programme().policy(connection)
    rows = _rows(job, job.parser(policy.topics), source, report)
    while batch := list(islice(rows, _BATCH)):
        report.taken(await job.record(store, batch, datetime.now(UTC)))
        advance()


def _rows(
    job: _Import[Row], parse: Callable[[dict[str, Any]], Row], source: BinaryIO, report: _Report
) -> Iterator[Row]:
    try:
        for item in job.read(source):
            try:
                if isinstance(item, Found):
                    yield parse(item.record)
                else:
                    report.bad(item.line, item.reason)
            except RecordError as error:
                report.bad(item.line, str(error))
    except HeaderError as error:
        raise JourneyflowError(f"{job.file}:{error.line}: {error.reason}") from None


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not sys.stderr.isatty())


def _advance(progress: Progress, task: TaskID, source: BinaryIO) -> None:
    if source.seekable():  # of a pipe nobody knows how far it is
        progress.update(task, completed=source.tell())
