"""Rows of one table from SQLite to PostgreSQL, in constant memory, and sums by which both can be compared."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal, assert_never

import psycopg
from sqlalchemy import JSON, Boolean, Column, ColumnElement, Integer, Table, Text, cast, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.errors import JourneyflowError
from journeyflow.store.types import UtcDateTime

Kind = Literal["json", "time", "truth", "plain"]
Told = Callable[[int], None]  # is told how many more rows have been dealt with

_ROWS = 1_000  # in memory at once
_BITS = 128  # of a checksum
_LINE = re.compile(r"line (\d+)")
_ESCAPED = re.compile(r"\\u0000|\\ud[89a-f]", re.IGNORECASE)  # in JSON, perhaps for what follows
_UNKEPT = re.compile("[\x00\ud800-\udfff]")  # characters that PostgreSQL refuses
_INSTEAD = "\ufffd"  # the sign for what could not be shown


@dataclass(frozen=True, slots=True)
class Sum:
    """Of the rows of a table, in any order: equal sums, equal rows."""

    rows: int = 0
    checksum: int = 0

    def plus(self, row: Sequence[Any]) -> "Sum":
        digest = blake2b(repr(row).encode(), digest_size=_BITS // 8).digest()
        return Sum(self.rows + 1, (self.checksum + int.from_bytes(digest, "big")) % 2**_BITS)


@dataclass(frozen=True, slots=True)
class Copied:
    sum: Sum
    replaced: int  # values with characters that PostgreSQL cannot keep


async def copy_table(source: AsyncConnection, target: AsyncConnection, table: Table, told: Told) -> Copied:
    """Values go over as SQLite stores them. Raises JourneyflowError when PostgreSQL refuses a row."""
    total, replaced = Sum(), 0
    kinds = [_kind_of(column) for column in table.columns]
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    found = await source.stream(text(f'SELECT {names} FROM "{table.name}"'))
    driver: Any = (await target.get_raw_connection()).driver_connection
    try:
        async with (
            driver.cursor() as cursor,
            cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy,
        ):
            async for rows in found.partitions(_ROWS):
                for row in rows:
                    kept = [_kept(kind, value) for kind, value in zip(kinds, row, strict=True)]
                    replaced += sum(new is not old for new, old in zip(kept, row, strict=True))
                    total = total.plus(_canonical(kinds, kept))
                    await copy.write_row(
                        [_written(kind, value) for kind, value in zip(kinds, kept, strict=True)]
                    )
                told(len(rows))
    except psycopg.Error as error:
        raise _refused(table, error) from None
    except ValueError:  # JSON or a time that is none: nobody of ours wrote it
        raise _failed(f'the table "{table.name}" holds a value that cannot be read') from None
    return Copied(total, replaced)


async def sum_up(target: AsyncConnection, table: Table, told: Told) -> Sum:
    """Of the table on PostgreSQL, whose values are shown as SQLite stores them."""
    total = Sum()
    kinds = [_kind_of(column) for column in table.columns]
    shown = (_as_stored(kind, column) for kind, column in zip(kinds, table.columns, strict=True))
    found = await target.stream(select(*shown))
    async for rows in found.partitions(_ROWS):
        for row in rows:
            total = total.plus(_canonical(kinds, row))
        told(len(rows))
    return total


def _kind_of(column: "Column[Any]") -> Kind:
    if isinstance(column.type, JSON):
        return "json"
    if isinstance(column.type, UtcDateTime):
        return "time"
    return "truth" if isinstance(column.type, Boolean) else "plain"


def _kept(kind: Kind, value: Any) -> Any:
    """The very same value, unless it holds what PostgreSQL cannot keep."""
    if not isinstance(value, str):
        return value
    if kind == "json" and _ESCAPED.search(value):  # most of that is fine: half of a pair of them, say
        read = json.loads(value)
        cleaned = _cleaned(read)
        return value if cleaned == read else json.dumps(cleaned)
    return _clean(value) if _UNKEPT.search(value) else value


def _cleaned(part: Any) -> Any:
    match part:
        case str():
            return _clean(part)
        case list():
            return [_cleaned(one) for one in part]
        case dict():
            return {_clean(key): _cleaned(value) for key, value in part.items()}
        case _:
            return part


def _clean(words: str) -> str:
    return _UNKEPT.sub(_INSTEAD, words)


def _written(kind: Kind, value: Any) -> Any:
    return f"{value}+00" if kind == "time" and value is not None else value


def _canonical(kinds: Sequence[Kind], row: Sequence[Any]) -> list[Any]:
    """Alike for equal values of either database."""
    return [_canonical_value(kind, value) for kind, value in zip(kinds, row, strict=True)]


def _canonical_value(kind: Kind, value: Any) -> Any:
    if value is None or kind in ("plain", "truth"):
        return value
    if kind == "time":
        return datetime.fromisoformat(value).isoformat()
    # PostgreSQL writes numbers in JSON its own way, and keys in its own order.
    return json.dumps(json.loads(value, parse_int=_number, parse_float=_number), sort_keys=True)


def _number(digits: str) -> float:
    return float(digits) + 0.0  # of minus zero: zero


def _as_stored(kind: Kind, column: "Column[Any]") -> ColumnElement[Any]:
    match kind:
        case "json":
            return cast(column, Text)
        case "time":
            return func.to_char(func.timezone("UTC", column), "YYYY-MM-DD HH24:MI:SS.US")
        case "truth":
            return cast(column, Integer)
        case "plain":
            return column
        case _:
            assert_never(kind)


def _refused(table: Table, error: psycopg.Error) -> JourneyflowError:
    """Of PostgreSQL's own words only those that quote no value."""
    line = _LINE.search(error.diag.context or "")
    which = f"row {line.group(1)}" if line else "a row"
    why = " ".join(filter(None, (type(error).__name__, error.diag.constraint_name, error.diag.column_name)))
    return _failed(f'PostgreSQL refuses {which} of the table "{table.name}" ({why})')


def _failed(what: str) -> JourneyflowError:
    return JourneyflowError(
        f"{what}; the store is as it was, and the target takes nothing over; "
        "look with `journeyflow store check`, and move again when it is mended"
    )
