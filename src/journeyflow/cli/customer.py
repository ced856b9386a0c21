"""`customer`: one customer's story, all that is held about them, and their erasure."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from journeyflow.audience import rights
from journeyflow.audience.rights import Erasure
from journeyflow.cli.actor import actor
from journeyflow.cli.stores import migrated_store
from journeyflow.engine.programme import Programme
from journeyflow.engine.timeline import Story, story
from journeyflow.settings import load_settings
from journeyflow.store.wiping import wipe

_ONLY_THE_OWNER = 0o600


@click.group()
def customer() -> None:
    """Look at one customer, export what is held about them, or erase them."""


@customer.command("show")
@click.argument("key")
def show(key: str) -> None:
    """Show what the customer KEY did, and what each journey decided about them and why."""
    found = asyncio.run(_load(key))
    if found is None:
        raise _nobody(key)
    table = Table(title=f"customer {found.key}", title_justify="left", show_edge=False)
    for heading in ("when (UTC)", "what", "where", ""):
        table.add_column(heading, overflow="fold", no_wrap=heading == "when (UTC)")
    for moment in found.moments:
        cells = (f"{moment.at:%Y-%m-%d %H:%M:%S}", moment.what, moment.where, moment.text)
        table.add_row(*(Text(cell) for cell in cells))
    Console().print(table)


@customer.command("export")
@click.argument("key")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write here, readable for you alone, instead of to standard output.",
)
def export(key: str, output: Path | None) -> None:
    """Write everything held about the customer KEY, as JSON (its shape: docs/rights.md)."""
    found = asyncio.run(_export(key))
    if found is None:
        raise _nobody(key)
    text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    if output is None:
        click.echo(text, nl=False)
        return
    with open(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _ONLY_THE_OWNER), "wb") as file:
        os.fchmod(file.fileno(), _ONLY_THE_OWNER)  # one that was there before kept its own mode
        file.write(text.encode())


@customer.command("erase")
@click.argument("key")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@click.option("--number", is_flag=True, help="KEY is our own number, as in the audit log.")
def erase(key: str, yes: bool, number: bool) -> None:
    """Forget the customer KEY: all that is held about them, and their way through journeys.

    Nothing is sent to their addresses any more, also when they are imported anew.
    """
    if not yes:
        click.confirm("Everything about this customer is removed for good. Go on?", abort=True)
    if number and not key.isdecimal():
        raise click.UsageError("with --number, KEY is a number")
    done, is_wiped = asyncio.run(_erase(int(key) if number else key))
    if done is None:
        raise _nobody(key)
    click.echo("\n".join(_told(done, load_settings().outbox)))
    if not is_wiped:
        raise click.ClickException(_BUSY)


@customer.command("wipe")
def wipe_() -> None:
    """Overwrite what erasures may have left in the file of a SQLite store. `erase` does so by itself."""
    if not asyncio.run(_wipe()):
        raise click.ClickException(_BUSY)


_BUSY = (
    "traces of deleted rows may still be in the store's file, since other programs keep it busy; "
    "run `journeyflow customer wipe` later"
)


def _nobody(key: str) -> click.ClickException:
    return click.ClickException(f'no customer has the id "{key}"')


async def _load(key: str) -> Story | None:
    async with migrated_store(load_settings()) as store:
        return await story(store, Programme(), key)


async def _export(key: str) -> dict[str, Any] | None:
    async with migrated_store(load_settings()) as store:
        return await rights.export(store, key, actor(), datetime.now(UTC))


async def _erase(who: str | int) -> tuple[Erasure | None, bool]:
    async with migrated_store(load_settings()) as store:
        done = await rights.erase(store, who, actor(), datetime.now(UTC))
        return done, done is None or await wipe(store)


async def _wipe() -> bool:
    async with migrated_store(load_settings()) as store:
        return await wipe(store)


def _told(done: Erasure, outbox: Path) -> list[str]:
    counts = ", ".join(f"{rows} in {table}" for table, rows in done.removed.items() if rows)
    lines = [f"customer {done.customer} is erased: {counts}"]
    if done.suppressed:
        lines.append(f"nothing is sent to their address for {' and '.join(done.suppressed)} any more")
    if done.sharing:
        others = ", ".join(done.sharing)
        lines.append(f"these have an address in common with them, and get nothing there either: {others}")
    lines.append("what is not ours to remove:")
    return lines + [f"  {line}" for line in _remains(done, outbox)]


def _remains(done: Erasure, outbox: Path) -> list[str]:
    lines = []
    if done.handed_over:
        lines.append(f"{len(done.handed_over)} messages with whoever took them: {_numbers(done.handed_over)}")
    if done.under_way:
        lines.append(f"of these, being handed over just now: {_numbers(done.under_way)}")
    files = [file.name for id in done.handed_over for file in sorted(outbox.glob(f"{id}.*"))]
    if files:
        lines.append(f"files in {outbox}: {', '.join(files)}")
    return [*lines, "backups of the store, and files they were imported from", "Temporal: numbers only"]


def _numbers(ids: list[int]) -> str:
    return ", ".join(map(str, ids))
