"""The meaning of conditions once more, in plain Python, for comparing with the SQL."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any as Anything

from journeyflow.conditions import (
    All,
    Any,
    Attribute,
    Condition,
    Consent,
    History,
    InSegment,
    Not,
    Pick,
    Rfm,
    Trigger,
)
from journeyflow.conditions import Test as Comparison

_ISO = re.compile(r"(\d{4}-\d\d-\d\d)([T ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII)


@dataclass(frozen=True)
class Person:
    attributes: dict[str, Anything]
    columns: dict[str, str | None]
    events: list[tuple[str, datetime, dict[str, Anything]]]
    consents: dict[tuple[str, str], str]
    trigger: dict[str, Anything] | None
    since: datetime
    rfm: dict[str, Anything] | None = None

    @property
    def row(self) -> dict[str, Anything]:
        return {"attributes": self.attributes, **self.columns}


def evaluate(condition: Condition, person: Person, now: datetime) -> bool:
    match condition:
        case All(of):
            return all(evaluate(part, person, now) for part in of)
        case Any(of):
            return any(evaluate(part, person, now) for part in of)
        case Not(of):
            return not evaluate(of, person, now)
        case InSegment():
            return evaluate(condition.condition, person, now)
        case Attribute(tests):
            return passes(tests, person.attributes | person.columns)
        case Trigger(tests):
            return person.trigger is not None and passes(tests, person.trigger)
        case Rfm(tests):
            return person.rfm is not None and passes(tests, person.rfm)
        case Consent(channel, topic):
            whole = person.consents.get((channel, ""))
            return person.consents.get((channel, topic), whole) == "granted"
        case History():
            return history(condition, person, now)


def history(condition: History, person: Person, now: datetime) -> bool:
    start = now - timedelta(seconds=condition.within) if condition.within is not None else None
    past = [
        (at, properties)
        for name, at, properties in person.events
        if at <= now
        and (start is None or at > start)
        and (not condition.since_entry or at > person.since)
        and name == condition.match.event
        and passes(condition.match.where, properties)
    ]
    past.sort(key=lambda event: event[0])  # of one time, in the order in which they were told
    picked = {"first": past[0], "most_recent": past[-1]} if past else {}
    if not all(which in picked and like(pick, picked[which], now) for which, pick in condition.picks.items()):
        return False
    if not condition.count and not condition.sum:
        return bool(past)
    sums = {
        test.name: round(float(sum(Fraction(str(v)) for _, p in past if is_number(v := p.get(test.name)))), 6)
        for test in condition.sum
    }
    return all(compare(test, len(past)) for test in condition.count) and passes(condition.sum, sums)


def like(pick: Pick, event: tuple[datetime, dict[str, Anything]], now: datetime) -> bool:
    is_recent = pick.within is None or event[0] > now - timedelta(seconds=pick.within)
    return is_recent and passes(pick.where, event[1])


def passes(tests: tuple[Comparison, ...], values: dict[str, Anything]) -> bool:
    return all(compare(test, values.get(test.name)) for test in tests)


def compare(test: Comparison, found: Anything) -> bool:
    wanted: Anything = test.value
    if test.op == "exists":
        return (found is not None) == wanted
    if found is None:
        return False
    if test.op in ("is", "is_not", "in", "not_in"):
        among = wanted if isinstance(wanted, tuple) else (wanted,)
        return any(same(found, each) for each in among) == (test.op in ("is", "in"))
    if test.op == "contains":
        return contains(found, wanted)
    if test.op in ("before", "after"):
        return dated(test.op, found, wanted)
    return kind(found) == kind(wanted) and ordered(test.op, found, wanted)


def contains(found: Anything, wanted: Anything) -> bool:
    if isinstance(found, list):
        return any(same(each, wanted) for each in found)
    return isinstance(found, str) and isinstance(wanted, str) and wanted in found


def ordered(op: str, found: Anything, wanted: Anything) -> bool:
    return {
        "at_least": found >= wanted,
        "at_most": found <= wanted,
        "more_than": found > wanted,
        "less_than": found < wanted,
    }[op]


def dated(op: str, found: Anything, wanted: str) -> bool:
    shape = _ISO.fullmatch(found) if isinstance(found, str) else None
    if shape is None or found[:4] == "0000":
        return False
    try:
        instant = at(found)
    except ValueError:
        return False
    left, right = (
        (found[:10], wanted[:10]) if len(found) == 10 or len(wanted) == 10 else (instant, at(wanted))
    )
    return left < right if op == "before" else left > right


def at(text: str) -> int:
    moment = datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("z", "Z"))
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def same(left: Anything, right: Anything) -> bool:
    return kind(left) == kind(right) and kind(left) != "other" and left == right


def kind(value: Anything) -> str:
    if isinstance(value, bool):
        return "truth"
    if is_number(value):
        return "number"
    return "text" if isinstance(value, str) else "other"


def is_number(value: Anything) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
