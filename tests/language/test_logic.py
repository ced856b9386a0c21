"""What the checker says about conditions is true: held against many customers, one by one."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeyflow.conditions import Scalar
from journeyflow.language.checks.logic import Both, Logic, can_hold_together, covers, formula
from journeyflow.language.definition import (
    AllOf,
    AnyOf,
    AttributeCondition,
    Comparison,
    Condition,
    ConsentCondition,
    EventCondition,
    EventPattern,
    NotThis,
    Word,
)
from journeyflow.language.problems import Mark

MARK = Mark(1, 1)
VALUES: list[Scalar] = ["gold", "silver", "", "5", 5, 5.0, 4.5, 6, 1, True, False, "2026-05-01", "2026-05-02"]
MISSING = object()
DAYS = ("2026-04-30", "2026-05-01", "2026-05-02")
ORDERS = {
    "at_least": lambda a, b: a >= b,
    "at_most": lambda a, b: a <= b,
    "more_than": lambda a, b: a > b,
    "less_than": lambda a, b: a < b,
}  # fmt: skip


@dataclass(frozen=True)
class Customer:
    attributes: dict[str, Any]
    consents: frozenset[tuple[str, str]]
    orders: tuple[tuple[int, dict[str, Any]], ...]  # seconds ago, properties


def same(one: Any, other: Any) -> bool:
    kinds = [isinstance(value, bool) for value in (one, other)]
    return kinds[0] == kinds[1] and isinstance(one, str) == isinstance(other, str) and one == other


def passes(value: Any, test: Comparison) -> bool:
    op, wanted = test.op, test.value
    if op == "exists":
        return (value is not MISSING) == wanted
    if value is MISSING:
        return False
    match op:
        case "is" | "in":
            return any(same(value, one) for one in (wanted if isinstance(wanted, tuple) else (wanted,)))
        case "is_not" | "not_in":
            return not any(same(value, one) for one in (wanted if isinstance(wanted, tuple) else (wanted,)))
        case "contains":
            return isinstance(value, str) and isinstance(wanted, str) and wanted in value
        case "before" | "after":
            is_date = isinstance(value, str) and len(value) == 10
            return is_date and (value < str(wanted) if op == "before" else value > str(wanted))
        case _:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return is_number and ORDERS[op](value, wanted)


def holds(condition: Condition, customer: Customer) -> bool:
    match condition:
        case AllOf():
            return all(holds(part, customer) for part in condition.of)
        case AnyOf():
            return any(holds(part, customer) for part in condition.of)
        case NotThis():
            return not holds(condition.of, customer)
        case AttributeCondition():
            value = customer.attributes.get(condition.name.value, MISSING)
            return all(passes(value, test) for test in condition.tests)
        case ConsentCondition():
            topics = {"", condition.topic.value if condition.topic else ""}
            return all((condition.channel.value, topic) in customer.consents for topic in topics)
        case EventCondition():
            return happened(condition, customer)
        case _:
            raise AssertionError(condition)


def happened(condition: EventCondition, customer: Customer) -> bool:
    found = [
        properties
        for ago, properties in customer.orders
        if (condition.within is None or ago < condition.within)
        and all(passes(properties.get(test.name, MISSING), test) for test in condition.pattern.where)
    ]
    return all(passes(len(found), test) for test in condition.count) if condition.count else bool(found)


def comparisons(name: st.SearchStrategy[str], *, numbers: bool = False) -> st.SearchStrategy[Comparison]:
    number = st.sampled_from([0, 1, 4.5, 5, 6])
    bounds = st.tuples(st.sampled_from(list(ORDERS)), number)
    if numbers:
        pairs = bounds | st.tuples(st.sampled_from(["is", "is_not"]), number)
    else:
        value = st.sampled_from(VALUES)
        pairs = (
            bounds
            | st.tuples(st.sampled_from(["is", "is_not"]), value)
            | st.tuples(st.sampled_from(["in", "not_in"]), st.lists(value, min_size=1, max_size=3).map(tuple))
            | st.tuples(st.just("exists"), st.booleans())
            | st.tuples(st.just("contains"), st.sampled_from(["gold", "old", "5"]))
            | st.tuples(st.sampled_from(["before", "after"]), st.sampled_from(DAYS))
        )
    return st.builds(lambda name, pair: Comparison(name, pair[0], pair[1], MARK), name, pairs)


def attributes() -> st.SearchStrategy[Condition]:
    def build(name: str, tests: list[Comparison]) -> Condition:
        named = tuple(Comparison(name, test.op, test.value, MARK) for test in tests)
        return AttributeCondition(MARK, Word(name, MARK), named)

    tests = st.lists(comparisons(st.just("")), min_size=1, max_size=3)
    return st.builds(build, st.sampled_from(["a", "b"]), tests)


def consents() -> st.SearchStrategy[Condition]:
    topic = st.none() | st.just(Word("offers", MARK))
    return st.builds(
        lambda name, topic: ConsentCondition(MARK, Word(name, MARK), topic), st.just("sms"), topic
    )


def events() -> st.SearchStrategy[Condition]:
    where = st.lists(comparisons(st.just("total")), max_size=2).map(tuple)
    count = st.lists(comparisons(st.just("count"), numbers=True), max_size=2).map(tuple)
    pattern = st.builds(EventPattern, st.just(Word("order", MARK)), where)
    return st.builds(
        lambda pattern, within, count: EventCondition(MARK, pattern, within, False, count),
        pattern, st.sampled_from([None, 10, 20]), count,
    )  # fmt: skip


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    attributes() | consents() | events(),
    lambda inner: (
        st.builds(lambda of: AllOf(MARK, tuple(of)), st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda of: AnyOf(MARK, tuple(of)), st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda of: NotThis(MARK, of), inner)
    ),
    max_leaves=5,
)
_VALUE = st.sampled_from([MISSING, *VALUES, "golden", 0, 7])
CUSTOMERS = st.builds(
    Customer,
    st.fixed_dictionaries({"a": _VALUE, "b": _VALUE}),
    st.frozensets(st.sampled_from([("sms", ""), ("sms", "offers")])),
    st.lists(
        st.tuples(st.sampled_from([5, 15, 25]), st.fixed_dictionaries({"total": _VALUE})), max_size=7
    ).map(tuple),
)
sound = settings(max_examples=120, deadline=None)


@sound
@given(CONDITIONS, CONDITIONS, st.lists(CUSTOMERS, min_size=5, max_size=12))
def test_what_follows_follows(one: Condition, other: Condition, customers: list[Customer]) -> None:
    if Logic().implies(formula(one), formula(other)):
        assert all(holds(other, customer) for customer in customers if holds(one, customer))


@sound
@given(CONDITIONS, st.lists(CUSTOMERS, min_size=5, max_size=12))
def test_what_is_impossible_never_holds(condition: Condition, customers: list[Customer]) -> None:
    if Logic().is_impossible(formula(condition)):
        assert not any(holds(condition, customer) for customer in customers)


@sound
@given(
    st.lists(attributes() | events(), min_size=2, max_size=4), CONDITIONS,
    st.lists(CUSTOMERS, min_size=5, max_size=12),
)  # fmt: skip
def test_what_earlier_arms_leave_impossible_never_holds(
    arms: list[Condition], last: Condition, customers: list[Customer]
) -> None:
    left = tuple(formula(arm, holds=False) for arm in arms)
    if Logic().is_impossible(Both((*left, formula(last)))):
        for customer in customers:
            assert not holds(last, customer) or any(holds(arm, customer) for arm in arms)


@sound
@given(CONDITIONS, CUSTOMERS)
def test_each_condition_follows_from_itself(condition: Condition, customer: Customer) -> None:
    assert Logic().implies(formula(condition), formula(condition)) or not isinstance(
        condition, AttributeCondition | ConsentCondition | EventCondition
    )
    denied = formula(NotThis(MARK, condition))
    assert formula(condition, holds=False) == denied


def attribute(**tests: Any) -> Condition:
    asked = tuple(Comparison("a", op, value, MARK) for op, value in tests.items())  # type: ignore[arg-type]
    return AttributeCondition(MARK, Word("a", MARK), asked)


def event(within: int | None = None, since: bool = False, **count: Any) -> Condition:
    asked = tuple(Comparison("count", op, value, MARK) for op, value in count.items())  # type: ignore[arg-type]
    return EventCondition(MARK, EventPattern(Word("order", MARK)), within, since, asked)


@pytest.mark.parametrize(
    ("one", "other", "follows"),
    [
        (attribute(at_least=5), attribute(more_than=5), False),
        (attribute(more_than=5), attribute(at_least=5), True),
        (attribute(at_most=5), attribute(less_than=5), False),
        (attribute(less_than=5), attribute(at_most=5), True),
        (attribute(more_than=5), attribute(is_not=5), True),
        (attribute(at_least=5), attribute(is_not=5), False),
        (attribute(at_least=5), attribute(is_not="gold"), False),
        (attribute(after="2026-05-01"), attribute(after="2026-05-01"), True),
        (AllOf(MARK, (attribute(after="2026-05-02"),)), attribute(after="2026-05-01"), True),
        (attribute(after="2026-05-01"), attribute(after="2026-05-02"), False),
        (attribute(before="2026-05-01"), attribute(before="2026-05-02"), True),
        (attribute(before="2026-05-02"), attribute(before="2026-05-01"), False),
        (attribute(after="2026-05-02"), attribute(after="2026-05-01T12:00:00Z"), False),
        (event(), event(within=10), False),
        (event(within=10), event(), True),
        (event(), event(since=True), False),
        (event(since=True), event(), True),
        (event(at_least=3), event(at_least=2), True),
        (event(at_least=2), event(at_least=3), False),
        (event(at_least=3), event(within=10, at_least=2), False),
        (event(at_least=0), event(), False),
        (event(at_most=3), event(), False),
        (event(), event(at_least=1), False),  # not seen, though true
        (attribute(**{"in": ("a", "b")}), attribute(**{"in": ("b", "a", "c")}), True),
        (attribute(**{"in": ("a", "b")}), attribute(**{"in": ("b", "c")}), False),
        (attribute(**{"is": 1}), attribute(**{"in": (True, "1")}), False),
        (attribute(exists=False), NotThis(MARK, attribute(at_least=5)), False),  # not seen, though true
    ],
)
def test_what_follows(one: Condition, other: Condition, follows: bool) -> None:
    assert Logic().implies(formula(one), formula(other)) is follows


@pytest.mark.parametrize(
    ("condition", "impossible"),
    [
        (attribute(after="2026-05-01", before="2026-05-01"), True),
        (attribute(after="2026-05-01", before="2026-05-02"), False),
        (attribute(at_least=5, at_most=5), False),
        (attribute(at_least=5, less_than=5), True),
        (attribute(more_than=5, at_most=5), True),
        (event(more_than=5, at_most=5), True),
        (attribute(contains="a", at_least=5), False),  # not seen, though true
    ],
)
def test_what_is_impossible(condition: Condition, impossible: bool) -> None:
    assert Logic().is_impossible(formula(condition)) is impossible


def denied(condition: Condition) -> Condition:
    return NotThis(MARK, condition)


@pytest.mark.parametrize(
    ("conditions", "impossible"),
    [
        # Whoever has no value, or one of another type, passes neither a comparison nor its opposite.
        ([denied(attribute(**{"is": 5})), denied(attribute(is_not=5))], False),
        ([denied(attribute(**{"is": 5})), denied(attribute(is_not=5)), attribute(exists=True)], True),
        ([denied(attribute(**{"is": 5})), denied(attribute(is_not=5)), attribute(contains="a")], True),
        ([denied(attribute(at_least=5)), denied(attribute(less_than=5)), attribute(exists=True)], False),
        ([denied(attribute(at_least=5)), denied(attribute(less_than=5)), attribute(at_most=9)], True),
        ([denied(attribute(more_than=5)), denied(attribute(at_most=4)), attribute(at_most=9)], False),
        ([denied(attribute(exists=True)), denied(attribute(exists=False))], True),
        ([denied(attribute(exists=True)), attribute(is_not=5)], True),
        ([denied(attribute(exists=False)), denied(attribute(**{"is": 5}))], False),
        # A number of events is whole, and never missing.
        ([denied(event(at_least=2)), denied(event(at_most=1))], True),
        ([denied(event(at_least=2)), denied(event(less_than=1))], False),
        ([denied(event(at_least=2)), denied(event(within=10, at_most=1))], False),
        ([denied(event()), denied(event(at_most=0))], True),
        ([denied(event(at_least=0))], True),
        ([denied(event(more_than=0))], False),
        ([event(less_than=0)], True),
        ([event(more_than=1, less_than=2)], True),
        ([denied(event(at_least=3, at_most=3)), denied(event(is_not=3))], False),  # not seen, though true
    ],
)
def test_what_denials_leave(conditions: list[Condition], impossible: bool) -> None:
    assert Logic().is_impossible(Both(tuple(map(formula, conditions)))) is impossible


TESTS = st.lists(comparisons(st.just("total")), max_size=4).map(tuple)


@sound
@given(TESTS, TESTS, st.lists(_VALUE, min_size=1, max_size=len(VALUES)))
def test_events_that_pass(
    one: tuple[Comparison, ...], other: tuple[Comparison, ...], totals: list[Any]
) -> None:
    for total in totals:
        passed_one = all(passes(total, test) for test in one)
        passed_other = all(passes(total, test) for test in other)
        assert not (passed_one and passed_other) or can_hold_together(one, other)
        assert not (covers(one, other) and passed_other) or passed_one


def test_patience_ends() -> None:
    """Many conditions take no longer than a moment; what is not looked at is not claimed."""
    parts = tuple(
        AttributeCondition(MARK, Word("a", MARK), (Comparison("a", "is", number, MARK),))
        for number in range(2_000)
    )
    wide, narrow = AnyOf(MARK, parts), AnyOf(MARK, parts[::-1])
    assert not Logic().implies(formula(wide), formula(narrow))
    assert Logic().implies(formula(AnyOf(MARK, parts[:50])), formula(AnyOf(MARK, parts[49::-1])))
