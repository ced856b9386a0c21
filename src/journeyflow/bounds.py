"""How much filling in one text may take, counted while it is filled in.

Without loops that call themselves, a text can only grow large by loops in loops, by joining a value to
itself, and by filters that repeat. The tags that do the first two are led past a count when a template is
compiled; filters count for themselves (journeyflow.filters).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Undefined, UndefinedError, nodes, pass_context
from jinja2.runtime import Context, markup_join, str_join
from jinja2.visitor import NodeTransformer

from journeyflow.reading import Reader

MOST_TURNS = 10_000  # of all loops of a text together
MOST_WORK = 2_000_000  # characters written and tags looked at, about
MOST_TEXT = 500_000  # characters of one value
MOST_VALUES = 20_000  # inside of one list or dictionary, with those in its lists
LONGEST_RANGE = 1_000
LARGEST = 10**18  # whole numbers; larger ones come from a mistake, and grow without end

# Names that no author can write, as they have a space.
RUN = "this run"
_TURNS, _JOINED, _LISTED, _COMPARED = "the turns", "the text", "the list", "the other"
_PLAIN = (str, int, float, list, tuple, type(None), Mapping, range, Undefined)

_SHORT = frozenset({int, float, bool, type(None)})


class TooMuch(Exception):
    """Says what a text has too much of; never quotes a value."""


@dataclass(slots=True)
class Run:
    """One text being filled in."""

    reader: Reader
    plain: bool = False  # numbers with spaces and signs that every telephone has in its smallest alphabet
    turns: int = MOST_TURNS  # left
    work: int = MOST_WORK  # left

    def spend(self, work: int) -> None:
        self.work -= work
        if self.work < 0:
            raise TooMuch("takes too much work to fill in; make its loops, lists and texts shorter")


def run_of(context: Context) -> Run:
    run: Run = context.parent[RUN]
    return run


def weight(value: Any) -> int:
    """How many values it is, each as often as it is reached; longer texts count for more.

    Counted no further than what is too much.
    """
    found, left = 1, [value]
    while left and found <= MOST_VALUES + 1:
        one = left.pop()
        if isinstance(one, str):
            found += len(one) // 100
        elif isinstance(one, Mapping | list | tuple):
            found += len(one)
            if found <= MOST_VALUES + 1:
                inner = one.values() if isinstance(one, Mapping) else one
                left += [each for each in inner if type(each) not in _SHORT]
    return found


def effort(value: Any) -> int:
    """What it takes to go through it: once to count, and once for what is wanted of it."""
    return 2 * weight(value)


def kept(value: Any) -> Any:
    """The value, if it is no larger than a value may be."""
    if isinstance(value, str):
        if len(value) > MOST_TEXT:
            raise TooMuch(f"makes a text of more than {MOST_TEXT} characters; shorten it")
    elif isinstance(value, int):
        if abs(value) > LARGEST:
            raise TooMuch("makes a number too large to reckon with; mend the sum")
    elif weight(value) > MOST_VALUES + 1:  # with the list itself
        raise TooMuch(f"makes a list of more than {MOST_VALUES} values; shorten it")
    return value


def bounded_range(*numbers: int) -> range:
    made = range(*numbers)
    if len(made) > LONGEST_RANGE:
        raise TooMuch(f'counts to more than {LONGEST_RANGE} with "range"; count to less')
    return made


@pass_context
def written(context: Context, value: Any) -> Any:
    """What every value that is printed goes through."""
    if value is None:
        raise UndefinedError("")  # null, out of a list
    if isinstance(value, str):
        run_of(context).spend(len(value) + 1)
    elif isinstance(value, _PLAIN):
        run_of(context).spend(100 * weight(kept(value)))
    else:
        raise TypeError("a value of a kind that templates are not given")
    return value


@pass_context
def _counted(context: Context, items: Any, work: int) -> Sequence[Any] | Mapping[Any, Any]:
    """What a loop goes through, paid for before its first turn."""
    if not isinstance(items, str | list | tuple | range | Mapping):
        iter(items)  # raises for what is missing, and for what cannot be gone through
        raise TypeError("a value of a kind that templates are not given")
    run = run_of(context)
    run.turns -= len(items)
    if run.turns < 0:
        raise TooMuch(f"has loops of more than {MOST_TURNS} turns together; make them shorter")
    run.spend(len(items) * work)
    return items


@pass_context
def _joined(context: Context, parts: list[Any]) -> str:
    if None in parts:
        raise UndefinedError("")
    size = sum(len(part) if isinstance(part, str) else 100 * weight(kept(part)) for part in parts)
    if size > MOST_TEXT:
        raise TooMuch(f"makes a text of more than {MOST_TEXT} characters; shorten it")
    run_of(context).spend(size)
    join = markup_join if context.eval_ctx.autoescape else str_join
    return str(kept(join(parts)))


@pass_context
def _listed(context: Context, value: Any) -> Any:
    run_of(context).spend(effort(value))
    return kept(value)


@pass_context
def _compared(context: Context, value: Any) -> Any:
    """What something is looked for in, compared with, or cut out of."""
    run_of(context).spend(effort(value))
    return value


COUNTS = {_TURNS: _counted, _JOINED: _joined, _LISTED: _listed, _COMPARED: _compared}


class Bounding(NodeTransformer):
    """Leads loops, comparisons, slices, joined texts and lists past the count.

    Done twice it changes nothing more.
    """

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        if not is_count(node.iter):
            node.iter = _count(_TURNS, node.iter, nodes.Const(_work(node)))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        parts = nodes.List(list(node.nodes), lineno=node.lineno, environment=node.environment)
        return _count(_JOINED, parts)

    def visit_Operand(self, node: nodes.Operand) -> nodes.Node:
        self.generic_visit(node)
        if _varies(node.expr) and not is_count(node.expr):
            node.expr = _count(_COMPARED, node.expr)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice) and not is_count(node.node):
            node.node = _count(_COMPARED, node.node)
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        """What `loop.changed` is given is compared with what it was given the turn before."""
        self.generic_visit(node)
        if isinstance(node.node, nodes.Getattr) and node.node.attr == "changed":
            node.args = [one if is_count(one) else _count(_COMPARED, one) for one in node.args]
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        if is_count(node) and node.node is not None:
            self.generic_visit(node.node)
        else:
            self.generic_visit(node)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:
        return self._list(node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:
        return self._list(node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        return self._list(node) if node.ctx == "load" else node

    def _list(self, node: nodes.Expr) -> nodes.Node:
        self.generic_visit(node)
        return _count(_LISTED, node) if _varies(node) else node


def _varies(node: nodes.Node) -> bool:
    """Whether it is more than what stands there."""
    kinds = (nodes.Name, nodes.Filter)
    return isinstance(node, kinds) or any(True for _ in node.find_all(kinds))


def is_count(node: nodes.Node | None) -> bool:
    return isinstance(node, nodes.Filter) and node.name in COUNTS


def _count(name: str, counted: nodes.Node, *arguments: nodes.Node) -> nodes.Filter:
    where = {"lineno": counted.lineno, "environment": counted.environment}
    return nodes.Filter(counted, name, list(arguments), [], None, None, **where)


def _work(loop: nodes.For) -> int:
    """Of one turn: what is looked at and written, without the loops inside."""
    return sum(_size(node) for part in (*loop.body, loop.test) if part for node in _of_turn(part))


def _of_turn(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    inner = (node.iter, *node.else_) if isinstance(node, nodes.For) else node.iter_child_nodes()
    for child in inner:
        yield from _of_turn(child)


def _size(node: nodes.Node) -> int:
    return len(node.data) + 1 if isinstance(node, nodes.TemplateData) else 1
