"""Spans and days of the instants of rows, with one meaning on both databases."""

from typing import Any

from sqlalchemy import ColumnElement, Float, Integer, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Seconds(FunctionElement[float]):
    inherit_cache = True
    type = Float()


def seconds_between(earlier: ColumnElement[Any], later: ColumnElement[Any]) -> ColumnElement[float]:
    """Exact to a millisecond; negative where they come the other way round."""
    return _Seconds(earlier, later)


class _Day(FunctionElement[str]):
    inherit_cache = True
    type = Text()


def day_of(instant: ColumnElement[Any]) -> ColumnElement[str]:
    """The day of UTC, as "2026-11-28"."""
    return _Day(instant)


@compiles(_Seconds, "sqlite")
def _on_sqlite(element: _Seconds, compiler: Any, **options: Any) -> str:
    earlier, later = (compiler.process(one, **options) for one in element.clauses)
    return f"(julianday({later}) - julianday({earlier})) * 86400.0"


@compiles(_Seconds, "postgresql")
def _on_postgresql(element: _Seconds, compiler: Any, **options: Any) -> str:
    earlier, later = (compiler.process(one, **options) for one in element.clauses)
    return f"extract(epoch FROM {later} - {earlier})::double precision"


class _SecondOfDay(FunctionElement[int]):
    inherit_cache = True
    type = Integer()


def second_of_day(at: ColumnElement[Any]) -> ColumnElement[int]:
    """Whole seconds since midnight UTC, 0 to 86,399."""
    return _SecondOfDay(at)


@compiles(_SecondOfDay, "sqlite")
def _second_on_sqlite(element: _SecondOfDay, compiler: Any, **options: Any) -> str:
    (at,) = (compiler.process(one, **options) for one in element.clauses)
    return f"(CAST(strftime('%s', {at}) AS INTEGER) % 86400)"


@compiles(_SecondOfDay, "postgresql")
def _second_on_postgresql(element: _SecondOfDay, compiler: Any, **options: Any) -> str:
    (at,) = (compiler.process(one, **options) for one in element.clauses)
    return f"mod(floor(extract(epoch FROM {at}))::bigint, 86400)::integer"


@compiles(_Day, "sqlite")
def _day_on_sqlite(element: _Day, compiler: Any, **options: Any) -> str:
    [instant] = (compiler.process(one, **options) for one in element.clauses)
    return f"substr({instant}, 1, 10)"


@compiles(_Day, "postgresql")
def _day_on_postgresql(element: _Day, compiler: Any, **options: Any) -> str:
    [instant] = (compiler.process(one, **options) for one in element.clauses)
    return f"to_char({instant} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
