"""`journeyflow explain`: for every step of a journey, the earliest and the latest moment it can happen."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

_YEARS = range(1970, 2201)  # of entry: from the longest journey's end it is still far to the year 9999


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--zone", help="The customer's timezone; without it the policy's default.")
@click.option("--enter", help='When the customer enters, for example "2026-03-07T23:00"; without it now.')
def explain(file: Path, zone: str | None, enter: str | None) -> None:
    """Tell for every step of the journey in FILE when it can happen at the earliest and at the latest.

    The policy beside FILE counts too: quiet hours, and how long a message waits for room under a cap.
    """
    # Imported late, so that the command line's help does not wait for it.
    from journeyflow.cli.plans import read_plan
    from journeyflow.preview.timetable import timetable

    plan, policy = read_plan(file)
    tz = _zone(zone or policy.defaults.timezone)
    entered = _moment(enter, tz) if enter else datetime.now(UTC).replace(second=0, microsecond=0)
    click.echo(timetable(plan, policy, tz, entered))


def _zone(name: str) -> ZoneInfo:
    from journeyflow.engine.local_time import zone

    found = zone(name)
    if found is None:
        raise click.BadParameter(
            f'no timezone is called "{name}"; write one like "America/New_York"', param_hint="--zone"
        )
    return found


def _moment(text: str, tz: ZoneInfo) -> datetime:
    """Without an offset it is a local time, moved as a wait would if the clocks skip it."""
    from journeyflow.engine.local_time import at_local

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f'"{text}" is no moment; write it like "2026-03-07T23:00"'
        raise click.BadParameter(message, param_hint="--enter") from None
    if moment.year not in _YEARS:
        message = f'"{text}" is not between the years {_YEARS[0]} and {_YEARS[-1]}; write one within them'
        raise click.BadParameter(message, param_hint="--enter")
    return moment.astimezone(UTC) if moment.tzinfo else at_local(moment.date(), moment.time(), tz)
