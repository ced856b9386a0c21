"""`customer show`: one customer's story."""

import asyncio

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from journeyflow.cli.stores import migrated_store
from journeyflow.engine.programme import Programme
from journeyflow.engine.timeline import Story, story
from journeyflow.settings import load_settings


@click.group()
def customer() -> None:
    """Look at one customer."""


@customer.command("show")
@click.argument("key")
def show(key: str) -> None:
    """Show what the customer KEY did, and what each journey decided about them and why."""
    found = asyncio.run(_load(key))
    if found is None:
        raise click.ClickException(f'no customer has the id "{key}"')
    table = Table(title=f"customer {found.key}", title_justify="left", show_edge=False)
    for heading in ("when (UTC)", "what", "where", ""):
        table.add_column(heading, overflow="fold", no_wrap=heading == "when (UTC)")
    for moment in found.moments:
        cells = (f"{moment.at:%Y-%m-%d %H:%M:%S}", moment.what, moment.where, moment.text)
        table.add_row(*(Text(cell) for cell in cells))
    Console().print(table)


async def _load(key: str) -> Story | None:
    async with migrated_store(load_settings()) as store:
        return await story(store, Programme(), key)
