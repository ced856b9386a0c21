"""`store check`: whether the database is sound, and whether Temporal carries all who are in it."""

import asyncio

import click
from rich.console import Console
from rich.table import Table

from journeyflow.bootstrap import connect, namespace_id
from journeyflow.cli.stores import opened_store
from journeyflow.engine.carried import not_carried
from journeyflow.settings import load_settings
from journeyflow.store.database import Store
from journeyflow.store.installation import namespace_of
from journeyflow.store.soundness import Fault, Size, examine, hints, sizes

_SHOWN = 10  # cohorts by their number


@click.command()
@click.option("--temporal", is_flag=True, help="Also ask Temporal whether it carries all who are inside.")
@click.pass_context
def check(ctx: click.Context, temporal: bool) -> None:
    """Say how large the store is and what is wrong with it, and change nothing.

    Ends with 1 when something is wrong.
    """
    faults = asyncio.run(_check(temporal))
    for fault in faults:
        click.echo(f"{fault.what}: {fault.way_out}", err=True)
    if faults:
        ctx.exit(1)
    click.echo("nothing is wrong")


async def _check(temporal: bool) -> list[Fault]:
    async with opened_store(load_settings().store) as store:
        faults = await examine(store)
        if faults:
            return faults  # what follows may need what is missing
        _show(await sizes(store))
        for hint in await hints(store):
            click.echo(hint)
        return await _ask_temporal(store) if temporal else []


async def _ask_temporal(store: Store) -> list[Fault]:
    client = await connect()
    bound = await namespace_of(store)
    if bound is not None and bound != await namespace_id(client):
        what = f'the journeys of this store are in another namespace than "{client.namespace}" here'
        return [Fault(what, "set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE to that one")]
    missing = await not_carried(store, client)
    if not missing:
        return []
    which = ", ".join(map(str, missing[:_SHOWN])) + (", ..." if len(missing) > _SHOWN else "")
    what = f"{len(missing):,} cohorts with people inside are not carried by Temporal ({which})"
    return [
        Fault(
            what, "restore the namespace and the store as they were at the same time; see docs/production.md"
        )
    ]


def _show(found: list[Size]) -> None:
    table = Table(show_edge=False)
    for heading in ("table", "rows", "MB"):
        table.add_column(heading, justify="left" if heading == "table" else "right")
    for one in filter(lambda one: one.rows, found):
        table.add_row(one.table, f"{one.rows:,}", "" if one.bytes is None else f"{one.bytes / 1e6:,.2f}")
    Console().print(table)
    click.echo(f"{sum(not one.rows for one in found)} more tables are empty")
