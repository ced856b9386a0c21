"""`demo`: the shipped programme on a year and a half of real orders, until all that is due has been sent."""

import asyncio
import os
import shutil
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import and_, exists, or_, select
from temporalio.client import Client

from journeyflow.bootstrap import QUEUES, working
from journeyflow.cli.status import span
from journeyflow.cli.stores import migrated_store
from journeyflow.demo.data import make
from journeyflow.engine.outbox import pending
from journeyflow.engine.programme import Programme
from journeyflow.engine.status import JourneyStatus, status
from journeyflow.errors import JourneyflowError
from journeyflow.settings import Settings
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments
from journeyflow.testing.servers import dev_server

_PATIENCE = 300.0  # seconds
_LOOK = 0.2  # seconds between two looks at what is still due


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo"),
    show_default=True,
    help="Where everything is written; emptied first.",
)
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("."),
    help="The folder with journeys/ and templates/.",
)
def demo(folder: Path, root: Path) -> None:
    """Run the shipped programme on real orders, to the end."""
    asyncio.run(_run(folder.absolute(), root.absolute()))


async def _run(folder: Path, root: Path) -> None:
    _empty(folder)
    settings = Settings(store=f"sqlite:///{folder}/journeyflow.db", outbox=folder / "outbox", root=root)
    console = Console()
    files = make(datetime.now(UTC), folder)
    await _command(console, settings, "apply", str(root))
    await _command(console, settings, "customers", "import", str(files.customers))
    await _command(console, settings, "events", "import", str(files.events))
    async with migrated_store(settings) as store, dev_server(folder / "temporal.db") as server:
        client = await Client.connect(server.address)
        async with working(settings, store, client, QUEUES):
            console.print("\nrunning the journeys on an embedded Temporal server ...")
            await _until_nothing_is_due(store)  # events first, so that every run of the demo is alike
            await client.execute_workflow("Sweep", id="demo-sweep", task_queue=QUEUES[0])
            await _until_nothing_is_due(store)
        _report(console, await status(store, Programme()), folder)


def _empty(folder: Path) -> None:
    """Removes what an earlier demo left; refuses a folder that holds anything else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "journeyflow.db").exists():
        raise JourneyflowError(f'"{folder}" is not empty and not from a demo; choose another with --folder')
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


async def _command(console: Console, settings: Settings, *arguments: str) -> None:
    """One step of the demo, as the user would type it."""
    console.print(f"[bold]$ journeyflow {' '.join(arguments)}[/bold]", highlight=False, soft_wrap=True)
    environment = os.environ | {"JOURNEYFLOW_STORE": settings.store}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "journeyflow", *arguments, env=environment
    )
    if code := await process.wait():
        raise JourneyflowError(f"that command ended with exit code {code}, so the demo cannot go on")


async def _until_nothing_is_due(store: Store) -> None:
    async with asyncio.timeout(_PATIENCE):
        while await pending(store) or await _is_due(store, datetime.now(UTC)):
            await asyncio.sleep(_LOOK)


async def _is_due(store: Store, now: datetime) -> bool:
    """Whether somebody has to travel on, or a message has to leave, now."""
    late = and_(
        enrollments.c.state == "active", or_(enrollments.c.step.is_(None), enrollments.c.wake_at <= now)
    )
    leaving = messages.c.state.in_(["queued", "sending"])
    async with store.reading() as connection:
        return bool(
            (await connection.execute(select(or_(exists().where(late), exists().where(leaving))))).scalar()
        )


def _report(console: Console, found: list[JourneyStatus], folder: Path) -> None:
    for one in found:
        console.print(_table(one))
    console.print(f"messages: {folder / 'outbox'} (open an .eml file in any mail program)", soft_wrap=True)
    console.print("look closer:", highlight=False)
    prefix = f"JOURNEYFLOW_STORE=sqlite:///{folder}/journeyflow.db journeyflow"
    console.print(f"  {prefix} status", soft_wrap=True, highlight=False)
    console.print(f"  {prefix} customer show c0001", soft_wrap=True, highlight=False)


def _table(one: JourneyStatus) -> Table:
    table = Table(title=f"{one.name}: {one.entered:,} entered", title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(justify="right")
    table.add_column()
    for stop in one.resting:
        table.add_row("resting", f"{stop.members:,}", f"{stop.step} ({stop.kind}) until {span(stop)}")
    for channel, number in sorted(_by_channel(one, "sent").items()):
        table.add_row("sent", f"{number:,}", f"by {channel}")
    for rule in ("consent", "cap", "quiet-hours"):
        table.add_row("held back", f"{_by_rule(one, rule):,}", f"by {rule.replace('-', ' ')}")
    return table


def _by_channel(one: JourneyStatus, wanted: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for (channel, state, _), number in one.messages.items():
        counts[channel] += number if state == wanted else 0
    return counts


def _by_rule(one: JourneyStatus, rule: str) -> int:
    return sum(number for (_, _, reason), number in one.messages.items() if reason == rule)
