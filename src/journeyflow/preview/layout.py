"""Where everything of a plan's picture stands: top-down, each way in a column of its own.

Compiled plans are nested: what a question opens, it closes again, or its ways end. So a plan is laid out
as it was written: boxes below each other, ways beside each other, and a dot where ways meet again.
Lengths are pixels; a block's `x` is measured from the line that it hangs on, downwards is positive.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from journeyflow.plan import End, Plan, Step
from journeyflow.preview.lettering import lines_of, width_of
from journeyflow.preview.words import entry_in_words, step_in_words, ways

SIZE, LEADING = 13.0, 17.0  # of the letters and of a line of them
SLANT = 16.0  # of the points at the sides of a question
_BOX, _PADDING = 216.0, 12.0
_DOWN, _ASIDE = 26.0, 28.0  # between boxes below and beside each other
_CASE = 150.0  # the widest line of a way's case
_END = 46.0


@dataclass(frozen=True, slots=True)
class Box:
    """Of a step (by its number), of the entry (-1), or of an end."""

    step: int
    kind: str
    lines: tuple[str, ...]
    x: float  # its middle
    y: float  # its top
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    points: tuple[tuple[float, float], ...]
    arrow: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """The words at the beginning of a way; `x` is where they begin."""

    lines: tuple[str, ...]
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float


Part = Box | Line | Case | Dot


@dataclass(frozen=True, slots=True)
class Block:
    parts: tuple[Part, ...]
    left: float  # how far it reaches to both sides of x = 0
    right: float
    height: float
    goes_on: bool  # at x = 0, from its foot

    def moved(self, x: float, y: float) -> tuple[Part, ...]:
        return tuple(_moved(part, x, y) for part in self.parts)


def layout(plan: Plan) -> Block:
    entry = _box(-1, "enter", entry_in_words(plan.enter))
    return _stacked([entry, _Layout(plan).steps(0, None)])


class _Layout:
    def __init__(self, plan: Plan) -> None:
        self._steps = plan.steps
        self._ways = [ways(step) for step in plan.steps]

    def steps(self, number: int, stop: int | None) -> Block:
        """All from step `number` on, up to step `stop` or to the end."""
        blocks: list[Block] = []
        while number != stop:
            step = self._steps[number]
            blocks.append(self._one(number, step))
            if isinstance(step, End):
                break
            if len(self._ways[number]) == 1:
                number = self._ways[number][0][1]
                continue
            meeting = self._meeting(number, stop)
            blocks.append(self._beside(number, meeting, stop))
            if meeting is None:
                break
            number = meeting
        return _stacked(blocks)

    def _one(self, number: int, step: Step) -> Block:
        return _box(number, step.kind, step_in_words(step))

    def _beside(self, number: int, meeting: int | None, stop: int | None) -> Block:
        until = stop if meeting is None else meeting
        return _beside([_way(case, self.steps(to, until)) for case, to in self._ways[number]])

    def _meeting(self, number: int, stop: int | None) -> int | None:
        """The first step that several ways from `number` lead to. The end is one only for plain ways."""
        seen: set[int] = set()
        met: set[int] = set()
        for _, to in self._ways[number]:
            met |= seen & self._reached[to]
            seen |= self._reached[to]
        last = len(self._steps) - 1
        if met - {last}:
            return min(met)
        plain = stop not in seen and all(len(self._ways[step]) <= 1 for step in seen)
        return last if met and plain else None

    @cached_property
    def _reached(self) -> list[set[int]]:
        """By step, itself and all that can follow."""
        reached: list[set[int]] = [set() for _ in self._steps]
        for number in reversed(range(len(self._steps))):
            reached[number] = {number}.union(*(reached[to] for _, to in self._ways[number]))
        return reached


def _box(step: int, kind: str, text: str) -> Block:
    if kind == "end":
        box = Box(step, kind, (text,), 0, 0, _END, LEADING + _PADDING)
    else:
        lines = tuple(lines_of(text, SIZE, _BOX - 2 * _PADDING - (2 * SLANT if kind in _NARROW else 0)))
        box = Box(step, kind, lines, 0, 0, _BOX, len(lines) * LEADING + 2 * _PADDING)
    return Block((box,), box.width / 2, box.width / 2, box.height, goes_on=kind != "end")


SLANTED = ("wait_for", "branch", "split")
_NARROW = (*SLANTED, "hand_over")


def _stacked(blocks: list[Block]) -> Block:
    """Below each other, joined by arrows."""
    parts: list[Part] = []
    height = 0.0
    for number, block in enumerate(blocks):
        if number:
            parts.append(Line(((0, height), (0, height + _DOWN)), arrow=_begins_with_box(block)))
            height += _DOWN
        parts += block.moved(0, height)
        height += block.height
    left, right = (max((getattr(block, side) for block in blocks), default=0.0) for side in ("left", "right"))
    return Block(tuple(parts), left, right, height, not blocks or blocks[-1].goes_on)


def _begins_with_box(block: Block) -> bool:
    return isinstance(block.parts[0], Box)


def _way(case: str, steps: Block) -> Block:
    """A way from the line above on, with its case in words to the right of it."""
    lines = tuple(lines_of(case, SIZE, _CASE))
    words = Case(lines, 8, LEADING)
    height = len(lines) * LEADING + _DOWN
    right = 8 + max(width_of(line, SIZE) for line in lines)
    line = Line(((0, 0), (0, height)), arrow=bool(steps.parts))
    parts = (line, words, *steps.moved(0, height))
    return Block(parts, max(4, steps.left), max(right, steps.right), height + steps.height, steps.goes_on)


def _beside(ways: list[Block]) -> Block:
    """Ways hang side by side on one line; those that go on meet below in a dot."""
    axes, width = _axes(ways)
    middle = (axes[0] + axes[-1]) / 2
    axes = [axis - middle for axis in axes]
    foot = max(way.height for way in ways) + _DOWN / 2
    parts: list[Part] = [Line(((axes[0], 0), (axes[-1], 0)))]
    for axis, way in zip(axes, ways, strict=True):
        parts += way.moved(axis, 0)
    on = [(axis, way) for axis, way in zip(axes, ways, strict=True) if way.goes_on]
    if on:
        parts += [Line(((axis, way.height), (axis, foot), (0, foot))) for axis, way in on]
        parts += [Dot(0, foot)] if len(on) > 1 else []
    return Block(tuple(parts), middle, width - middle, foot if on else foot - _DOWN / 2, bool(on))


def _axes(ways: list[Block]) -> tuple[list[float], float]:
    """Where each way hangs, from the left side of them all, and how wide they are together."""
    axes: list[float] = []
    at = 0.0
    for way in ways:
        axes.append(at + way.left)
        at += way.left + way.right + _ASIDE
    return axes, at - _ASIDE


def _moved(part: Part, x: float, y: float) -> Part:
    if isinstance(part, Line):
        return replace(part, points=tuple((px + x, py + y) for px, py in part.points))
    return replace(part, x=part.x + x, y=part.y + y)
