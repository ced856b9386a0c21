"""What a template may not have, and what it asks for and never gets: seen in its tree, unrendered.

What may be written is a list: tags, filters, tests and the few functions that are called. Beside that, told
is only what fails each time that it is come to. Whether a customer's value fits is seen when there is a
customer.
"""

import inspect
import math
import operator
from collections.abc import Collection, Iterator, Set
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from jinja2 import nodes

from journeyflow.bounds import LONGEST_RANGE, TooMuch, bounded_range, is_count
from journeyflow.filters import FILTERS, INSTEAD, TESTS
from journeyflow.sandbox import OF_LOOPS, ROOTS, TRACKED, path_of

_OPERATORS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem,
    nodes.Slice, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.Filter, nodes.Test,
    nodes.Call, nodes.If, nodes.CondExpr, nodes.For, nodes.Assign, nodes.AssignBlock, nodes.FilterBlock,
    nodes.With, nodes.BinExpr, nodes.UnaryExpr, nodes.Compare, nodes.Operand, nodes.Concat,
    nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends,  # these are told where a template is read
)  # fmt: skip
_INSTEAD: dict[type[nodes.Node], str] = {
    nodes.Macro: "there are no macros; write the text out, or put it into a part for mj-include",
    nodes.CallBlock: 'there is no "call"; write the text out',
    nodes.Block: 'there are no blocks; take "block" and "endblock" out',
    nodes.NSRef: 'there is no "namespace"; count with "| length" and add up with "| sum"',
    nodes.Scope: 'values are always escaped in HTML; take "autoescape" out',
}
_FUNCTIONS = {
    "namespace": 'count with "| length" and add up with "| sum"',
    "dict": 'write it as {"name": 1}',
    "cycler": 'write "loop.cycle(...)"',
    "joiner": 'write "| join" or "| listed"',
    "lipsum": "write the text",
    "super": "take it out",
    "caller": "take it out",
}
_LITERALS = (nodes.Const, nodes.TemplateData, nodes.Concat, nodes.List, nodes.Tuple)


@dataclass(frozen=True, slots=True)
class Refusal:
    line: int  # from 1
    message: str  # what and the way out


def refusals(template: nodes.Template, *, loaded: bool = False) -> Iterator[Refusal]:
    """`loaded`: links may have been marked in what its author wrote."""
    return _below(template, _names_of_data(template), loaded)


def _below(node: nodes.Node, data: Set[str], loaded: bool) -> Iterator[Refusal]:
    """What is inside of something refused is not told as well."""
    calls_by_name = isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name)
    for child in node.iter_child_nodes(exclude=("node",) if calls_by_name else ()):
        is_mark = loaded and isinstance(child, nodes.Filter) and child.name == TRACKED
        message = None if is_mark else _fault(child, data)
        if message is None:
            yield from _below(child, data, loaded)
        else:
            yield Refusal(child.lineno, message)


def _fault(node: nodes.Node, data: Set[str]) -> str | None:
    if is_count(node):
        return None
    if isinstance(node, nodes.NSRef) and node.name in data:
        return f'"{node.name}.{node.attr}" cannot be set; set a name of its own'
    if not isinstance(node, _ALLOWED):
        return _INSTEAD.get(type(node), "this is not known; take it out")
    return _fault_of_expression(node, data)


def _fault_of_expression(node: nodes.Node, data: Set[str]) -> str | None:
    match node:
        case nodes.And() | nodes.Or():
            return None
        case nodes.BinExpr():
            return _fault_of_sum(node)
        case nodes.Call():
            return _fault_of_call(node, data)
        case nodes.Filter() | nodes.Test():
            return _fault_of_filter(node)
        case nodes.Getattr():
            return _fault_of_attribute(node, data)
        case nodes.For(recursive=True):
            return 'a loop cannot call itself; take "recursive" out'
        case nodes.Name(name="range", ctx="load"):
            return '"range" is called, as in range(3); give it numbers'
        case nodes.Const(value=float() as value) if math.isinf(value):
            return "there is a number too large to reckon with; write a smaller one"
    return None


def _fault_of_sum(node: nodes.BinExpr) -> str | None:
    sign, kinds = node.operator, (_kind(node.left), _kind(node.right))
    if sign == "**":
        return 'there are no powers ("**"); write the number'
    if sign in ("/", "//", "%") and kinds[0] in ("number", None) and _number(node.right) == 0:
        return "a number is divided by zero; mend the sum"
    if sign in ("*", "-", "/", "//", "%") and set(kinds) - {"number", None}:
        return f'"{sign}" is for numbers only; write out what is wanted'
    if sign == "+" and None not in kinds and len(set(kinds)) > 1:
        return f'"+" adds no {kinds[1]} to a {kinds[0]}; join texts with "~"'
    known = _number(node.left) is not None and _number(node.right) is not None
    return "a number is too large to reckon with; mend the sum" if known and _number(node) is None else None


def _kind(node: nodes.Node) -> str | None:
    """Of what stands there for everybody; None where it depends on the customer."""
    match node:
        case nodes.Const(value=str()) | nodes.TemplateData() | nodes.Concat():
            return "text"
        case nodes.List() | nodes.Tuple():
            return "list"
        case nodes.Dict():
            return "dictionary"
        case nodes.Const(value=None):
            return "none"
        case nodes.Const() | nodes.Not() | nodes.Compare() | nodes.Mul() | nodes.Sub() | nodes.Div():
            return "number"
    return None if _number(node) is None else "number"


@lru_cache(maxsize=1_000)  # asked for each part of a sum again
def _number(node: nodes.Node) -> int | float | None:
    """What numbers alone come to."""
    match node:
        case nodes.Const(value=int() | float() as value):
            return value
        case nodes.Neg() | nodes.Pos():
            inner = _number(node.node)
            return -inner if inner is not None and node.operator == "-" else inner
        case nodes.BinExpr() if node.operator in _OPERATORS:
            left, right = _number(node.left), _number(node.right)
            try:
                return None if left is None or right is None else _OPERATORS[node.operator](left, right)
            except ArithmeticError:
                return None
    return None


def _fault_of_call(node: nodes.Call, data: Set[str]) -> str | None:
    match node.node:
        case nodes.Name(name="range"):
            return _starred(node) or _fault_of_range([_number(argument) for argument in node.args])
        case nodes.Getattr(node=nodes.Name(name="loop"), attr=name) if name in OF_LOOPS:
            return _starred(node)
        case nodes.Name(name=name) if name not in data:
            return f'there is no function "{name}"; {_FUNCTIONS.get(name, "take it out")}'
    called = node.node
    name = called.attr if isinstance(called, nodes.Getattr) else "()"
    path = path_of(called.node) if isinstance(called, nodes.Getattr) else None
    wanted = f"{path or '...'} | {name}" if name in FILTERS else "... | trim"
    return f'"{name}" is called, and values have only filters; write {{{{ {wanted} }}}}'


def _starred(node: nodes.Call | nodes.Filter | nodes.Test) -> str | None:
    starred = node.dyn_args is not None or node.dyn_kwargs is not None
    return 'values are given one by one; take the "*" out' if starred else None


def _fault_of_range(given: list[Any]) -> str | None:
    """None stands for a number that only the customer brings."""
    if None in given:
        return None
    try:
        bounded_range(*given)
    except (TypeError, ValueError, OverflowError, TooMuch):
        return f'"range" takes one to three whole numbers and counts to {LONGEST_RANGE} at most; mend them'
    return None


def _fault_of_filter(node: nodes.Filter | nodes.Test) -> str | None:
    word, known = ("filter", FILTERS) if isinstance(node, nodes.Filter) else ("test", TESTS)
    if node.name not in known:
        return f'there is no {word} "{node.name}"; {_instead(node.name, known, word)}'
    if fault := _starred(node):
        return fault
    if not _takes(known[node.name], node):
        return f'the {word} "{node.name}" is given too many or too few values; mend its brackets'
    return _fault_of_named(node) if isinstance(node, nodes.Filter) else None


def _instead(name: str, known: Collection[str], word: str) -> str:
    if word == "filter" and name in INSTEAD:
        return INSTEAD[name]
    near = get_close_matches(name, known, 1)
    return f'did you mean "{near[0]}"?' if near else "take it out"


def _fault_of_named(node: nodes.Filter) -> str | None:
    """What `map`, `select` and their like are told to use for each value."""
    at = {"map": 0, "select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}.get(node.name)
    if at is None or len(node.args) <= at:
        return None
    word, known = ("filter", FILTERS) if node.name == "map" else ("test", TESTS)
    match node.args[at]:
        case nodes.Const(value=str() as name) if name in known:
            return None
        case nodes.Const(value=str() as name):
            return f'there is no {word} "{name}"; {_instead(name, known, word)}'
    return f'"{node.name}" is given the name of a {word} in quotes; write it out'


def _takes(function: Any, node: nodes.Filter | nodes.Test) -> bool:
    plain = inspect.unwrap(function)
    before = 2 if hasattr(plain, "jinja_pass_arg") else 1  # the surroundings, the value
    named = {str(pair.key): None for pair in node.kwargs}
    try:
        inspect.signature(plain).bind(*[None] * (before + len(node.args)), **named)
    except TypeError:
        return False
    return True


def _fault_of_attribute(node: nodes.Getattr, data: Set[str]) -> str | None:
    if isinstance(node.node, _LITERALS):
        return f'"{node.attr}" is asked of a value, which has only filters; take it out'
    if node.attr.startswith("_") and not _is_data(node.node, data):
        return f'"{node.attr}" is hidden from templates; take it out'
    return None


def _names_of_data(template: nodes.Template) -> Set[str]:
    """The names that only ever stand for values; a macro, or what `namespace` makes, is none."""
    bindings = list(_bindings(template))
    names = ROOTS | {name for name, _ in bindings}
    while others := {
        name for name, made_of in bindings if name in names and not (made_of and _is_data(made_of, names))
    }:
        names -= others
    return names


def _bindings(template: nodes.Template) -> Iterator[tuple[str, nodes.Node | None]]:
    """Names with what they are made of, if that is known."""
    for node in template.find_all((nodes.For, nodes.Assign, nodes.AssignBlock, nodes.With)):
        match node:
            case nodes.For():
                yield from ((name, node.iter) for name in _names(node.target))
            case nodes.Assign():
                yield from ((name, node.node) for name in _names(node.target))
            case nodes.AssignBlock():
                yield from ((name, nodes.Const("")) for name in _names(node.target))
            case nodes.With():
                pairs = zip(node.targets, node.values, strict=True)
                yield from ((name, value) for target, value in pairs for name in _names(target))
    for macro in template.find_all(nodes.Macro):
        yield from ((name, None) for name in (macro.name, *(one.name for one in macro.args)))
    for call in template.find_all(nodes.CallBlock):
        yield from ((one.name, None) for one in call.args)


def _names(target: nodes.Node) -> list[str]:
    if isinstance(target, nodes.Name):
        return [target.name]
    return [name.name for name in target.find_all(nodes.Name)]


def _is_data(node: nodes.Node, names: Set[str]) -> bool:
    """Whether it is made of values alone, which are nothing that can be called."""
    match node:
        case nodes.Name():
            return node.name in names
        case nodes.Getattr() | nodes.Getitem():
            return _is_data(node.node, names)
        case nodes.Call():
            return False
        case nodes.Filter(node=None):
            return True
        case nodes.Expr():
            parts = node.iter_child_nodes(exclude=("test",))
            return all(_is_data(part, names) for part in parts if isinstance(part, nodes.Expr))
    return True
