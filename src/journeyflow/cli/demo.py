"""`demo`: the shipped programme on a year and a half of real orders, until all that is due has been done.

In real time, so it shows what happens at once: entries, first letters, and what comes of a day's events.
"""

import asyncio
import os
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import Select, and_, func, select
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from journeyflow.bootstrap import QUEUES, working
from journeyflow.cli.api import with_links
from journeyflow.cli.results_page import results_page
from journeyflow.cli.status import span
from journeyflow.cli.stores import migrated_store
from journeyflow.demo.data import make_history, make_today
from journeyflow.demo.folder import OUTBOX, RESULTS, STORE, TEMPORAL, prepare
from journeyflow.demo.past import expose_the_past, in_force_before
from journeyflow.engine.outbox import pending, workflow_id
from journeyflow.engine.programme import Programme
from journeyflow.engine.status import JourneyStatus, status
from journeyflow.errors import JourneyflowError
from journeyflow.experiments.results import full_results
from journeyflow.experiments.running import known_experiments
from journeyflow.instants import to_ms
from journeyflow.settings import Settings
from journeyflow.store.database import Store
from journeyflow.store.ledger import OPEN, messages
from journeyflow.store.passages import cohorts, enrollments
from journeyflow.testing.servers import dev_server
from journeyflow.workflows.cohort import Cohort

_PATIENCE = 300.0  # seconds
_LOOK = 0.2  # seconds between two looks at what is still due
_MADE_UP = (
    "An experiment takes months. So it is made up who came to these in the last year, and when, as if the "
    "journeys had been in force; what the customers bought afterwards is real. No letter was sent to them, "
    "so no difference should be found."
)
_WHO = "c0763"  # lapsed 181 days before the last day of the data, on which this customer came back


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo"),
    show_default=True,
    help="Where everything is written. What an earlier demo left there is removed first.",
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
    prepare(folder)
    own = Settings(store=f"sqlite:///{folder / STORE}", outbox=folder / OUTBOX, root=root)
    settings = with_links(own, "http://localhost:8080")
    console = Console()
    began = datetime.now(UTC)
    history = make_history(began, folder)
    await _command(console, settings, "apply", str(root))
    await _command(console, settings, "customers", "import", str(history.customers))
    await _command(console, settings, "events", "import", str(history.events))
    await _command(console, settings, "rfm")
    async with migrated_store(settings) as store, dev_server(folder / TEMPORAL) as server:
        await in_force_before(store, began)
        client = await Client.connect(server.address)
        async with working(settings, store, client, QUEUES):
            console.print("\nrunning the journeys on an embedded Temporal server ...")
            await _until_nothing_is_due(store, client)  # events first, so that every run of the demo is alike
            await client.execute_workflow("Sweep", id="demo-sweep", task_queue=QUEUES[0])
            await client.execute_workflow("Refresh", id="demo-refresh", task_queue=QUEUES[0])
            await _until_nothing_is_due(store, client)
            await _live_today(console, settings, began, folder)
            await _until_nothing_is_due(store, client)
        _report(console, await status(store, Programme()))
        await _show_results(console, settings, store, began, folder)
    _look_closer(console, folder)


async def _live_today(console: Console, settings: Settings, began: datetime, folder: Path) -> None:
    """What happens while the journeys run."""
    today = make_today(began, datetime.now(UTC), folder)
    console.print("\nthe real orders of the last day come in now:")
    await _command(console, settings, "events", "import", str(today.orders))
    console.print(
        "\nand this nobody ever did; it is made up, so that there is something to see within a minute. "
        "Some new members and some lost customers buy what they bought last, and a few give it back:",
        highlight=False,
    )
    await _command(console, settings, "events", "import", str(today.made_up))
    console.print("\nat night their classes are computed anew, and who has moved is told; here it is now:")
    await _command(console, settings, "rfm")
    console.print()


async def _show_results(
    console: Console, settings: Settings, store: Store, began: datetime, folder: Path
) -> None:
    """As they were before the demo: what it sent has nothing to do with them."""
    await expose_the_past(store, began)
    console.print(f"\n{_MADE_UP}", highlight=False)
    await _command(console, settings, "results", "--at", f"{began:%Y-%m-%dT%H:%MZ}")
    async with store.reading() as connection:
        found = [await full_results(connection, one, began) for one in await known_experiments(connection)]
    (folder / RESULTS).write_text(results_page(found, began, _MADE_UP), "utf-8")
    console.print()


async def _command(console: Console, settings: Settings, *arguments: str) -> None:
    """One step of the demo, as the user would type it."""
    console.print(f"[bold]$ journeyflow {' '.join(arguments)}[/bold]", highlight=False, soft_wrap=True)
    environment = os.environ | {"JOURNEYFLOW_STORE": settings.store}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "journeyflow", *arguments, env=environment
    )
    if code := await process.wait():
        raise JourneyflowError(f"that command ended with exit code {code}, so the demo cannot go on")


async def _until_nothing_is_due(store: Store, client: Client) -> None:
    async with asyncio.timeout(_PATIENCE):
        while await pending(store, datetime.now(UTC)) or not await _all_rest(store, client):
            await asyncio.sleep(_LOOK)


async def _all_rest(store: Store, client: Client) -> bool:
    async with store.reading() as connection:
        numbers = list((await connection.execute(select(cohorts.c.id))).scalars())
        put_off = {row.cohort_id: row.deliveries for row in await connection.execute(_put_off())}
    rest = [_rests(client, number, put_off.get(number, 0)) for number in numbers]
    return all(await asyncio.gather(*rest))


def _put_off() -> Select[Any]:
    """By cohort, deliveries of which all that is left waits for room under a cap, which may take a day."""
    waits = and_(messages.c.state == "outranked", messages.c.reason == "cap")
    deliveries = (
        select(enrollments.c.cohort_id, messages.c.leg, messages.c.channel)
        .join_from(messages, enrollments, messages.c.enrollment_id == enrollments.c.id)
        .where(messages.c.state.in_(OPEN))
        .group_by(enrollments.c.cohort_id, messages.c.leg, messages.c.channel)
        .having(func.count() == func.count().filter(waits))
        .subquery()
    )
    number = func.count().label("deliveries")
    return select(deliveries.c.cohort_id, number).group_by(deliveries.c.cohort_id)


async def _rests(client: Client, cohort: int, put_off: int) -> bool:
    handle = client.get_workflow_handle_for(Cohort.run, workflow_id(cohort))
    try:
        rests: bool = await handle.query(Cohort.at_rest, args=[to_ms(datetime.now(UTC)), put_off])
        return rests
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:  # everybody ended in the first leg
            return True
        raise


def _report(console: Console, found: list[JourneyStatus]) -> None:
    for one in found:
        if one.entered:  # nobody in the demo writes an SMS, so nobody is answered
            console.print(_table(one))


def _look_closer(console: Console, folder: Path) -> None:
    store = f"JOURNEYFLOW_STORE=sqlite:///{folder / STORE}"
    outbox = f"JOURNEYFLOW_OUTBOX={folder / OUTBOX}"
    for line in (
        f"results of the experiments: {folder / RESULTS} (open it in any browser)",
        f"messages: {folder / OUTBOX} (open an .eml file in any mail program)",
        "look closer:",
        f"  {store} journeyflow status",
        f"  {store} journeyflow customer show {_WHO}",
        "let it go on, as far as you have the patience (the thanks for an order leave after an hour):",
        f"  {store} {outbox} journeyflow dev --database {folder / TEMPORAL}",
    ):
        console.print(line, soft_wrap=True, highlight=False)


def _table(one: JourneyStatus) -> Table:
    table = Table(title=f"{one.name}: {one.entered:,} entered", title_justify="left", show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(justify="right")
    table.add_column()
    for stop in one.resting:
        table.add_row("resting", f"{stop.members:,}", f"{stop.step} ({stop.kind}) until {span(stop)}")
    if one.finished:
        table.add_row("finished", f"{one.finished:,}", "")
    for rule, members in sorted(one.exited.items()):
        table.add_row("exited", f"{members:,}", f"by {rule}")
    table.add_row("reached the goal", f"{one.reached_goal:,}", "")
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
