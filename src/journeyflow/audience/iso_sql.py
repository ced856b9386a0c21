"""Dates and instants in ISO 8601 texts, as SQL that gives NULL for any other text and never raises.

What is read: YYYY-MM-DD and, after a T or a space, HH:MM, seconds, their fraction, and Z or an offset.
"""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


def date_in(text: ColumnElement[str]) -> ColumnElement[str]:
    """The date part, as written, of an ISO 8601 date or date-time; NULL for any other text."""
    return _DateIn(text)


def instant_in(text: ColumnElement[str]) -> ColumnElement[int]:
    """Whole seconds since 1970 of an ISO 8601 date-time, UTC if it has no offset; NULL for any other text."""
    return _InstantIn(text)


class _DateIn(FunctionElement[str]):
    inherit_cache = True
    type = Text()


class _InstantIn(FunctionElement[int]):
    inherit_cache = True
    type = Integer()


# SQLite has no regular expressions, but its date functions refuse most of what GLOB lets through: not the
# year 0, 24 o'clock and the 30th of February, which a modifier makes the 2nd of March.
_TWO = "[0-9][0-9]"
_SQLITE_DATE = (
    "substr(t.v, 1, 10) = date(substr(t.v, 1, 10), '+0 days') AND t.v >= '0001' "
    f"AND t.v GLOB '{_TWO}{_TWO}-{_TWO}-{_TWO}*'"
)
_SQLITE_TIME = (
    f"substr(t.v, 11) GLOB '[T ]{_TWO}:{_TWO}*' AND substr(t.v, 12, 2) < '24' AND julianday(t.v) IS NOT NULL"
)

# No \d: outside the C locale it takes the digits of every script, which a cast then refuses.
_LEAP_YEAR = r"(?:[0-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
_LONG_MONTH = r"(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
_SHORT_MONTH = r"(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
_FEBRUARY = r"02-(?:0[1-9]|1[0-9]|2[0-8])"
_DATE = rf"(?!0000)(?:[0-9]{{4}}-(?:{_LONG_MONTH}|{_SHORT_MONTH}|{_FEBRUARY})|{_LEAP_YEAR}-02-29)"
_SPACE = r"[ \t\n\v\f\r]*"
_OFFSET = r"(?:[Zz]|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
_TIME = rf"[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?{_SPACE}"
_ANY_DATE = f"t.v ~ '^{_DATE}(?:{_TIME}{_OFFSET}?{_SPACE})?$'"
_WITH_OFFSET = f"t.v ~ '^{_DATE}{_TIME}{_OFFSET}{_SPACE}$'"
_WITHOUT_OFFSET = f"t.v ~ '^{_DATE}{_TIME}$'"


@compiles(_DateIn, "sqlite")
def _date_on_sqlite(element: _DateIn, compiler: Any, **kw: Any) -> str:
    valid = f"{_SQLITE_DATE} AND (length(t.v) = 10 OR ({_SQLITE_TIME}))"
    return _of_value(element, compiler, kw, f"CASE WHEN {valid} THEN substr(t.v, 1, 10) END")


@compiles(_DateIn, "postgresql")
def _date_on_postgresql(element: _DateIn, compiler: Any, **kw: Any) -> str:
    return _of_value(
        element, compiler, kw, f'(CASE WHEN {_ANY_DATE} THEN substr(t.v, 1, 10) END) COLLATE "C"'
    )


@compiles(_InstantIn, "sqlite")
def _instant_on_sqlite(element: _InstantIn, compiler: Any, **kw: Any) -> str:
    seconds = "CAST(strftime('%s', t.v) AS INTEGER)"
    return _of_value(element, compiler, kw, f"CASE WHEN {_SQLITE_DATE} AND {_SQLITE_TIME} THEN {seconds} END")


@compiles(_InstantIn, "postgresql")
def _instant_on_postgresql(element: _InstantIn, compiler: Any, **kw: Any) -> str:
    cases = (
        f"WHEN {_WITH_OFFSET} THEN floor(extract(epoch FROM t.v::timestamptz)) "
        f"WHEN {_WITHOUT_OFFSET} THEN floor(extract(epoch FROM (t.v || 'Z')::timestamptz))"
    )
    return _of_value(element, compiler, kw, f"CASE {cases} END")


def _of_value(element: FunctionElement[Any], compiler: Any, kw: dict[str, Any], expression: str) -> str:
    """`expression` over the only argument, which it calls t.v and which is evaluated once."""
    text = compiler.process(element.clauses, **kw)
    return f"(SELECT {expression} FROM (SELECT {text} AS v) AS t)"
