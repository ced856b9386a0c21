"""Members of a JSON object as typed SQL values with one meaning on both databases.

Each is NULL where the member is missing or of another type, and none of them can raise, whatever the
data. Names of members are bound parameters, compared as they are: no path syntax is involved.
"""

from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import Boolean, ColumnElement, Dialect, Integer, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import UserDefinedType

_INT64 = 2**63


class Number(UserDefinedType[float]):
    """A number as it stands: exact on PostgreSQL, a 64-bit integer or a double on SQLite."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "NUMERIC"

    def bind_processor(self, dialect: Dialect) -> Any:
        return _for_sqlite if dialect.name == "sqlite" else _for_postgresql


def text_at(json: ColumnElement[Any], name: str) -> ColumnElement[str]:
    return _TextAt(json, literal(name, Text))


def number_at(json: ColumnElement[Any], name: str) -> ColumnElement[float]:
    return _NumberAt(json, literal(name, Text))


def truth_at(json: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return _TruthAt(json, literal(name, Text))


def present_at(json: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether there is a member of that name; JSON's null counts as none. Never NULL."""
    return _PresentAt(json, literal(name, Text))


def list_has(json: ColumnElement[Any], name: str, value: str | int | float | bool) -> ColumnElement[bool]:
    """Whether the member is a list with `value`, of the same type, in it."""
    match value:
        case bool():
            return _ListHasTruth(json, literal(name, Text), literal(value, Boolean))
        case str():
            return _ListHasText(json, literal(name, Text), literal(value, Text))
        case _:
            return _ListHasNumber(json, literal(name, Text), literal(value, Number))


def within_text(text: ColumnElement[str], part: str) -> ColumnElement[bool]:
    return _Position(text, literal(part, Text)) > 0


def by_code_point(text: ColumnElement[str]) -> ColumnElement[str]:
    """The text, ordered by Unicode code points and not by the database's language."""
    return _ByCodePoint(text)


def _for_sqlite(value: int | float | None) -> int | float | None:
    too_large = isinstance(value, int) and not -_INT64 <= value < _INT64
    return float(value) if too_large else value  # type: ignore[arg-type]


def _for_postgresql(value: int | float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


class _Member(FunctionElement[Any]):
    """A member by its type; `of_text` makes the value of PostgreSQL's text of it."""

    inherit_cache = True
    sqlite_types: ClassVar[str]
    postgresql_type: ClassVar[str]
    of_text: ClassVar[str]


class _TextAt(_Member):
    inherit_cache = True
    type = Text()
    sqlite_types, postgresql_type, of_text = "'text'", "string", "({text})"


class _NumberAt(_Member):
    inherit_cache = True
    type = Number()
    sqlite_types, postgresql_type, of_text = "'integer', 'real'", "number", "({text})::numeric"


class _TruthAt(_Member):
    inherit_cache = True
    type = Boolean()
    sqlite_types, postgresql_type, of_text = "'true', 'false'", "boolean", "({text})::boolean"


@compiles(_Member, "sqlite")
def _member_on_sqlite(element: _Member, compiler: Any, **kw: Any) -> str:
    json, name = _arguments(element, compiler, kw)
    found = f"m.key = {name} AND m.type IN ({element.sqlite_types})"
    return f"(SELECT m.value FROM json_each({json}) AS m WHERE {found})"


@compiles(_Member, "postgresql")
def _member_on_postgresql(element: _Member, compiler: Any, **kw: Any) -> str:
    json, name = _arguments(element, compiler, kw)
    value = element.of_text.format(text=f"{json} ->> {name}")
    return f"CASE jsonb_typeof({json} -> {name}) WHEN '{element.postgresql_type}' THEN {value} END"


class _PresentAt(FunctionElement[bool]):
    inherit_cache = True
    type = Boolean()


@compiles(_PresentAt, "sqlite")
def _present_on_sqlite(element: _PresentAt, compiler: Any, **kw: Any) -> str:
    json, name = _arguments(element, compiler, kw)
    return f"EXISTS (SELECT 1 FROM json_each({json}) AS m WHERE m.key = {name} AND m.type <> 'null')"


@compiles(_PresentAt, "postgresql")
def _present_on_postgresql(element: _PresentAt, compiler: Any, **kw: Any) -> str:
    json, name = _arguments(element, compiler, kw)
    return f"(({json} ->> {name}) IS NOT NULL)"


class _ListHas(FunctionElement[bool]):
    inherit_cache = True
    type = Boolean()
    sqlite_types: ClassVar[str]


class _ListHasText(_ListHas):
    inherit_cache = True
    sqlite_types = _TextAt.sqlite_types


class _ListHasNumber(_ListHas):
    inherit_cache = True
    sqlite_types = _NumberAt.sqlite_types


class _ListHasTruth(_ListHas):
    inherit_cache = True
    sqlite_types = _TruthAt.sqlite_types


@compiles(_ListHas, "sqlite")
def _list_has_on_sqlite(element: _ListHas, compiler: Any, **kw: Any) -> str:
    json, name, value = _arguments(element, compiler, kw)
    # The CASE keeps json_each from ever reading a text that is not JSON.
    items = "json_each(CASE m.type WHEN 'array' THEN m.value ELSE '[]' END)"
    found = f"m.key = {name} AND i.type IN ({element.sqlite_types}) AND i.value = {value}"
    return f"EXISTS (SELECT 1 FROM json_each({json}) AS m, {items} AS i WHERE {found})"


@compiles(_ListHas, "postgresql")
def _list_has_on_postgresql(element: _ListHas, compiler: Any, **kw: Any) -> str:
    json, name, value = _arguments(element, compiler, kw)
    is_list = f"jsonb_typeof({json} -> {name}) = 'array'"
    return f"({is_list} AND ({json} -> {name}) @> to_jsonb({value}))"


class _Position(FunctionElement[int]):
    """Where the second text begins in the first, from 1; 0 where it does not."""

    inherit_cache = True
    type = Integer()


@compiles(_Position, "sqlite")
def _position_on_sqlite(element: _Position, compiler: Any, **kw: Any) -> str:
    text, part = _arguments(element, compiler, kw)
    return f"instr({text}, {part})"


@compiles(_Position, "postgresql")
def _position_on_postgresql(element: _Position, compiler: Any, **kw: Any) -> str:
    text, part = _arguments(element, compiler, kw)
    return f"strpos({text}, {part})"


class _ByCodePoint(FunctionElement[str]):
    inherit_cache = True
    type = Text()


@compiles(_ByCodePoint, "sqlite")
def _by_code_point_on_sqlite(element: _ByCodePoint, compiler: Any, **kw: Any) -> str:
    return _arguments(element, compiler, kw)[0]  # its default collation compares bytes of UTF-8


@compiles(_ByCodePoint, "postgresql")
def _by_code_point_on_postgresql(element: _ByCodePoint, compiler: Any, **kw: Any) -> str:
    return f'(({_arguments(element, compiler, kw)[0]}) COLLATE "C")'


def _arguments(element: FunctionElement[Any], compiler: Any, kw: dict[str, Any]) -> list[str]:
    return [compiler.process(argument, **kw) for argument in element.clauses]
