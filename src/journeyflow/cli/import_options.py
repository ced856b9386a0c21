"""What an import is told about its file: how it is written, what its columns mean, how it tells times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import wraps
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import click

from journeyflow import countries
from journeyflow.audience.records import RecordError, instant
from journeyflow.cli.columns import Choice
from journeyflow.cli.files import UTF_8

ENCODINGS = (UTF_8, "cp1252")
_FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}
_SAMPLE = datetime(2026, 3, 31, 13, 45, tzinfo=UTC)

Moment = Callable[[Any, str], datetime]


@dataclass(frozen=True, slots=True)
class Given:
    """About the file."""

    file: Path
    is_csv: bool
    rejects: Path | None
    choice: Choice
    delimiter: str | None
    encoding: str


def file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Hands the command `given`."""

    @_file
    @_format
    @_rejects
    @_map
    @_ignore
    @_delimiter
    @_encoding
    @wraps(command)
    def told(
        *arguments: Any,
        file: Path,
        form: str | None,
        rejects: Path | None,
        renamed: Sequence[tuple[str, str]],
        ignored: Sequence[str],
        delimiter: str | None,
        encoding: str,
        **more: Any,
    ) -> Any:
        if rejects is not None and rejects.exists() and rejects.samefile(file):
            raise click.UsageError("--rejects names the file that is imported; choose another")
        is_csv = _is_csv(file, form)
        if not is_csv and (renamed or ignored or delimiter):
            raise click.UsageError("--map, --ignore and --delimiter are for CSV; JSON lines have no columns")
        choice = Choice(dict(renamed), frozenset(ignored))
        given = Given(file, is_csv, rejects, choice, delimiter, encoding)
        return command(*arguments, given=given, **more)

    return told


def time_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Hands the command `moment`, which reads times as they are written in the file."""

    @_at_format
    @_timezone
    @wraps(command)
    def told(*arguments: Any, at_format: str | None, timezone: str | None, **more: Any) -> Any:
        zone = ZoneInfo(timezone) if timezone else None
        if at_format is not None and zone is None and "%z" not in at_format:
            raise click.UsageError("--at-format has no %z, so --timezone must say where the times are told")
        return command(*arguments, moment=_reading(at_format, zone), **more)

    return told


def _is_csv(file: Path, form: str | None) -> bool:
    told = form or _FORMATS.get(file.suffix.lower())
    if told is None:
        raise click.UsageError(f'the suffix of "{file}" tells no format; give --format csv or jsonl')
    return told == "csv"


def _reading(at_format: str | None, zone: tzinfo | None) -> Moment:
    def moment(value: Any, name: str) -> datetime:
        if not isinstance(value, str):
            return instant(value, name)
        try:
            return _read(value.strip(), at_format, zone).astimezone(UTC)
        except (ValueError, OverflowError):
            form = f"of the form {at_format}" if at_format else "an ISO 8601 time"
            raise RecordError(f"{name} is not {form}") from None

    return instant if at_format is None and zone is None else moment


def _read(text: str, at_format: str | None, zone: tzinfo | None) -> datetime:
    """Its own offset counts, where it has one."""
    read = datetime.strptime(text, at_format) if at_format else datetime.fromisoformat(text)  # noqa: DTZ007
    return read if read.tzinfo is not None else read.replace(tzinfo=zone)


def _pair(_ctx: click.Context, _param: click.Parameter, values: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for value in values:
        column, equals, target = (part.strip() for part in value.rpartition("="))
        if not (column and equals and target):
            raise click.BadParameter(f'"{value}" is not of the form "COLUMN=NAME"')
        pairs.append((column, target))
    return pairs


def _one_character(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    told = {"tab": "\t"}.get(value or "", value)
    if told is not None and (len(told) != 1 or told.isalnum() or told in '"\r\n' or not told.isascii()):
        raise click.BadParameter("write one character, such as ; or the word tab")
    return told


def _zone(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and value not in available_timezones():
        raise click.BadParameter(f'"{value}" is not a known IANA name; write it as Europe/Stockholm')
    return value


def _time_format(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Which has to tell the day."""
    if value is None:
        return None
    try:
        told = _read(_SAMPLE.strftime(value), value, UTC).date() == _SAMPLE.date()
    except ValueError:
        told = False
    if not told:
        raise click.BadParameter(f'"{value}" tells no day; write it as "%d/%m/%Y %H:%M"')
    return value


def _country(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and value.upper() not in countries.codes():
        raise click.BadParameter(f'"{value}" is no code of ISO 3166; write it as SE')
    return value.upper() if value else None


_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_format = click.option(
    "--format", "form", type=click.Choice(["csv", "jsonl"]), help="Of FILE; without it, its suffix tells."
)
_rejects = click.option(
    "--rejects",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write bad rows here with the reason, to be mended and imported.",
)
_map = click.option(
    "--map", "renamed", multiple=True, callback=_pair, metavar="COLUMN=NAME",
    help='What a CSV column is, as in "E-Mail=email" or "City=attr.city".',
)  # fmt: skip
_ignore = click.option("--ignore", "ignored", multiple=True, metavar="COLUMN", help="Leave a CSV column out.")
_delimiter = click.option(
    "--delimiter", callback=_one_character, help="Of CSV cells; without it, the header tells , ; or tab."
)
_encoding = click.option(
    "--encoding", type=click.Choice(ENCODINGS), default=UTF_8, show_default=True, help="Of FILE."
)
country = click.option(
    "--country", callback=_country, help="Of phone numbers without a country code, in rows without a country."
)
_at_format = click.option(
    "--at-format", callback=_time_format, metavar="FORMAT",
    help='Of times that are not ISO 8601, as in "%d/%m/%Y %H:%M".',
)  # fmt: skip
_timezone = click.option("--timezone", callback=_zone, help="Of times without an offset from UTC.")
