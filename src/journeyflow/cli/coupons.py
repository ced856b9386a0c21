"""`coupons`: pools of codes that messages give away."""

import asyncio
import csv
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import click
from rich.console import Console
from rich.table import Table

from journeyflow.cli.actor import actor
from journeyflow.cli.files import Bad, numbered_lines
from journeyflow.cli.stores import migrated_store
from journeyflow.engine.local_time import at_local, default_zone
from journeyflow.engine.programme import Programme
from journeyflow.messages.coupons import POOL, POOL_FORM
from journeyflow.settings import load_settings
from journeyflow.store.audit import note
from journeyflow.store.coupons import NEVER, Stock, add_codes, stocks
from journeyflow.store.database import Store

_BATCH = 1_000  # codes of one transaction
_COLUMN = "code"
_CODE = re.compile(r"[^\s,;\"\x00-\x1f\x7f]{1,100}")


@click.group()
def coupons() -> None:
    """Codes that messages give away, in pools that templates name."""


@coupons.command("import")
@click.argument("pool")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--expires",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The last day on which these codes are given away, in the programme's timezone.",
)
@click.pass_context
def import_(ctx: click.Context, pool: str, file: Path, expires: datetime | None) -> None:
    """Put the codes in FILE into POOL: one code a line, or CSV with a column "code".

    Running it again is harmless: a code that is there already stays as it is. Exits with 1 if a
    line was bad.
    """
    if not POOL.fullmatch(pool):
        raise click.BadParameter(f"should be {POOL_FORM}", param_hint="POOL")
    taken = asyncio.run(_import(pool, file, expires.date() if expires else None))
    told = f"{pool}: {taken.new:,} new, {taken.repeated:,} there already"
    click.echo(f"{told}, {taken.bad:,} bad" if taken.bad else told)
    ctx.exit(1 if taken.bad else 0)


@coupons.command("list")
def list_() -> None:
    """Count the codes of each pool."""
    found = asyncio.run(_stocks())
    if not found:
        click.echo("there are no codes yet; run: journeyflow coupons import POOL FILE")
        return
    table = Table("pool", show_edge=False)
    for heading in ("free", "taken", "expired", "next expiry (UTC)"):
        table.add_column(heading, justify="right")
    for one in found:
        numbers = (f"{number:,}" for number in (one.free, one.taken, one.expired))
        table.add_row(one.pool, *numbers, f"{one.next_expiry:%Y-%m-%d %H:%M}" if one.next_expiry else "")
    Console().print(table)


@dataclass(slots=True)
class _Taken:
    new: int = 0
    repeated: int = 0
    bad: int = 0


async def _import(pool: str, file: Path, last_day: date | None) -> _Taken:
    taken = _Taken()
    async with migrated_store(load_settings()) as store:
        expires_at = await _end_of(store, last_day)
        with file.open("rb") as source:
            codes = _good(file, read_codes(source), taken)
            while batch := list(islice(codes, _BATCH)):
                new = await _add(store, pool, batch, expires_at)
                taken.new += new
                taken.repeated += len(batch) - new
        async with store.writing() as connection:
            await note(connection, datetime.now(UTC), actor(), "import coupons", pool, **asdict(taken))
    return taken


async def _add(store: Store, pool: str, codes: list[str], expires_at: datetime) -> int:
    async with store.writing() as connection:
        return await add_codes(connection, pool, codes, expires_at, datetime.now(UTC))


async def _stocks() -> list[Stock]:
    async with migrated_store(load_settings()) as store, store.reading() as connection:
        return await stocks(connection, datetime.now(UTC))


async def _end_of(store: Store, day: date | None) -> datetime:
    if day is None:
        return NEVER
    async with store.reading() as connection:
        zone = default_zone(await Programme().policy(connection))
    end = at_local(day + timedelta(days=1), time(0), zone)
    if end <= datetime.now(UTC):
        raise click.BadParameter(
            f"{day} is over, so nobody would get one of these codes", param_hint="--expires"
        )
    # With its zone, which is UTC as long as no policy has been applied.
    click.echo(f"new codes are given away until {end.astimezone(zone):%Y-%m-%d %H:%M}, {zone.key} time")
    return end


def _good(file: Path, found: Iterator[str | Bad], taken: _Taken) -> Iterator[str]:
    """What is wrong with a line is told by its number: a code is worth money."""
    for one in found:
        if isinstance(one, Bad):
            taken.bad += 1
            click.echo(f"{file}:{one.line}: {one.reason}", err=True)
        else:
            yield one


def read_codes(source: BinaryIO) -> Iterator[str | Bad]:
    """Of a file whose first line names a column "code", the cells of that column; else the lines."""
    lines = numbered_lines(source)
    first = next(lines, (1, ""))
    delimiter, column = _layout(first[1])
    for number, text in lines if column is not None else chain([first], lines):
        if isinstance(text, Bad):
            yield text
        elif text.strip():
            yield _code(number, text, delimiter, column)


def _layout(header: str | Bad) -> tuple[str, int | None]:
    """The delimiter, and where the codes are; None: the first line is a code itself."""
    if isinstance(header, Bad):
        return ",", None
    delimiter = max(",;\t", key=header.count)
    names = [name.strip().casefold() for name in _cells(header, delimiter)]
    return delimiter, names.index(_COLUMN) if _COLUMN in names else None


def _code(number: int, text: str, delimiter: str, column: int | None) -> str | Bad:
    cells = [text] if column is None else _cells(text, delimiter)
    if column is not None and column >= len(cells):
        return Bad(number, 'the line has no cell in the column "code"')
    code = cells[column or 0].strip()
    if _CODE.fullmatch(code):
        return code
    if column is None and any(mark in text for mark in ",;\t"):
        return Bad(number, 'this is not one code; the first line of a CSV file must name a column "code"')
    return Bad(number, "a code has 1 to 100 characters, without spaces, commas, semicolons and quotes")


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []
