"""The values that pass several comparisons at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from journeyflow.conditions import Scalar

Operand = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class _Bound:
    """Of a number; `open`: the number itself is outside."""

    number: float
    open: bool


class Values:
    """All values, none of them missing unless `exists: false` says so, that pass every comparison."""

    def __init__(self, comparisons: Iterable[tuple[str, Operand]]) -> None:
        self._given: list[tuple[str, Operand]] = list(comparisons)
        self._members: list[Scalar] | None = None  # None: any
        self._barred: list[Scalar] = []
        self._low, self._high = _Bound(-inf, False), _Bound(inf, False)
        self._is_number = False
        self._dates: dict[str, str] = {}  # the latest "after" and the earliest "before", whole days only
        for op, value in self._given:
            self._narrow(op, value)
        self._left = self._remaining()

    def is_empty(self) -> bool:
        """Whether certainly nothing passes."""
        if self._is_missing():
            return any(not (op == "exists" and value is False) for op, value in self._given)
        if self._left is not None and not self._left:
            return True
        low, high = self._low, self._high
        if self._is_number and (low.number, low.open or high.open) > (high.number, False):
            return True
        after, before = self._dates.get("after"), self._dates.get("before")
        return after is not None and before is not None and after >= before

    def allows_number(self, number: int) -> bool:
        return (self._left is None and self._is_inside(number) and number not in self._barred) or (
            self._left is not None and number in self._left
        )

    def imply(self, op: str, value: Operand) -> bool:
        """Whether every value that passes also passes this comparison."""
        if any(given[0] == op and _same(given[1], value) for given in self._given):
            return True
        if self._is_missing():
            return False
        if self._left is not None:
            return all(_passes(member, op, value) for member in self._left)
        match op, value:
            case "exists", bool():
                return value and any(given != "exists" for given, _ in self._given)
            case "is_not", str() | int() | float():
                return self._excludes(value)
            case "not_in", tuple():
                return all(self._excludes(each) for each in value)
            case "after" | "before", str():
                return self._is_beyond(op, value)
            case _:
                return self._is_number and isinstance(value, int | float) and self._is_within(op, value)

    def _narrow(self, op: str, value: Operand) -> None:
        match op, value:
            case "is", str() | int() | float():
                self._keep([value])
            case "in", tuple():
                self._keep(list(value))
            case "is_not", str() | int() | float():
                self._barred.append(value)
            case "not_in", tuple():
                self._barred += value
            case "at_least" | "more_than" | "at_most" | "less_than", int() | float():
                self._is_number = True
                self._limit(op, _Bound(value, op in ("more_than", "less_than")))
            case "after" | "before", str() if len(value) == 10:
                choose = max if op == "after" else min
                self._dates[op] = choose(self._dates.get(op, value), value)

    def _limit(self, op: str, bound: _Bound) -> None:
        if op in ("at_least", "more_than"):
            self._low = max(self._low, bound, key=lambda one: (one.number, one.open))
        else:
            self._high = min(self._high, bound, key=lambda one: (one.number, not one.open))

    def _keep(self, members: list[Scalar]) -> None:
        before = self._members
        self._members = members if before is None else [one for one in members if _among(one, before)]

    def _remaining(self) -> list[Scalar] | None:
        """The members that all other comparisons leave; None: any number of values."""
        if self._members is None:
            return None
        others = [(op, value) for op, value in self._given if op not in ("is", "in")]
        return [one for one in self._members if all(_may_pass(one, op, value) for op, value in others)]

    def _is_missing(self) -> bool:
        return ("exists", False) in self._given

    def _is_inside(self, number: float) -> bool:
        low, high = self._low, self._high
        above = number > low.number or (number == low.number and not low.open)
        return above and (number < high.number or (number == high.number and not high.open))

    def _excludes(self, value: Scalar) -> bool:
        """And there is a value: something else than `exists: true` is asked of it."""
        if _among(value, self._barred):
            return True
        return self._is_number and _is_number(value) and not self._is_inside(float(value))

    def _is_within(self, op: str, value: float) -> bool:
        low, high = self._low, self._high
        match op:
            case "at_least":
                return low.number >= value
            case "more_than":
                return low.number > value or (low.number == value and low.open)
            case "at_most":
                return high.number <= value
            case "less_than":
                return high.number < value or (high.number == value and high.open)
            case _:
                return False

    def _is_beyond(self, op: str, value: str) -> bool:
        known = self._dates.get(op)
        if known is None or len(value) != 10:
            return False
        return known >= value if op == "after" else known <= value


def _passes(member: Scalar, op: str, value: Operand) -> bool:
    """Whether the member certainly passes."""
    match op, value:
        case "is", str() | int() | float():
            return _same(member, value)
        case "in", tuple():
            return _among(member, value)
        case "is_not", str() | int() | float():
            return not _same(member, value)
        case "not_in", tuple():
            return not _among(member, value)
        case "exists", bool():
            return value
        case "contains", str():
            return isinstance(member, str) and value in member
        case "at_least" | "more_than" | "at_most" | "less_than", int() | float():
            return _is_number(member) and Values([(op, value)])._is_inside(float(member))
        case _:
            return False


def _may_pass(member: Scalar, op: str, value: Operand) -> bool:
    """Whether it is possible that the member passes: dates are not read."""
    return op in ("before", "after", "contains") or _passes(member, op, value)


def _among(value: Scalar, values: Iterable[Scalar]) -> bool:
    return any(_same(value, one) for one in values)


def _same(one: Operand, other: Operand) -> bool:
    """By type too: true is not 1, and "5" is not 5."""
    if isinstance(one, tuple) or isinstance(other, tuple):
        return (
            isinstance(one, tuple)
            and isinstance(other, tuple)
            and set(map(_key, one)) == set(map(_key, other))
        )
    return _key(one) == _key(other)


def _key(value: Scalar) -> tuple[str, Scalar]:
    kind = "truth" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"
    return kind, value


def _is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
