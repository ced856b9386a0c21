"""What follows from conditions alone: which can never hold, and which hold whenever another does.

Sound and not complete: what is said is certain, and much that is true is not seen. Values are compared as
the database compares them: by type, with a missing one making every comparison false.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from math import ceil, floor
from typing import Any

from journeyflow.conditions import Scalar
from journeyflow.language.checks.values import Values
from journeyflow.language.definition import (
    AllOf,
    AnyOf,
    AttributeCondition,
    Comparison,
    Condition,
    ConsentCondition,
    EventCondition,
    NotThis,
    RfmCondition,
    TriggerCondition,
)
from journeyflow.language.problems import Mark

_PATIENCE = 20_000  # comparisons, after which nothing more is said

# Whose values are compared.
_SUBJECTS = {AttributeCondition: "attribute", TriggerCondition: "trigger", RfmCondition: "rfm"}
# What holds where a comparison does not: of any value, and of a number.
_OPPOSITES = {"is": "is_not", "is_not": "is", "in": "not_in", "not_in": "in", "exists": "exists"}
_BEYOND = {
    "at_least": "less_than",
    "less_than": "at_least",
    "at_most": "more_than",
    "more_than": "at_most",
}


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of an attribute, of a property of the entry event, or of what purchases amount to."""

    subject: tuple[str, str]  # ("attribute", "tier")
    op: str
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A condition that only itself, or one much like it, implies."""

    kind: str
    told: Any  # equal for equal conditions, wherever they stand


@dataclass(frozen=True, slots=True)
class Deny:
    of: Test | Fact


@dataclass(frozen=True, slots=True)
class Both:
    of: "tuple[Formula, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    of: "tuple[Formula, ...]"


Formula = Test | Fact | Deny | Both | Either


class Logic:
    """Answers questions about formulas until its patience ends; from then on it knows nothing."""

    def __init__(self) -> None:
        self._left = _PATIENCE

    def implies(self, one: Formula, other: Formula) -> bool:
        """Whether `other` certainly holds where `one` does."""
        self._left -= 1 + (len(one.of) if isinstance(one, Both) else 0)
        if self._left < 0:
            return False
        if isinstance(other, Both):
            return all(self.implies(one, part) for part in other.of)
        if isinstance(one, Either):
            return all(self.implies(part, other) for part in one.of)
        if isinstance(other, Either):
            return any(self.implies(one, part) for part in other.of)
        if isinstance(one, Both):
            return _follows(one, other) or any(self.implies(part, other) for part in one.of)
        return _literal_implies(one, other)

    def is_impossible(self, formula: Formula) -> bool:
        """Whether `formula` can certainly never hold."""
        self._left -= 1
        match formula:
            case Either():
                return bool(formula.of) and all(self.is_impossible(part) for part in formula.of)
            case Both():
                return self._conflict(formula)
            case Fact(told=_Events()) if formula.told.is_impossible():
                return True
            case _:
                return _clash(_resolved([formula]))

    def _conflict(self, formula: Both) -> bool:
        parts = list(_flat(formula))
        self._left -= len(parts)
        if any(self.is_impossible(part) for part in parts) or _clash(_resolved(parts)):
            return True
        given = Both(tuple(part for part in parts if not isinstance(part, Deny)))
        literals = [part for part in parts if not isinstance(part, Either)]
        for part in parts:
            if self._left < 0:
                return False
            if isinstance(part, Deny) and self.implies(given, part.of):
                return True
            if isinstance(part, Either) and part.of and self._excluded(part, literals):
                return True
        return False

    def _excluded(self, choice: Either, literals: Sequence[Formula]) -> bool:
        """Whether no alternative is left."""
        return all(self._conflict(Both((alternative, *literals))) for alternative in choice.of)


def formula(condition: Condition, *, holds: bool = True) -> Formula:
    """The condition, or what holds where it does not, with every denial at the leaves."""
    match condition:
        case AllOf() | AnyOf():
            parts = tuple(formula(part, holds=holds) for part in condition.of)
            return _joined(parts, are_all=isinstance(condition, AllOf) == holds)
        case NotThis():
            return formula(condition.of, holds=not holds)
        case AttributeCondition() | TriggerCondition() | RfmCondition():
            return _tests(condition, holds)
        case _:
            fact = _fact(condition)
            return fact if holds else Deny(fact)


def can_hold_together(one: Sequence[Comparison], other: Sequence[Comparison]) -> bool:
    """Whether one event can pass both sets of tests."""
    return not _clash([_test("property", test) for test in (*one, *other)])


def covers(wide: Sequence[Comparison], narrow: Sequence[Comparison]) -> bool:
    """Whether an event that passes the tests `narrow` always passes `wide`."""
    return all(_covered(test, narrow) for test in wide)


def _covered(test: Comparison, narrow: Sequence[Comparison]) -> bool:
    given = Both(tuple(_test("property", each) for each in narrow))
    return _follows(given, _test("property", test))


def _tests(condition: AttributeCondition | TriggerCondition | RfmCondition, holds: bool) -> Formula:
    subject = _SUBJECTS[type(condition)]
    tests = tuple(_test(subject, test) for test in condition.tests)
    return _joined(tests if holds else tuple(map(_denied, tests)), are_all=holds)


def _joined(parts: tuple[Formula, ...], *, are_all: bool) -> Formula:
    if len(parts) == 1:
        return parts[0]
    return Both(parts) if are_all else Either(parts)


def _denied(test: Test) -> Formula:
    if test.op == "exists" and test.subject[0] == "attribute":  # of an event, there may be none at all
        return Test(test.subject, "exists", not test.value)
    return Deny(test)


def _test(subject: str, test: Comparison) -> Test:
    return Test((subject, test.name), test.op, test.value)


def _fact(condition: Condition) -> Fact:
    if isinstance(condition, EventCondition):
        return Fact("event", _Events(condition))
    kind = "consent" if isinstance(condition, ConsentCondition) else type(condition).__name__
    return Fact(kind, _told(condition))


class _Events:
    """A condition on events in the past."""

    def __init__(self, condition: EventCondition) -> None:
        self._condition = condition
        self._told = _told(condition)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Events) and self._told == other._told

    def __hash__(self) -> int:
        return hash(repr(self._told))

    def is_impossible(self) -> bool:
        asked = self._condition
        counted = _values([_test("count", test) for test in asked.count])
        wheres = (asked.pattern.where, *(asked.pattern.where + pick.where for pick in asked.picks))
        impossible_event = any(_clash([_test("property", test) for test in where]) for where in wheres)
        return counted.is_empty() or (impossible_event and self._needs_an_event())

    def counts(self) -> list[Test]:
        """The tests on the number of events; none where anything else is asked as well."""
        asked = self._condition
        if asked.sum or asked.picks:
            return []
        subject = "count", repr(_told((asked.pattern, asked.within, asked.since_entry)))
        tests = [Test(subject, test.op, test.value) for test in asked.count]
        return tests or [Test(subject, "at_least", 1)]

    def implies(self, other: "_Events") -> bool:
        """Where `other` asks for one event at all, or for a wider number of the same ones."""
        mine, its = self._condition, other._condition
        if mine.sum or its.sum or its.picks or mine.pattern.event.value != its.pattern.event.value:
            return self == other
        if not its.count:
            return self._needs_an_event() and self._is_narrower(its)
        same = _told((mine.pattern, mine.within, mine.since_entry)) == _told(
            (its.pattern, its.within, its.since_entry)
        )
        return same and covers(its.count, mine.count)

    def _needs_an_event(self) -> bool:
        """A count may hold for none at all, unless one of them has to be like something."""
        counts = self._condition.count
        return bool(self._condition.picks) or (
            not self._condition.sum and (not counts or refuse_none(counts))
        )

    def _is_narrower(self, its: EventCondition) -> bool:
        mine = self._condition
        recent = its.within is None or (mine.within is not None and mine.within <= its.within)
        later = mine.since_entry or not its.since_entry
        return recent and later and covers(its.pattern.where, mine.pattern.where)


def refuse_none(counts: Sequence[Comparison]) -> bool:
    """Whether the tests on a count refuse the count 0."""
    return not _values([_test("count", test) for test in counts]).allows_number(0)


def _literal_implies(one: Formula, other: Formula) -> bool:
    match one, other:
        case Deny(), Deny():
            return _literal_implies(other.of, one.of)
        case Test(), Test():
            return _follows(Both((one,)), other)
        case Fact(), Fact():
            return one == other or _fact_implies(one, other)
        case _:
            return False


def _fact_implies(one: Fact, other: Fact) -> bool:
    if isinstance(one.told, _Events) and isinstance(other.told, _Events):
        return one.told.implies(other.told)
    if one.kind == other.kind == "consent":
        # A topic takes the consent for the channel as a whole too.
        return bool(other.told == (one.told[0], one.told[1], None))
    return False


def _follows(given: Both, wanted: Formula) -> bool:
    """From all tests on the same subject taken together."""
    if not isinstance(wanted, Test):
        return False
    known = [part for part in given.of if isinstance(part, Test) and part.subject == wanted.subject]
    return bool(known) and _values(known).imply(wanted.op, wanted.value)


def _clash(parts: Sequence[Formula]) -> bool:
    by_subject: dict[tuple[str, str], list[Test]] = {}
    for part in parts:
        if isinstance(part, Test):
            by_subject.setdefault(part.subject, []).append(part)
    return any(_values(tests).is_empty() for tests in by_subject.values())


def _resolved(parts: Sequence[Formula]) -> list[Formula]:
    """Tests alone, with denials as the opposite where there is known to be a value, of the right type."""
    tests = [part for part in parts if isinstance(part, Test)]
    known: dict[tuple[str, str], set[str]] = {}
    for test in tests:
        known.setdefault(test.subject, set()).add("missing" if _is_missing(test) else test.op)
    denied = [part.of for part in parts if isinstance(part, Deny) and isinstance(part.of, Test)]
    turned = (_opposite(test, known.get(test.subject, set())) for test in denied)
    return [*tests, *filter(None, turned), *(test for part in parts for test in _counted(part))]


def _is_missing(test: Test) -> bool:
    return test.op == "exists" and test.value is False


def _opposite(test: Test, known: set[str]) -> Test | None:
    """`known` are the comparisons that the value passes."""
    if test.op in _OPPOSITES:
        is_known = bool(known - {"missing"})
        value = not test.value if test.op == "exists" else test.value
        return Test(test.subject, _OPPOSITES[test.op], value) if is_known else None
    is_number = bool(known & _BEYOND.keys())
    return Test(test.subject, _BEYOND[test.op], test.value) if is_number and test.op in _BEYOND else None


def _counted(part: Formula) -> Iterator[Test]:
    """What a condition on events, or its denial, says about their number: a whole one, and at least 0."""
    fact = part.of if isinstance(part, Deny) else part
    if not isinstance(fact, Fact) or not isinstance(fact.told, _Events):
        return
    asked = fact.told.counts()
    yield from (Test(test.subject, "at_least", 0) for test in asked[:1])
    if not isinstance(part, Deny):
        yield from map(_whole, asked)
    elif len(asked) == 1 and (opposite := _opposite(asked[0], set(_BEYOND))):
        yield _whole(opposite)


def _whole(test: Test) -> Test:
    value = test.value
    match test.op:
        case "more_than" if isinstance(value, int | float):
            return Test(test.subject, "at_least", floor(value) + 1)
        case "less_than" if isinstance(value, int | float):
            return Test(test.subject, "at_most", ceil(value) - 1)
        case "at_least" if isinstance(value, int | float):
            return Test(test.subject, "at_least", ceil(value))
        case "at_most" if isinstance(value, int | float):
            return Test(test.subject, "at_most", floor(value))
        case _:
            return test


def _values(tests: Sequence[Test]) -> Values:
    return Values((test.op, test.value) for test in tests)


def _flat(formula: Formula) -> Iterator[Formula]:
    if isinstance(formula, Both):
        for part in formula.of:
            yield from _flat(part)
    else:
        yield formula


def _told(value: Any) -> Any:
    """A condition as plain tuples, without the places where its parts stand."""
    if isinstance(value, Mark):
        return None
    if is_dataclass(value):
        told = (_told(getattr(value, field.name)) for field in fields(value) if field.name != "mark")
        return (type(value).__name__, *told)
    if isinstance(value, tuple):
        return tuple(map(_told, value))
    return (type(value).__name__, value) if isinstance(value, int | float) else value
