"""`status`: each journey in numbers."""

import asyncio
from datetime import UTC, datetime, timedelta

import click
from rich.console import Console
from rich.table import Table

from journeyflow.cli.stores import migrated_store
from journeyflow.engine.programme import Programme
from journeyflow.engine.status import JourneyStatus, Resting, Tried
from journeyflow.engine.status import status as status_of
from journeyflow.settings import load_settings

_OVERDUE = timedelta(minutes=1)  # later than any worker that keeps up
_BY_RULE = ("dropped", "held", "cancelled")  # of messages: the reason is the name of a rule


@click.command()
@click.argument("journey", required=False)
def status(journey: str | None) -> None:
    """Show who is where in each journey (or in JOURNEY), and what became of its messages."""
    found = asyncio.run(_load())
    chosen = [one for one in found if journey in (None, one.name)]
    if journey is not None and not chosen:
        names = ", ".join(one.name for one in found) or "none"
        raise click.ClickException(f'no journey is called "{journey}"; applied are: {names}')
    if not chosen:
        click.echo("no journey has been applied yet; run: journeyflow apply")
    for one in chosen:
        show(Console(), one, datetime.now(UTC))


def show(console: Console, one: JourneyStatus, now: datetime) -> None:
    """One table a journey: its numbers, its stops, its experiments, its messages.

    A stop is overdue when somebody rests there a minute past their time: no worker takes them on.
    """
    state = "" if one.enabled else ", not taking anybody in"
    state += f", paused since {one.paused_at:%Y-%m-%d %H:%M} UTC" if one.paused_at else ""
    table = Table(title=f"{one.name} (version {one.version}{state})", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column()
    _add_people(table, one)
    _add_stops(table, one, now)
    _add_experiments(table, one)
    _add_messages(table, one)
    console.print(table)


def span(stop: Resting) -> str:
    """When the first and the last of those who rest there are due."""
    begin, end = f"{stop.first_due:%Y-%m-%d %H:%M}", f"{stop.last_due:%Y-%m-%d %H:%M}"
    return f"{begin} UTC" if begin == end else f"{begin} to {end} UTC"


async def _load() -> list[JourneyStatus]:
    async with migrated_store(load_settings()) as store:
        return await status_of(store, Programme())


def _add_people(table: Table, one: JourneyStatus) -> None:
    table.add_row("entered", f"{one.entered:,}", "")
    table.add_row("inside now", f"{one.inside:,}", "")
    table.add_row("finished", f"{one.finished:,}", "")
    for rule, members in sorted(one.exited.items()):
        table.add_row("exited", f"{members:,}", f"by {rule}")
    if one.failed:
        table.add_row("failed", f"{one.failed:,}", "see: journeyflow customer show")
    table.add_row("reached the goal", f"{one.reached_goal:,}", "", end_section=True)


def _add_stops(table: Table, one: JourneyStatus, now: datetime) -> None:
    for index, stop in enumerate(one.resting):
        until = f" until {span(stop)}" if stop.first_due else ""
        other = "" if stop.version == one.version else f", version {stop.version}"
        late = ", overdue" if stop.first_due and now - stop.first_due > _OVERDUE else ""
        last = index == len(one.resting) - 1
        row = (f"{stop.members:,}", f"{stop.step} ({stop.kind}){until}{other}{late}")
        table.add_row("resting at", *row, end_section=last)


def _add_experiments(table: Table, one: JourneyStatus) -> None:
    for index, tried in enumerate(one.experiments):
        last = index == len(one.experiments) - 1
        row = (f"{tried.exposed:,}", f"exposed; {_outcome(tried)}")
        table.add_row(f"experiment {tried.name}", *row, end_section=last)


def _outcome(tried: Tried) -> str:
    if tried.decided_at is None:
        return "running"
    what = f"{tried.winner} has won" if tried.winner else "ended without a winner"
    return f"{what}, {tried.decided_at:%Y-%m-%d %H:%M} UTC"


def _add_messages(table: Table, one: JourneyStatus) -> None:
    for (channel, state, reason), number in sorted(one.messages.items()):
        why = f"by {reason}" if reason and state in _BY_RULE else reason
        table.add_row(f"{channel} {state}", f"{number:,}", why)
