"""`schedules`: what Temporal starts by itself, held against what the programme wants."""

import asyncio
from datetime import datetime

import click
from rich.console import Console
from rich.table import Table
from temporalio.service import RPCError

from journeyflow.bootstrap import connect, settle_schedules
from journeyflow.cli.stores import migrated_store
from journeyflow.engine.programme import Programme
from journeyflow.errors import JourneyflowError
from journeyflow.schedules.settle import Found, look, told
from journeyflow.schedules.wanted import wanted_now
from journeyflow.settings import load_settings
from journeyflow.store.installation import name_of


@click.command()
@click.option("--mend", is_flag=True, help="Make, change and remove schedules until all are right.")
@click.pass_context
def schedules(ctx: click.Context, mend: bool) -> None:
    """Show what Temporal starts by itself, and what is different from what the programme wants.

    Ends with 1 when something is.
    """
    lines, found = asyncio.run(_look(mend))
    for line in lines:
        click.echo(line)
    show(Console(), found)
    if any(one.state != "right" for one in found):
        ctx.exit(1)


def show(console: Console, found: list[Found]) -> None:
    table = Table("schedule", "what it does", "next", "last", "state", title_justify="left")
    for one in found:
        info = one.there.info if one.there else None
        coming = info.next_action_times[0] if info and info.next_action_times else None
        before = info.recent_actions[-1].started_at if info and info.recent_actions else None
        what = one.wanted.what if one.wanted else ""
        state = told(one) or ("running now" if info and info.running_actions else "waiting")
        table.add_row(one.id, what, _moment(coming), _moment(before), state)
    console.print(table)


async def _look(mend: bool) -> tuple[list[str], list[Found]]:
    """What was mended, and how things stand then."""
    async with migrated_store(load_settings()) as store:
        client = await connect()
        try:
            mended = await settle_schedules(store, client) if mend else []
            wanted = await wanted_now(store, Programme())
            return [one.line for one in mended], await look(client, await name_of(store), wanted)
        except RPCError as error:
            raise JourneyflowError(
                f'Temporal says "{error.message}"; schedules have to be listed, described and changed, '
                "so look whether whoever connects may do that"
            ) from None


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""
