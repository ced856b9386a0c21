"""`rfm`: the classes of customers by their purchases, computed now."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.table import Table

from journeyflow.cli.stores import migrated_store
from journeyflow.engine.programme import Programme
from journeyflow.engine.rfm import Computed, Figures, classes, compute
from journeyflow.errors import JourneyflowError
from journeyflow.settings import load_settings

_NO_PURCHASES = (
    "the policy in force does not say what a purchase is; add "
    '"purchases: {event: order.completed, value: total}" to journeys/policy.yaml and run: journeyflow apply'
)


@click.command()
def rfm() -> None:
    """Put customers into classes by their purchases now, as it is done every night, and show the classes.

    Whoever is in another class than before gets an event, as at night. Running it again changes nothing.
    """
    done, found = asyncio.run(_compute(datetime.now(UTC)))
    click.echo(told(done))
    if found:
        Console().print(table(found))
    else:
        click.echo("nobody has bought anything yet")


def told(done: Computed) -> str:
    return (
        f"customers: {done.changed:,} computed anew, {done.moved_up:,} moved up, "
        f"{done.moved_down:,} moved down, {done.gone:,} without purchases by now"
    )


def table(found: Iterable[Figures]) -> Table:
    """How many are in each class, and what the one in its middle has."""
    found = list(found)
    everybody = sum(one.size for one in found)
    shown = Table(title="classes of customers, with the medians of each", title_justify="left")
    for name in ("class", "customers", "share", "days since", "purchases", "paid"):
        shown.add_column(name, justify="left" if name == "class" else "right", no_wrap=True)
    for one in found:
        share = f"{one.size / everybody:.1%}"
        shown.add_row(
            one.name, f"{one.size:,}", share, f"{one.days:,}", f"{one.number:,}", f"{one.paid:,.2f}"
        )
    return shown


async def _compute(now: datetime) -> tuple[Computed, list[Figures]]:
    async with migrated_store(load_settings()) as store:
        programme = Programme()
        found = await classes(store, programme, now)
        if found is None:
            raise JourneyflowError(_NO_PURCHASES)
        return await compute(store, programme, now), found
