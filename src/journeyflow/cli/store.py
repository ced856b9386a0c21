"""`store`: bring the database to this version, look whether it is sound, move it to PostgreSQL."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from journeyflow.cli.actor import actor
from journeyflow.cli.store_check import check
from journeyflow.cli.stores import opened_store
from journeyflow.errors import ConfigurationError
from journeyflow.settings import load_settings
from journeyflow.store.copying import Told
from journeyflow.store.database import Store
from journeyflow.store.migrate import Standing, standing
from journeyflow.store.migrate import upgrade as upgrade_store
from journeyflow.store.moving import Moved, Phase, Watch, named
from journeyflow.store.moving import move as move_store


@click.group()
def store() -> None:
    """Bring the database to this version, look whether it is sound, or move it to PostgreSQL."""


store.add_command(check)


@store.command("upgrade")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
def upgrade(dry_run: bool) -> None:
    """Give the store the tables of this version; nothing is lost, and there is no way back."""
    asyncio.run(_upgrade(dry_run))


@store.command("move")
@click.argument("target")
@click.option("--again", is_flag=True, help="First remove what a move that was cut short left in TARGET.")
def move(target: str, again: bool) -> None:
    """Move the store, a SQLite file, to TARGET: postgresql://user@host/name, an empty database.

    Everybody stays where they are in their journeys and goes on from there. Stop all workers and the API
    before, and set JOURNEYFLOW_STORE to TARGET afterwards. The password may stand in TARGET or, as always
    with PostgreSQL, in PGPASSWORD or ~/.pgpass.
    """
    moved = asyncio.run(_move(target, again))
    for table, values in moved.replaced.items():
        click.echo(
            f'{table}: {values:,} values held characters that PostgreSQL cannot keep; "\ufffd" stands there'
        )
    if moved.rows:
        click.echo(f"{sum(moved.rows.values()):,} rows of {len(moved.rows)} tables are now in {moved.to}")
    else:
        click.echo(f"an earlier move to {moved.to} has come to its end")
    click.echo("set JOURNEYFLOW_STORE to it and start the workers; nothing uses the old store any more")


async def _upgrade(dry_run: bool) -> None:
    async with opened_store(load_settings().store) as opened:
        found = await standing(opened)
        if not found.ahead:
            click.echo(f"the store is at {found.current}, which is the newest")
            return
        for step in found.ahead:
            click.echo(f"{step.revision} {step.what}")
        if dry_run:
            click.echo(f"{_distance(found)}: nothing was changed")
        else:
            await upgrade_store(opened)
            click.echo(f"{_distance(found)}: done")


def _distance(found: Standing) -> str:
    return f"from {found.current or 'an empty database'} to {found.ahead[-1].revision}"


async def _move(target: str, again: bool) -> Moved:
    url = load_settings().store
    _require_ways(url, target)
    async with opened_store(url, alone=True) as source, opened_store(target, given_by="TARGET") as there:
        if (await standing(source)).ahead:
            await upgrade_store(source)
        with _watching() as watch:
            return await move_store(source, there, actor(), datetime.now(UTC), watch, again)


def _require_ways(url: str, target: str) -> None:
    """From a SQLite file that is there, to PostgreSQL."""
    source, there = Store.open(url), Store.open(target)
    if not source.is_sqlite or there.is_sqlite:
        raise ConfigurationError(
            f"a store moves from SQLite to PostgreSQL, not from {named(source)} to {named(there)}; "
            "between two of PostgreSQL use pg_dump and pg_restore"
        )
    if not Path(source.engine.url.database or "").exists():
        raise ConfigurationError(f"there is no store {named(source)} to move; look at JOURNEYFLOW_STORE")


@contextmanager
def _watching() -> Iterator[Watch]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:

        def watch(phase: Phase, table: str, rows: int) -> Told:
            task = progress.add_task(f"{phase} {table}", total=rows, visible=rows > 0)
            return lambda more: progress.advance(task, more)

        yield watch
