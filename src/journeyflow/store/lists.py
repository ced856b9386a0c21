"""Long lists in queries: as one parameter, so there may be many and the statement is always the same one."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import JSON, ColumnElement, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection


def among(
    connection: AsyncConnection, column: ColumnElement[Any], values: Iterable[str | int]
) -> ColumnElement[bool]:
    """`column IN values`. Taking a thousand parameters apart costs more than finding a thousand rows."""
    if connection.dialect.name == "sqlite":
        given = func.json_each(bindparam(None, list(values), type_=JSON)).table_valued("value")
        return column.in_(select(given.c.value))
    return column == any_(bindparam(None, list(values), type_=postgresql.ARRAY(column.type)))
