"""What follows from conditions alone: which can never hold, and which hold whenever another does.

Sound and not complete: what is said is certain, and much that is true is not seen. Values are compared as
the database compares them: by type, with a missing one making every comparison false.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
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
    TriggerCondition,
)
from journeyflow.language.problems import Mark

_PATIENCE = 20_000  # comparisons, after which nothing more is said


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of an attribute, or of a property of the entry event."""

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
            case Test():
                return _values([formula]).is_empty()
            case Fact():
                return isinstance(formula.told, _Events) and formula.told.is_impossible()
            case _:
                return False

    def _conflict(self, formula: Both) -> bool:
        parts = list(_flat(formula))
        self._left -= len(parts)
        if any(self.is_impossible(part) for part in parts) or _clash(parts):
            return True
        for number, part in enumerate(parts):
            if self._left < 0:
                return False
            rest = parts[:number] + parts[number + 1 :]
            if isinstance(part, Either) and part.of and all(self._excluded(one, rest) for one in part.of):
                return True
            if isinstance(part, Deny) and self.implies(Both(tuple(rest)), part.of):
                return True
        return False

    def _excluded(self, alternative: Formula, rest: list[Formula]) -> bool:
        others = [part for part in rest if not isinstance(part, Either)]
        return self._conflict(Both((alternative, *others)))


def formula(condition: Condition, *, holds: bool = True) -> Formula:
    """The condition, or what holds where it does not, with every denial at the leaves."""
    match condition:
        case AllOf() | AnyOf():
            parts = tuple(formula(part, holds=holds) for part in condition.of)
            return Both(parts) if isinstance(condition, AllOf) == holds else Either(parts)
        case NotThis():
            return formula(condition.of, holds=not holds)
        case AttributeCondition() | TriggerCondition():
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


def _tests(condition: AttributeCondition | TriggerCondition, holds: bool) -> Formula:
    subject = "attribute" if isinstance(condition, AttributeCondition) else "trigger"
    tests = tuple(_test(subject, test) for test in condition.tests)
    return Both(tests) if holds else Either(tuple(map(Deny, tests)))


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
        impossible_event = _clash([_test("property", test) for test in asked.pattern.where])
        return counted.is_empty() or (impossible_event and self._needs_an_event())

    def implies(self, other: "_Events") -> bool:
        """Where `other` asks for one event at all, or for a wider number of the same ones."""
        mine, its = self._condition, other._condition
        if mine.sum or its.sum or mine.pattern.event.value != its.pattern.event.value:
            return self == other
        if not its.count:
            return self._needs_an_event() and self._is_narrower(its)
        same = _told((mine.pattern, mine.within, mine.since_entry)) == _told(
            (its.pattern, its.within, its.since_entry)
        )
        return same and covers(its.count, mine.count)

    def _needs_an_event(self) -> bool:
        """A count may hold for none at all."""
        counts = self._condition.count
        return not self._condition.sum and (not counts or refuse_none(counts))

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
