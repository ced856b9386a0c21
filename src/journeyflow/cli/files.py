"""Reading files a line at a time; whatever is wrong with a line is told, never raised."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, BinaryIO, NoReturn

from journeyflow.audience.records import RecordError

LONGEST_LINE = 1_000_000  # bytes
UTF_8 = "utf-8"
REJECT_FIELDS = ("reject_line", "reject_reason")  # in a file of rejected rows; no part of a record


@dataclass(frozen=True, slots=True)
class Found:
    line: int
    record: dict[str, Any]
    raw: bytes = field(default=b"", compare=False)  # as it stands in the file, with its line end


@dataclass(frozen=True, slots=True)
class Bad:
    line: int
    reason: str
    raw: bytes = field(default=b"", compare=False)  # empty where it is too long to be kept


Numbered = tuple[int, bytes, str | Bad]  # a line's number, how it stands in the file, and its text


class JsonLines:
    """A record is an object on a line of its own."""

    def __init__(self, source: BinaryIO, encoding: str = UTF_8) -> None:
        self._source, self._encoding = source, encoding

    def __iter__(self) -> Iterator[Found | Bad]:
        for number, raw, text in raw_lines(self._source, self._encoding):
            if isinstance(text, Bad):
                yield text
            elif text.strip():
                try:
                    record = _json_object(text)
                    if not record or not set(record).issubset(REJECT_FIELDS):
                        yield Found(number, record, raw)
                except RecordError as error:
                    yield Bad(number, str(error), raw)

    def head_of_rejects(self) -> bytes:
        return b""

    def rejected(self, bad: Bad) -> bytes:
        """The reason on a line of its own, then the line as it was."""
        reason = json.dumps(dict(zip(REJECT_FIELDS, (bad.line, bad.reason), strict=True)))
        return reason.encode() + b"\n" + ended(bad.raw)


def numbered_lines(source: BinaryIO) -> Iterator[tuple[int, str | Bad]]:
    for number, _, text in raw_lines(source):
        yield number, text


def raw_lines(source: BinaryIO, encoding: str = UTF_8) -> Iterator[Numbered]:
    for number in count(1):
        raw = source.readline(LONGEST_LINE)
        if not raw:
            return
        if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
            _skip_line(source)
            yield number, b"", Bad(number, f"the line is longer than {LONGEST_LINE} bytes")
            continue
        try:
            yield number, raw, raw.decode("utf-8-sig" if number == 1 and encoding == UTF_8 else encoding)
        except UnicodeDecodeError:
            name = encoding.upper() if encoding == UTF_8 else encoding
            yield number, raw, Bad(number, f"the line is not {name}; save the file in that encoding", raw)


def ended(raw: bytes) -> bytes:
    """With a line end, which the last line of a file may lack."""
    return raw if not raw or raw.endswith(b"\n") else raw + b"\n"


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
