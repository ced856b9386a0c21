"""`segment`: who is in a segment, why, and since when."""

import asyncio
import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from journeyflow.audience.sizes import Size, sizes
from journeyflow.cli.obstacles import needing_files
from journeyflow.cli.plots import Series, Words, terminal_plot, write_png
from journeyflow.cli.reasons import parts_in_words
from journeyflow.cli.stores import migrated_store
from journeyflow.engine.explaining.parts import Part
from journeyflow.engine.explaining.segment import RECENT, Reasons, SegmentAccount, Wish, segment_account
from journeyflow.engine.explaining.uses import Use, uses
from journeyflow.engine.programme import Programme
from journeyflow.language.durations import UNITS, DurationError, seconds
from journeyflow.preview.words import condition_in_words
from journeyflow.settings import load_settings

_WIDTH = 100
_HEIGHT = 18  # of the plot
_PERIOD = 90 * UNITS["day"]  # of the history, where only its picture is asked for
_SHORT = {"h": "hours", "d": "days", "w": "weeks"}
_MOST_POINTS = 200
_HOWS = {"enter": "entered by joining it", "leave": "left by leaving it", "ask": "asks for it"}
_FORM = "%Y-%m-%d %H:%M UTC"


def _period(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    """Seconds, of a duration in words or as short as `90d`."""
    if text is None:
        return None
    short = re.fullmatch(r"([0-9]{1,9})([hdw])", text)
    try:
        return seconds(f"{short[1]} {_SHORT[short[2]]}" if short else text)
    except DurationError as error:
        raise click.BadParameter(f'it is "{text}": {error}') from None


@click.command("segment")
@click.argument("name", required=False)
@click.option("--fresh", is_flag=True, help="Ask everybody now, and tell how many a refresh would move.")
@click.option("--sample", type=click.IntRange(1, 10_000), help="The ids of so many members, by chance.")
@click.option("--seed", type=int, help="For the same sample again.")
@click.option("--explain", "customer", help="Why the customer with this id is in it, or is not.")
@click.option("--history", "period", callback=_period, help='The size over time, for example "90 days".')
@click.option("--png", type=click.Path(dir_okay=False, path_type=Path), help="Draw the history here.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def segment(
    name: str | None, png: Path | None, period: int | None, seed: int | None, as_json: bool, **asked: Any
) -> None:
    """Show how many customers are in each segment, or all about the segment NAME. Times are in UTC."""
    if name is None:
        if png or period or seed is not None or any(asked.values()):
            raise click.UsageError("name the segment that is meant")
        _show_all(as_json)
        return
    now = datetime.now(UTC).replace(microsecond=0)
    length = period or (_PERIOD if png else None)
    wish = Wish(name, period=_steps(length) if length else None, **asked)
    found = asyncio.run(_load(wish, now, Random(seed)))
    if png is not None:
        with needing_files():
            write_png(_series(found), _words(found, now), png)
    if as_json:
        click.echo(json.dumps(_data(found), ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(_text(found, now, is_drawn=bool(period))))


def _show_all(as_json: bool) -> None:
    found, used = asyncio.run(_load_all())
    if as_json:
        click.echo(json.dumps([_size(one, used) for one in found], ensure_ascii=False, indent=2))
    elif not found:
        click.echo(
            "no segment has been applied yet; write journeys/segments.yaml, then run: journeyflow apply"
        )
    else:
        Console().print(_table(found, used))


async def _load_all() -> tuple[list[Size], list[Use]]:
    async with migrated_store(load_settings()) as store, store.reading() as connection:
        return await sizes(connection, datetime.now(UTC) - RECENT), await uses(connection, Programme())


async def _load(wish: Wish, now: datetime, chance: Random) -> SegmentAccount:
    async with migrated_store(load_settings()) as store, store.reading() as connection:
        return await segment_account(connection, Programme(), wish, now, chance.random)


def _steps(period: int) -> tuple[timedelta, int]:
    """The shortest of an hour, a day and a week that makes no more points than can be told apart."""
    units = [UNITS[unit] for unit in ("hour", "day", "week")]
    step = next((unit for unit in units if period / unit <= _MOST_POINTS), units[-1])
    return timedelta(seconds=step), max(1, -(-period // step))


def _table(found: Iterable[Size], used: Iterable[Use]) -> Table:
    title = "segments, with those who joined and left in 7 days"
    table = Table(title=title, title_justify="left", show_edge=False)
    table.add_column("segment", overflow="fold")
    for heading in ("members", "joined", "left"):
        table.add_column(heading, justify="right")
    table.add_column("last refreshed", no_wrap=True)
    table.add_column("journeys", overflow="fold")
    for one in found:
        journeys = sorted({use.by for use in used if use.segment == one.segment and use.what == "journey"})
        numbers = (f"{number:,}" for number in (one.members, one.joined, one.left))
        table.add_row(one.segment, *numbers, _refreshed(one), ", ".join(journeys))
    return table


def _refreshed(size: Size) -> str:
    return f"{size.refreshed_at:{_FORM}}" if size.refreshed_at else "not yet"


def _text(found: SegmentAccount, now: datetime, *, is_drawn: bool) -> Iterator[str]:
    size = found.size
    yield from _wrapped(f"{size.segment}: {condition_in_words(found.condition)}")
    yield f"  members    {size.members:,}; in 7 days {size.joined:,} joined and {size.left:,} left"
    yield f"  refreshed  {_refreshed(size)}{f', took {size.took / 1000:.1f} s' if size.took else ''}"
    yield from _wrapped(f"used by    {_used(found.uses)}", "  ")
    if found.due is not None:
        due = found.due
        moves = f"{due.joining:,} would join and {due.leaving:,} leave"
        yield f"  fresh      {due.members:,} by the condition; {moves} with a refresh now"
    if found.sample is not None:
        yield from _wrapped(f"sample     {', '.join(found.sample) or 'nobody is in it'}", "  ")
    if found.reasons is not None:
        yield from _explained(found.reasons, size)
    if found.history and is_drawn:
        width = min(_WIDTH, Console().width)
        yield terminal_plot(_series(found), _words(found, now), width, _HEIGHT)


def _used(found: Iterable[Use]) -> str:
    told = [f"the {use.what} {use.by} ({_HOWS[use.how]})" for use in found]
    return ", ".join(told) or "nothing"


def _explained(reasons: Reasons, size: Size) -> Iterator[str]:
    is_in = any(stay.left_at is None for stay in reasons.stays)
    yield f"customer {reasons.customer} is {'a member' if is_in else 'no member'}"
    for stay in reasons.stays:
        left = f", left {stay.left_at:{_FORM}}" if stay.left_at else ""
        yield f"  joined {stay.joined_at:{_FORM}}{left}"
    holds = all(part.holds for part in reasons.parts)
    due = "" if holds == is_in else f"; last refreshed: {_refreshed(size)}"
    yield f"  the condition {'holds' if holds else 'does not hold'} now{due}"
    yield from _parts(reasons.parts, "  ")


def _parts(parts: Iterable[Part], indent: str) -> Iterator[str]:
    for part in parts:
        [words] = parts_in_words([part])
        yield from _wrapped(f"- {words}", indent)
        yield from _parts(part.within, indent + "  ")


def _wrapped(text: str, indent: str = "") -> list[str]:
    behind = indent + "  "
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=behind, break_long_words=False
    )


def _series(found: SegmentAccount) -> list[Series]:
    return [Series(found.size.segment, tuple(found.history or ()))]


def _words(found: SegmentAccount, now: datetime) -> Words:
    refreshed = _refreshed(found.size)
    return Words(
        f"Members of the segment {found.size.segment}",
        "members",
        f"journeyflow, {now:{_FORM}}; everybody was last asked: {refreshed}",
    )


def _size(size: Size, used: Iterable[Use]) -> dict[str, Any]:
    by = [{"what": use.what, "name": use.by, "how": use.how} for use in used if use.segment == size.segment]
    return {
        "segment": size.segment,
        "members": size.members,
        "joined_in_7_days": size.joined,
        "left_in_7_days": size.left,
        "refreshed_at": _time(size.refreshed_at),
        "took_ms": size.took,
        "used_by": by,
    }


def _data(found: SegmentAccount) -> dict[str, Any]:
    """What was not asked for is left out."""
    data = {**_size(found.size, found.uses), "definition": condition_in_words(found.condition)}
    if found.due is not None:
        data["fresh"] = asdict(found.due)
    if found.sample is not None:
        data["sample"] = found.sample
    if found.reasons is not None:
        stays = found.reasons.stays
        data["customer"] = {
            "id": found.reasons.customer,
            "stays": [{"joined_at": _time(s.joined_at), "left_at": _time(s.left_at)} for s in stays],
            "parts": list(map(_part, found.reasons.parts)),
        }
    if found.history is not None:
        data["history"] = [{"at": _time(at), "members": members} for at, members in found.history]
    return data


def _part(part: Part) -> dict[str, Any]:
    return {
        "condition": condition_in_words(part.condition),
        "holds": part.holds,
        "facts": part.facts,
        "within": list(map(_part, part.within)),
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
