"""One comparison of one value, as SQL that is true or false and never NULL.

Values have types and are not converted: the text "5" is not the number 5, true is not 1, while 1 is
1.0. What is missing (JSON's null as well) makes every comparison false, `is_not` and `not_in`
included; only `exists: false` is true of it. Numbers order as numbers, texts by code point; a number
and a text have no order. `contains` looks, with regard to case, for a part of a text or a member of a
list. `before` and `after` compare dates as written if one of the two is a date alone, else instants
to the second; a date-time without an offset is UTC.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, false, func, literal, not_, or_

from journeyflow.audience import iso_sql, json_sql
from journeyflow.audience.json_sql import Number
from journeyflow.conditions import Scalar, Test
from journeyflow.errors import PlanError

_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "at_least": operator.ge,
    "at_most": operator.le,
    "more_than": operator.gt,
    "less_than": operator.lt,
    "before": operator.lt,
    "after": operator.gt,
}


@dataclass(frozen=True, slots=True)
class Value:
    """A value seen as each type it may have: NULL, or None here, if it is not of that type."""

    present: ColumnElement[bool]
    text: ColumnElement[str] | None = None
    number: ColumnElement[float] | None = None
    truth: ColumnElement[bool] | None = None
    listed: Callable[[Scalar], ColumnElement[bool]] | None = None  # whether it is a list with that in it


def member(json: ColumnElement[Any], name: str) -> Value:
    return Value(
        present=json_sql.present_at(json, name),
        text=json_sql.text_at(json, name),
        number=json_sql.number_at(json, name),
        truth=json_sql.truth_at(json, name),
        listed=lambda value: json_sql.list_has(json, name, value),
    )


def text_column(column: ColumnElement[str]) -> Value:
    return Value(present=column.is_not(None), text=column)


def number(expression: ColumnElement[float]) -> Value:
    return Value(present=expression.is_not(None), number=expression)


def holds(test: Test, value: Value) -> ColumnElement[bool]:
    match test.op:
        case "is" | "in":
            return _equals(value, _operands(test))
        case "is_not" | "not_in":
            return and_(value.present, not_(_equals(value, _operands(test))))
        case "exists":
            return value.present if test.value else not_(value.present)
        case "contains":
            return _contains(value, _scalar(test))
        case "before" | "after":
            return _precedes(value, test)
        case _:
            return _ordered(value, test)


def _equals(value: Value, operands: tuple[Scalar, ...]) -> ColumnElement[bool]:
    texts = [operand for operand in operands if isinstance(operand, str)]
    truths = [operand for operand in operands if isinstance(operand, bool)]
    numbers = [operand for operand in operands if not isinstance(operand, str | bool)]
    return or_(
        false(),
        *_one_of(value.text, texts, Text),
        *_one_of(value.truth, truths, None),
        *_one_of(value.number, numbers, Number),
    )


def _one_of(
    expression: ColumnElement[Any] | None, operands: list[Any], type_: Any
) -> list[ColumnElement[bool]]:
    if expression is None or not operands:
        return []
    values = [literal(operand, type_) for operand in operands]
    return [_known(expression == values[0] if len(values) == 1 else expression.in_(values))]


def _contains(value: Value, operand: Scalar) -> ColumnElement[bool]:
    alternatives: list[ColumnElement[bool]] = []
    if value.text is not None and isinstance(operand, str):
        alternatives.append(_known(json_sql.within_text(value.text, operand)))
    if value.listed is not None:
        alternatives.append(_known(value.listed(operand)))
    return or_(false(), *alternatives)


def _ordered(value: Value, test: Test) -> ColumnElement[bool]:
    compare, operand = _ORDERS[test.op], _scalar(test)
    if isinstance(operand, bool):
        raise _refused(test, "a number or a text")
    if isinstance(operand, str):
        text = None if value.text is None else json_sql.by_code_point(value.text)
        return false() if text is None else _known(compare(text, literal(operand, Text)))
    return false() if value.number is None else _known(compare(value.number, literal(operand, Number)))


def _precedes(value: Value, test: Test) -> ColumnElement[bool]:
    compare, operand = _ORDERS[test.op], _date_or_time(test)
    if value.text is None:
        return false()
    by_date = compare(iso_sql.date_in(value.text), literal(operand.isoformat()[:10], Text))
    if not isinstance(operand, datetime):
        return _known(by_date)
    instant = operand if operand.tzinfo else operand.replace(tzinfo=UTC)
    seconds = literal(int(instant.timestamp() // 1), Number)
    by_instant = compare(iso_sql.instant_in(value.text), seconds)
    return _known(case((func.length(value.text) == 10, by_date), else_=by_instant))


def _known(expression: ColumnElement[bool]) -> ColumnElement[bool]:
    """NULL, where the value is missing or of another type, is false."""
    return func.coalesce(expression, false())


def _operands(test: Test) -> tuple[Scalar, ...]:
    several = test.op in ("in", "not_in")
    if several != isinstance(test.value, tuple):
        raise _refused(test, "a list" if several else "one value")
    return test.value if isinstance(test.value, tuple) else (test.value,)


def _scalar(test: Test) -> Scalar:
    if isinstance(test.value, tuple):
        raise _refused(test, "one value")
    return test.value


def _date_or_time(test: Test) -> date:
    text = test.value if isinstance(test.value, str) else ""
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise _refused(test, 'an ISO date or date-time, as "2026-05-01" or "2026-05-01T12:00:00Z"') from None


def _refused(test: Test, expected: str) -> PlanError:
    return PlanError(test.name, f'"{test.op}" takes {expected}, and the plan holds {test.value!r}')
