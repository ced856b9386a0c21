"""Values for a template's variables where there is no customer to take them from.

What a variable is compared with, counted as or written as in the template says what kind of value it has.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from jinja2 import nodes

from journeyflow.filters import SAMPLES
from journeyflow.messages.templates import Template
from journeyflow.sandbox import leaves, parse_jinja, path_of

Values = dict[str, Any]  # by dotted path

_ROOTS = ("customer", "event")
_NUMBERS = (*SAMPLES, "abs", "float", "int", "round")
_LISTS = ("batch", "first", "groupby", "join", "last", "listed", "map", "slice", "sort", "sum", "unique")
_DATES = ("date", "time", "datetime")
_BESIDE = {"gt": 1, "lt": -1, "ne": 1}
_NUMBER, _DATE = 42, "2026-12-24T18:30:00Z"
_NAMES = {
    "first_name": "Alex", "last_name": "Johnson", "name": "Alex Johnson", "city": "Stockholm",
    "url": "https://www.example.com/", "link": "https://www.example.com/",
}  # fmt: skip


def made_up(template: Template) -> Values:
    """One for each property of the customer and of the event that the template reads, by dotted path."""
    parts = (template.subject, template.html, template.text)
    trees = [parse_jinja(part) for part in parts if part is not None]
    known: Values = {}
    for tree in trees:
        for path, value in _hints(tree):
            known.setdefault(path, value)
    read = {path for tree in trees for path in leaves(tree) if path.partition(".")[0] in _ROOTS}
    return {path: known.get(path, _by_name(path)) for path in sorted(read) if not _is_inside(path, read)}


def _is_inside(path: str, read: Iterable[str]) -> bool:
    """`event.order` has no value of its own where `event.order.total` is read."""
    return any(other.startswith(f"{path}.") for other in read)


def _hints(tree: nodes.Template) -> Iterator[tuple[str, Any]]:
    """The first one about a path counts."""
    yield from _of_loops(tree)
    for node in tree.find_all((nodes.Filter, nodes.Compare, nodes.BinExpr)):
        match node:
            case nodes.Filter(node=inner, name=name) if inner and (path := path_of(inner)):
                if name in _NUMBERS:
                    yield path, _DATE if name in _DATES else _NUMBER
                elif name in _LISTS:
                    yield path, [_by_name(path)]
            case nodes.Compare(expr=inner, ops=[operand, *_]) if path := path_of(inner):
                yield from ((path, value) for value in _fulfilling(operand))
            case nodes.Add() | nodes.Sub() | nodes.Mul() | nodes.Div() | nodes.FloorDiv() | nodes.Mod():
                yield from ((path, _NUMBER) for side in (node.left, node.right) if (path := path_of(side)))


def _of_loops(tree: nodes.Template) -> Iterator[tuple[str, Any]]:
    for loop in tree.find_all(nodes.For):
        path = path_of(_bare(loop.iter))
        if path is not None and isinstance(loop.target, nodes.Name):
            yield path, [_element(loop, loop.target.name)] * 2


def _element(loop: nodes.For, name: str) -> Any:
    """What is read of one value of a list says what the values look like."""
    body = nodes.Template(loop.body)
    known = dict(_hints(body))
    fields = {path for path in _paths(body) if path.startswith(f"{name}.")}
    if not fields:
        return known.get(name, _by_name(name))
    return nested({path.partition(".")[2]: known.get(path, _by_name(path)) for path in fields})


def _paths(node: nodes.Node) -> Iterator[str]:
    """Each as long as it is written, whatever it begins with."""
    path = path_of(node)
    if path is not None:
        yield path
        return
    for child in node.iter_child_nodes():
        yield from _paths(child)


def nested(values: Values) -> dict[str, Any]:
    """`{"order.total": 1}` as `{"order": {"total": 1}}`."""
    whole: dict[str, Any] = {}
    for path, value in sorted(values.items()):
        *owners, name = path.split(".")
        place = whole
        for owner in owners:
            inner = place.setdefault(owner, {})
            place = inner if isinstance(inner, dict) else {}
        place[name] = value
    return whole


def _bare(node: nodes.Node) -> nodes.Node:
    """`event.items` of `event.items | sort | batch(2)`."""
    while isinstance(node, nodes.Filter) and node.node is not None:
        node = node.node
    return node


def _fulfilling(operand: nodes.Operand) -> Iterator[Any]:
    """A value for which the condition holds, so that what it shows is seen."""
    for value in _constant(operand.expr):
        if isinstance(value, int | float) and operand.op in _BESIDE:
            yield value + _BESIDE[operand.op]
        elif operand.op not in ("ne", "notin"):
            yield value


def _constant(node: nodes.Expr) -> Iterator[Any]:
    """The value, or the first of several."""
    match node:
        case nodes.Const(value=value) if value is not None:
            yield value
        case nodes.List(items=[first, *_]) | nodes.Tuple(items=[first, *_]):
            yield from _constant(first)


def _by_name(path: str) -> str:
    name = path.rpartition(".")[2]
    return _NAMES.get(name, name.replace("_", " "))
