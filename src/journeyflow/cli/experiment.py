"""`experiment`: how experiments stand, and ending one by hand or opening it again."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.table import Table

from journeyflow.cli.actor import actor
from journeyflow.cli.stores import migrated_store
from journeyflow.experiments import by_hand
from journeyflow.experiments.running import Experiment, known_experiments
from journeyflow.settings import load_settings


@click.group()
def experiment() -> None:
    """List experiments, end one by hand, or open it again."""


@experiment.command("list")
def list_() -> None:
    """Show all experiments and how they stand. What came of them: journeyflow results."""
    found = asyncio.run(_load())
    if found:
        Console().print(_table(found))
    else:
        click.echo(
            "no experiment has been applied yet; write one into a journey, then run: journeyflow apply"
        )


@experiment.command("decide")
@click.argument("name")
@click.option("--winner", required=True, help="The variant that all newcomers get.")
@click.option("--reason", required=True, help="Why, for those who ask later.")
def decide(name: str, winner: str, reason: str) -> None:
    """End the experiment NAME. Who is in it stays in their variant to the end."""
    asyncio.run(_decide(name, winner, reason))
    click.echo(f"{name}: all newcomers get {winner}; to take it back: journeyflow experiment reopen {name}")


@experiment.command("reopen")
@click.argument("name")
def reopen(name: str) -> None:
    """Share newcomers out among the variants of NAME again. From then on it ends by hand only."""
    if asyncio.run(_reopen(name)):
        click.echo(f"{name}: runs again, until somebody ends it: journeyflow experiment decide {name}")
    else:
        click.echo(f"{name}: is running")


async def _load() -> list[Experiment]:
    async with migrated_store(load_settings()) as store, store.reading() as connection:
        return await known_experiments(connection)


async def _decide(name: str, winner: str, reason: str) -> None:
    async with migrated_store(load_settings()) as store:
        await by_hand.decide(store, name, winner, reason, datetime.now(UTC), actor())


async def _reopen(name: str) -> bool:
    async with migrated_store(load_settings()) as store:
        return await by_hand.reopen(store, name, datetime.now(UTC), actor())


def _table(found: Iterable[Experiment]) -> Table:
    table = Table(show_edge=False)
    for heading in ("experiment", "journey", "variants", "state"):
        table.add_column(heading, overflow="fold")
    for one in found:
        variants = ", ".join(variant.name for variant in one.split.variants)
        again = f", started {one.generation} times" if one.generation > 1 else ""
        table.add_row(one.name, one.journey, variants, _state(one) + again)
    return table


def _state(one: Experiment) -> str:
    if one.decided_at is None:
        return "reopened" if one.decision else "running" if one.rules else "running, without a metric"
    return f"{one.winner or 'no winner'} since {one.decided_at:%Y-%m-%d}"
