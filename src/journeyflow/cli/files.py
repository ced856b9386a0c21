"""Reading CSV and JSON lines one record at a time; whatever is wrong with a line is told, never raised."""

import csv
import io
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any, BinaryIO, NoReturn

from journeyflow.audience.records import CHANNELS, COLUMNS, CONSENT_FIELDS, RecordError
from journeyflow.errors import JourneyflowError

LONGEST_LINE = 1_000_000  # bytes
_LONGEST_ROW = 100  # lines of one CSV row, whose quoted cells may have line breaks in them
_SAFE_INTEGER = 2**53  # from here on a float, and so some other program, confuses neighbours

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Found:
    line: int
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bad:
    line: int
    reason: str


class HeaderError(JourneyflowError):
    """No line of the file can be understood."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a CSV file, and where in a record each one goes."""

    places: Mapping[str, tuple[str, ...]]
    prefix: str  # of a column that holds one member of `field`, typed by how it looks
    field: str
    required: tuple[str, ...]
    # Further prefixes of columns whose cells stay text: their field, and how the member's name begins there.
    texts: Mapping[str, tuple[str, str]]


CUSTOMERS = Layout(
    {
        **{name: (name,) for name in ("id", *COLUMNS)},
        **{f"consent_{channel}": ("consents", channel) for channel in CHANNELS},
        **{name: (name,) for name in CONSENT_FIELDS},
    },
    prefix="attr.",
    field="attributes",
    required=("id",),
    texts={f"consent_{channel}.": ("consents", f"{channel}.") for channel in CHANNELS},
)
EVENTS = Layout(
    {name: (name,) for name in ("id", "customer", "name", "at")},
    prefix="prop.",
    field="properties",
    required=("id", "customer", "name", "at"),
    texts={},
)


def read_json_lines(source: BinaryIO) -> Iterator[Found | Bad]:
    for number, text in numbered_lines(source):
        if isinstance(text, Bad):
            yield text
        elif text.strip():
            try:
                yield Found(number, _json_object(text))
            except RecordError as error:
                yield Bad(number, str(error))


def read_csv(source: BinaryIO, layout: Layout) -> Iterator[Found | Bad]:
    """Comma, semicolon or tab, as the header has it. Raises HeaderError."""
    lines = _Lines(numbered_lines(source))
    header, delimiter = _header(lines, layout)
    for number, text in lines:
        if isinstance(text, Bad):
            yield text
        elif text.strip():
            try:
                yield Found(number, _nested(header, _cells(text, lines, delimiter), layout))
            except RecordError as error:
                yield Bad(number, str(error))


def numbered_lines(source: BinaryIO) -> Iterator[tuple[int, str | Bad]]:
    for number in count(1):
        raw = source.readline(LONGEST_LINE)
        if not raw:
            return
        if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
            _skip_line(source)
            yield number, Bad(number, f"the line is longer than {LONGEST_LINE} bytes")
            continue
        try:
            yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            yield number, Bad(number, "the line is not UTF-8; save the file in that encoding")


def typed(text: str) -> str | int | float | bool:
    """A cell's value: true, false and plain numbers get their type, all else stays text.

    `007`, `+46` and numbers that a float cannot tell apart are names of something, not amounts.
    """
    if text in ("true", "false"):
        return text == "true"
    if not _NUMBER.fullmatch(text) or text == "-0":
        return text
    if "." not in text:
        return int(text) if len(text) < 20 and abs(int(text)) < _SAFE_INTEGER else text
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else text


class _Lines:
    """Numbered lines that can be given back."""

    def __init__(self, lines: Iterator[tuple[int, str | Bad]]) -> None:
        self._lines = lines
        self._back: deque[tuple[int, str | Bad]] = deque()

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> tuple[int, str | Bad]:
        return self._back.popleft() if self._back else next(self._lines)

    def give_back(self, lines: list[tuple[int, str | Bad]]) -> None:
        self._back.extendleft(reversed(lines))


def _skip_line(source: BinaryIO) -> None:
    while (raw := source.readline(LONGEST_LINE)) and not raw.endswith(b"\n"):
        pass


def _json_object(text: str) -> dict[str, Any]:
    try:
        record = json.loads(text, parse_constant=_refuse_constant)
    except RecordError:
        raise
    except json.JSONDecodeError as error:
        raise RecordError(f"the line is not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise RecordError("the line has too many brackets inside each other") from None
    except ValueError:  # thousands of digits
        raise RecordError("the line has a number too large to be read") from None
    if not isinstance(record, dict):
        raise RecordError("the line is not a JSON object; write one {...} a line")
    return record


def _refuse_constant(name: str) -> NoReturn:
    raise RecordError(f"the line has {name} in it, which is not a JSON number")


def _header(lines: _Lines, layout: Layout) -> tuple[list[str], str]:
    number, text = next(lines, (1, Bad(1, "the file is empty; its first line must name the columns")))
    if isinstance(text, Bad):
        raise HeaderError(number, text.reason)
    delimiter = max(",;\t", key=text.count)
    try:
        names = [name.strip() for name in _cells(text, lines, delimiter)]
        _check_header(names, layout)
    except RecordError as error:
        raise HeaderError(number, str(error)) from None
    return names, delimiter


def _check_header(names: list[str], layout: Layout) -> None:
    for name in names:
        if _place(name, layout) is None:
            expected = ", ".join([*layout.places, *(f"{prefix}<topic>" for prefix in layout.texts)])
            expected += f", {layout.prefix}<name>"
            raise RecordError(f'there is no column "{name[:200]}"; expected {expected}')
        if names.count(name) > 1:
            raise RecordError(f'the column "{name[:200]}" is there twice; remove or rename one')
    for name in layout.required:
        if name not in names:
            raise RecordError(f'the column "{name}" is missing from the header')


def _cells(text: str, lines: _Lines, delimiter: str) -> list[str]:
    """The cells of the row that begins with `text`; further lines are used only if they complete it."""
    try:
        return _parse(text, delimiter)
    except RecordError:
        if text.count('"') % 2 == 0:
            raise
    further = _up_to_the_closing_quote(lines)
    try:
        return _parse(text + "".join(line for _, line in further if isinstance(line, str)), delimiter)
    except RecordError:
        lines.give_back(further)  # one broken quote must not cost the lines after it
        raise


def _up_to_the_closing_quote(lines: _Lines) -> list[tuple[int, str | Bad]]:
    taken: list[tuple[int, str | Bad]] = []
    size = 0
    for number, line in lines:
        taken.append((number, line))
        size += len(line) if isinstance(line, str) else LONGEST_LINE
        closes = isinstance(line, str) and line.count('"') % 2 == 1
        if closes or size >= LONGEST_LINE or len(taken) == _LONGEST_ROW:
            break
    return taken


def _parse(text: str, delimiter: str) -> list[str]:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise RecordError(f"the quotes or line breaks are broken: {error}") from None
    if len(rows) != 1:
        raise RecordError("the quotes are broken: a cell with a line break must be quoted as a whole")
    return rows[0]


def _nested(header: list[str], cells: list[str], layout: Layout) -> dict[str, Any]:
    """A record in the form of a JSON line. An empty cell says nothing and is left out."""
    if len(cells) != len(header):
        raise RecordError(f"the line has {len(cells)} cells, the header has {len(header)}")
    record: dict[str, Any] = {}
    for name, cell in zip(header, (cell.strip() for cell in cells), strict=True):
        if not cell:
            continue
        match _place(name, layout):
            case (field,):
                record[field] = cell
            case (field, member):
                is_typed = name.startswith(layout.prefix)
                record.setdefault(field, {})[member] = typed(cell) if is_typed else cell
    return record


def _place(name: str, layout: Layout) -> tuple[str, ...] | None:
    """Where in the record the column goes; None: there is no such column."""
    if name in layout.places:
        return layout.places[name]
    families = {layout.prefix: (layout.field, ""), **layout.texts}
    for prefix, (place, stem) in families.items():
        if name.startswith(prefix) and name != prefix:
            return place, stem + name.removeprefix(prefix)
    return None
