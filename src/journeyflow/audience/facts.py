"""What conditions ask about a customer, and what it is: kept, since it changes before somebody asks why."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from sys import float_info
from typing import Any as Anything
from typing import assert_never

from sqlalchemy import ColumnElement, null, select

from journeyflow.audience.conditions import COLUMNS, PAST, Frame, counted, holds, picked, summed
from journeyflow.audience.permission import consent_state
from journeyflow.conditions import (
    All,
    Any,
    Attribute,
    Condition,
    Consent,
    EventMatch,
    History,
    InSegment,
    Message,
    Not,
    Rfm,
    Test,
    Trigger,
)
from journeyflow.language.durations import in_words
from journeyflow.store.segments import rfm

_LARGEST = float_info.max  # sums may be larger, and infinite on SQLite, which JSON cannot say

Seen = list[list[Anything]]  # [[what was asked, what it was], ...]; what is missing was None


@dataclass(frozen=True, slots=True)
class _Fact:
    """`name` is the fact's own where its value is an object that holds many."""

    asked: str  # in the words of the YAML
    value: ColumnElement[Anything]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    columns: list[ColumnElement[Anything]]  # to be selected where the frame's tables are
    _asked: list[tuple[str, int, str | None]]  # each with its column, and its name in there

    def seen(self, values: Sequence[Anything]) -> Seen:
        """`values` are those of the columns for one customer."""
        return [[asked, _plain(values[column], name)] for asked, column, name in self._asked]


def facts(conditions: Iterable[Condition], frame: Frame) -> Facts:
    """Each thing that the conditions ask, once."""
    columns: list[ColumnElement[Anything]] = []
    asked: dict[str, tuple[str, int, str | None]] = {}
    objects: dict[int, int] = {}  # columns that several facts are in
    for condition in conditions:
        for fact in _facts(condition, frame):
            if fact.asked in asked:
                continue
            place = objects.get(id(fact.value)) if fact.name is not None else None
            if place is None:
                place = objects[id(fact.value)] = len(columns)
                columns.append(fact.value)
            asked[fact.asked] = (fact.asked, place, fact.name)
    return Facts(columns, list(asked.values()))


def _facts(condition: Condition, frame: Frame) -> Iterator[_Fact]:
    match condition:
        case All(of) | Any(of):
            for part in of:
                yield from _facts(part, frame)
        case Not(of):
            yield from _facts(of, frame)
        case Attribute(tests) | Trigger(tests) | Rfm(tests):
            yield from (_TESTED[condition.kind](test.name, frame) for test in tests)
        case Consent():
            state = consent_state(condition.channel, condition.topic, frame.customer)
            yield _Fact(" ".join(filter(None, ("consent", condition.channel, condition.topic))), state)
        case History():
            yield from _history(condition, frame)
        case Message():
            yield _Fact(_message(condition), holds(condition, frame))
        case InSegment():
            yield _Fact(f"segment {condition.segment}", holds(condition, frame))
        case _:
            assert_never(condition)


def _attribute(name: str, frame: Frame) -> _Fact:
    if name in COLUMNS:
        return _Fact(f"attribute {name}", frame.customer.c[name])
    return _Fact(f"attribute {name}", frame.customer.c.attributes, name)


def _trigger(name: str, frame: Frame) -> _Fact:
    if frame.trigger is None:
        return _Fact(f"trigger {name}", null())
    return _Fact(f"trigger {name}", frame.trigger.c.properties, name)


def _history(condition: History, frame: Frame) -> Iterator[_Fact]:
    event = f"event {_event(condition.match)}{_period(condition)}"
    if condition.count or not (condition.sum or condition.picks):
        yield _Fact(f"{event}, count", counted(condition, frame))
    for name in dict.fromkeys(test.name for test in condition.sum):
        yield _Fact(f"{event}, sum of {name}", summed(condition, name, frame))
    for which, pick in condition.picks.items():
        asked = f"{event}, {which.replace('_', ' ')}"
        if pick.within is not None:
            yield _Fact(asked, picked(condition, which, PAST.c.at, frame))
        properties = picked(condition, which, PAST.c.properties, frame) if pick.where else null()
        for name in dict.fromkeys(test.name for test in pick.where):
            yield _Fact(f"{asked}, {name}", properties, name)


def _rfm(name: str, frame: Frame) -> _Fact:
    row = rfm.alias()
    query = select(row.c[name]).where(row.c.customer_id == frame.customer.c.id)
    return _Fact(f"rfm {name}", query.correlate_except(row).scalar_subquery())


_TESTED = {"attribute": _attribute, "trigger": _trigger, "rfm": _rfm}


def _event(match: EventMatch) -> str:
    return match.event + (f" where {', '.join(map(_test, match.where))}" if match.where else "")


def _test(test: Test) -> str:
    value = list(test.value) if isinstance(test.value, tuple) else test.value
    return f"{test.name} {test.op} {value}"


def _period(condition: History) -> str:
    within = f" within {in_words(condition.within)}" if condition.within is not None else ""
    return within + (" since entry" if condition.since_entry else "")


def _message(condition: Message) -> str:
    channel = f"{condition.channel} " if condition.channel else ""
    within = f" within {in_words(condition.within)}" if condition.within is not None else ""
    return f"message {channel}{condition.template} was {condition.was}{within}"


def _plain(value: Anything, name: str | None) -> Anything:
    """As JSON has it. Numbers come as decimals from PostgreSQL, and sums as doubles from SQLite."""
    if name is not None:
        return (value or {}).get(name)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal | float):
        bounded = max(-_LARGEST, min(value, _LARGEST))
        return int(bounded) if bounded == int(bounded) else float(bounded)
    return value
