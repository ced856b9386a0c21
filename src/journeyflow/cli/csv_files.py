"""Reading CSV one row at a time, and writing down rows that were refused so that they can be mended."""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from journeyflow.audience.records import RecordError
from journeyflow.cli.columns import Choice, Layout, Place, nested, placed
from journeyflow.cli.files import (
    LONGEST_LINE,
    REJECT_FIELDS,
    UTF_8,
    Bad,
    Found,
    Numbered,
    ended,
    raw_lines,
)
from journeyflow.errors import JourneyflowError

DELIMITERS = ",;\t"  # those that a header tells by itself
_LONGEST_ROW = 100  # lines of one row, whose quoted cells may have line breaks in them
_BOM = b"\xef\xbb\xbf"


class HeaderError(JourneyflowError):
    """No line of the file can be understood."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


class CsvFile:
    """A record is a row. Without a `delimiter` it is the one of which the header has most."""

    def __init__(
        self,
        source: BinaryIO,
        layout: Layout,
        choice: Choice | None = None,
        delimiter: str | None = None,
        encoding: str = UTF_8,
    ) -> None:
        """Reads the header. Raises HeaderError."""
        self._encoding = encoding
        self._lines = _Lines(raw_lines(source, encoding))
        self._head, self._names, self._delimiter = _header(self._lines, delimiter)
        self._places = _places(self._names, layout, choice or Choice())

    def __iter__(self) -> Iterator[Found | Bad]:
        for number, raw, text in self._lines:
            if isinstance(text, Bad):
                yield text
            elif text.strip():
                yield self._row(number, raw, text)

    def head_of_rejects(self) -> bytes:
        fields = self._delimiter.join((*REJECT_FIELDS, "")).encode(self._encoding)
        return fields + ended(self._without_reason(self._head.removeprefix(_BOM)))

    def rejected(self, bad: Bad) -> bytes:
        """The line and the reason as cells before the row, which is as it was, however broken."""
        quoted = bad.reason.replace('"', '""')
        cells = f'{bad.line}{self._delimiter}"{quoted}"{self._delimiter}'
        row = self._without_reason(bad.raw) or b"\n"
        return cells.encode(self._encoding, errors="replace") + ended(row)

    def _row(self, number: int, raw: bytes, text: str) -> Found | Bad:
        try:
            cells, further = _cells(text, self._lines, self._delimiter)
        except RecordError as error:
            return Bad(number, str(error), raw)
        whole = raw + further
        try:
            return Found(number, nested(self._places, cells), whole)
        except RecordError as error:
            return Bad(number, str(error), whole)

    def _without_reason(self, raw: bytes) -> bytes:
        """Where the file itself holds rejected rows, theirs of the last time are gone."""
        if tuple(self._names[: len(REJECT_FIELDS)]) != REJECT_FIELDS:
            return raw
        end = re.escape(self._delimiter.encode(self._encoding))
        cell = rb'(?:"(?:[^"]|"")*"|[^"' + end + rb"]*)" + end
        return re.sub(rb"\A" + cell + cell, b"", raw, count=1)


class _Lines:
    """Numbered lines that can be given back."""

    def __init__(self, lines: Iterator[Numbered]) -> None:
        self._lines = lines
        self._back: deque[Numbered] = deque()

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> Numbered:
        return self._back.popleft() if self._back else next(self._lines)

    def give_back(self, lines: list[Numbered]) -> None:
        self._back.extendleft(reversed(lines))


def _header(lines: _Lines, delimiter: str | None) -> tuple[bytes, list[str], str]:
    empty = Bad(1, "the file is empty; its first line must name the columns")
    number, raw, text = next(lines, (1, b"", empty))
    if isinstance(text, Bad):
        raise HeaderError(number, text.reason)
    told = delimiter or max(DELIMITERS, key=text.count)
    try:
        cells, further = _cells(text, lines, told)
    except RecordError as error:
        raise HeaderError(number, str(error)) from None
    return raw + further, [name.strip() for name in cells], told


def _places(names: list[str], layout: Layout, choice: Choice) -> list[Place | None]:
    try:
        return placed(names, layout, choice)
    except RecordError as error:
        raise HeaderError(1, str(error)) from None


def _cells(text: str, lines: _Lines, delimiter: str) -> tuple[list[str], bytes]:
    """The cells of the row that begins with `text`, and the further lines that it took to complete it."""
    try:
        return _parse(text, delimiter), b""
    except RecordError:
        if text.count('"') % 2 == 0:
            raise
    further = _up_to_the_closing_quote(lines)
    try:
        whole = text + "".join(line for _, _, line in further if isinstance(line, str))
        return _parse(whole, delimiter), b"".join(raw for _, raw, _ in further)
    except RecordError:
        lines.give_back(further)  # one broken quote must not cost the lines after it
        raise


def _up_to_the_closing_quote(lines: _Lines) -> list[Numbered]:
    taken: list[Numbered] = []
    size = 0
    for number, raw, line in lines:
        taken.append((number, raw, line))
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
