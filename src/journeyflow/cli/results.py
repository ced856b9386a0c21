"""`results`: what came of experiments, and what can be said by now."""

import asyncio
import json
import math
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from journeyflow.cli.forest import write_results
from journeyflow.cli.obstacles import needing_files
from journeyflow.cli.results_journey import NOBODY, effect_data, effect_sentences, effect_table
from journeyflow.cli.results_page import results_page
from journeyflow.cli.results_plan import Percent, size_data, size_in_words
from journeyflow.cli.results_tables import Told, about, tables
from journeyflow.cli.stores import migrated_store
from journeyflow.errors import JourneyflowError
from journeyflow.experiments.figures import figures
from journeyflow.experiments.goals import JourneyEffects, effects_of
from journeyflow.experiments.results import Results, full_results, standing
from journeyflow.experiments.running import known_experiments
from journeyflow.experiments.sentence import sentences
from journeyflow.experiments.size import Wish, size
from journeyflow.language.problems import instead
from journeyflow.settings import load_settings

_NONE = "no experiment has been applied yet; write one into a journey, then run: journeyflow apply"


def _moment(_context: click.Context, _parameter: click.Parameter, text: str | None) -> datetime | None:
    """Without an offset it is meant in UTC."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f'it is "{text}"; write a time as in 2026-11-28T12:00Z') from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@click.command("results")
@click.argument("experiment", required=False)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--png", type=click.Path(dir_okay=False, path_type=Path), help="Draw them here.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page here.")
@click.option("--journey", help="What this journey brings beside those held out of all messages.")
@click.option("--plan", is_flag=True, help="How many customers a test needs that has yet to begin.")
@click.option("--baseline", type=Percent(), help="Of a plan: the rate without it, for example 5%.")
@click.option("--lift", type=Percent(), help="Of a plan: the change that has to be found, for example 10%.")
@click.option("--power", type=Percent(), help="Of a plan: how often it is to be found; 80% if not given.")
@click.option("--alpha", type=Percent(), help="Of a plan: how often nothing may be taken for it; 5%.")
@click.option("--per-day", type=click.IntRange(1), help="Of a plan: customers who come in on a day.")
@click.option("--at", callback=_moment, help="As they were then, for example 2026-11-28T12:00Z.")
def results(
    experiment: str | None,
    as_json: bool,
    png: Path | None,
    html: Path | None,
    journey: str | None,
    at: datetime | None,
    plan: bool,
    **wished: Any,
) -> None:
    """Show how experiments stand, or all about EXPERIMENT. Times are in UTC."""
    now = at or datetime.now(UTC)
    if (plan or journey) and (experiment or png or html or (plan and journey)):
        raise click.UsageError(
            '"--plan" and "--journey" are questions of their own; ask the rest without them'
        )
    if not plan and any(value is not None for value in wished.values()):
        raise click.UsageError('"--baseline", "--lift" and what else describes a test go with "--plan"')
    if plan:
        _show_plan(as_json=as_json, **wished)
    elif journey is not None:
        _show_journey(asyncio.run(_load_journey(journey, now)), as_json)
    else:
        _show_experiments(experiment, now, as_json, png, html)


def _show_experiments(
    name: str | None, now: datetime, as_json: bool, png: Path | None, html: Path | None
) -> None:
    if name is None and png:
        raise click.UsageError("name the experiment that is to be drawn")
    found = asyncio.run(_load(name, now, is_full=bool(name or html)))
    with needing_files():
        if html is not None:
            html.write_text(results_page(found, now), "utf-8")
        if png is not None:
            write_results(found[0], png)
    if as_json:
        data = [figures(one) for one in found]
        click.echo(json.dumps(data[0] if name else data, ensure_ascii=False, indent=2))
    elif name:
        show(Console(), found[0])
    elif found:
        Console().print(_table(_all(found)))
    else:
        click.echo(_NONE)


def _show_plan(*, as_json: bool, per_day: int | None, **wished: float | None) -> None:
    given = {name: value for name, value in wished.items() if value is not None}
    if not {"baseline", "lift"} <= given.keys():
        raise click.UsageError('a plan needs "--baseline 5%" and "--lift 10%"')
    wish = Wish(**given)
    found = size(wish)
    if as_json:
        click.echo(json.dumps(size_data(wish, found), indent=2))
    else:
        click.echo("\n".join(size_in_words(wish, found, per_day)))


def show(console: Console, found: Results) -> None:
    for sentence in (about(found), *sentences(found)):
        console.print(textwrap.fill(sentence, console.width), highlight=False)
    for told in tables(found):
        _print(console, told)


def _print(console: Console, told: Told) -> None:
    console.print()
    console.print(_table(told))
    if told.note:
        console.print(told.note, highlight=False, style="dim")


def _show_journey(found: JourneyEffects, as_json: bool) -> None:
    whole = found.effects[0]
    if as_json:
        data = {"journey": found.journey, "effects": [effect_data(one) for one in found.effects]}
        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
    elif not math.isfinite(whole.conversions.interval.width):
        click.echo(NOBODY)
    else:
        for sentence in effect_sentences(found):
            Console().print(textwrap.fill(sentence, Console().width), highlight=False)
        _print(Console(), effect_table(found.effects))


async def _load_journey(name: str, now: datetime) -> JourneyEffects:
    async with migrated_store(load_settings()) as store, store.reading() as connection:
        return await effects_of(connection, name, now)


async def _load(name: str | None, now: datetime, *, is_full: bool) -> list[Results]:
    async with migrated_store(load_settings()) as store, store.reading() as connection:
        known = {one.name: one for one in await known_experiments(connection)}
        if name is not None and name not in known:
            way_out = instead(name, list(known)) if known else _NONE
            raise JourneyflowError(f'no experiment is called "{name}"; {way_out}')
        asked = full_results if is_full else standing
        return [await asked(connection, one, now) for one in known.values() if name in (None, one.name)]


def _all(found: Sequence[Results]) -> Told:
    rows = tuple(
        (
            one.experiment.name,
            one.experiment.journey,
            f"{sum(each.exposed for each in one.counts):,}",
            one.state or "no metric",
            sentences(one)[0],
        )
        for one in found
    )
    return Told("Experiments", ("experiment", "journey", "exposed", "state", "what can be said"), rows)


def _table(told: Told) -> Table:
    table = Table(title=told.title, title_justify="left", show_edge=False)
    for place, heading in enumerate(told.headings):
        is_number = all(row[place][:1] in "+-0123456789" for row in told.rows)
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in told.rows:
        table.add_row(*row)
    return table
