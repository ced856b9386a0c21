"""Many rows as a table of one statement, on PostgreSQL: a few as JSON in one parameter, more by COPY.

Taking thousands of parameters apart costs the server more than all else.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, FromClause, MetaData, Table, bindparam, column, delete, func
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateTable
from sqlalchemy.types import JSON, TypeEngine

_MANY = 500  # rows; below, COPY's own round trips cost more than it saves
_ROWS = "rows"

Columns = Mapping[str, TypeEngine[Any]]


async def as_table(
    connection: AsyncConnection, name: str, columns: Columns, rows: Sequence[Mapping[str, Any]]
) -> tuple[FromClause, Mapping[str, Any]]:
    """The rows, each with all `columns`, and the parameters that a statement with them takes.

    It holds until the transaction ends, or until the next call with this `name`.
    """
    if len(rows) < _MANY:
        return _recordset(columns), {_ROWS: [_in_json(row) for row in rows]}
    return await _copied(connection, name, columns, rows), {}


def _recordset(columns: Columns) -> FromClause:
    given = func.jsonb_to_recordset(bindparam(_ROWS, type_=postgresql.JSONB))
    typed = [column(name, type_) for name, type_ in columns.items()]
    return given.table_valued(*typed, name="given").render_derived(with_types=True)


def _in_json(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


async def _copied(
    connection: AsyncConnection, name: str, columns: Columns, rows: Sequence[Mapping[str, Any]]
) -> Table:
    """A temporary table stays with the connection, empty from the end of one transaction on."""
    table = Table(
        f"copied_{name}",
        MetaData(),
        *(Column(one, type_) for one, type_ in columns.items()),
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DELETE ROWS",
    )
    await connection.execute(CreateTable(table, if_not_exists=True))
    await connection.execute(delete(table))
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    async with driver.cursor().copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            await copy.write_row([_copyable(row[one], type_) for one, type_ in columns.items()])
    return table


def _copyable(value: Any, type_: TypeEngine[Any]) -> Any:
    return json.dumps(value) if isinstance(type_, JSON) and value is not None else value
