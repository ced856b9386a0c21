"""Seconds between two instants of rows, with one meaning on both databases."""

from typing import Any

from sqlalchemy import ColumnElement, Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Seconds(FunctionElement[float]):
    inherit_cache = True
    type = Float()


def seconds_between(earlier: ColumnElement[Any], later: ColumnElement[Any]) -> ColumnElement[float]:
    """Exact to a millisecond; negative where they come the other way round."""
    return _Seconds(earlier, later)


@compiles(_Seconds, "sqlite")
def _on_sqlite(element: _Seconds, compiler: Any, **options: Any) -> str:
    earlier, later = (compiler.process(one, **options) for one in element.clauses)
    return f"(julianday({later}) - julianday({earlier})) * 86400.0"


@compiles(_Seconds, "postgresql")
def _on_postgresql(element: _Seconds, compiler: Any, **options: Any) -> str:
    earlier, later = (compiler.process(one, **options) for one in element.clauses)
    return f"extract(epoch FROM {later} - {earlier})::double precision"
