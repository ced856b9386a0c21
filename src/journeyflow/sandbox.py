"""The Jinja that templates are written in: sandboxed, strict, and over plain data only.

The sandbox guards customers from a template's mistakes, and the program from customers' values. It does
not bound the time that a template takes.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

ROOTS = frozenset({"customer", "event", "journey", "sender"})  # the variables that every template is given
LINKS = frozenset({"unsubscribe_url", "preferences_url", "confirm_url"})  # and these, as plain texts

_PLAIN = (str, bytes, int, float, list, tuple, type(None))
_UNREPEATABLE_FILTERS = ("random",)  # the same message must come out the same on a retry
_UNREPEATABLE_GLOBALS = ("lipsum",)
_GUARDS = ("default", "d", "defined", "undefined")  # filters and tests


class Missing(StrictUndefined):
    """Its error says only the name, so that whoever catches it can put it into a sentence."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        return str(self._undefined_name)


class Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A mapping has items and no methods, so `event.items` is the event's own property."""
        if isinstance(obj, Mapping):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if isinstance(obj, _PLAIN):
            raise SecurityError(f'"{attribute}" is asked of a value, which has only filters')
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping):
            return obj[argument] if argument in obj else self.undefined(obj=obj, name=argument)
        if isinstance(obj, _PLAIN) and isinstance(argument, str):
            raise SecurityError(f'"{argument}" is asked of a value, which has only filters')
        return super().getitem(obj, argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Powers and repeated texts could fill the memory with one short expression."""
        if operator == "**" or not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise SecurityError(f'"{operator}" is for plain numbers only')
        return super().call_binop(context, operator, left, right)


@cache
def sandbox(*, escape: bool) -> Sandbox:
    """For HTML with `escape`, for subjects and texts without. Tags alone on a line leave no empty line."""
    environment = Sandbox(undefined=Missing, autoescape=escape, trim_blocks=True, lstrip_blocks=True)
    for name in _UNREPEATABLE_FILTERS:
        del environment.filters[name]
    for name in _UNREPEATABLE_GLOBALS:
        del environment.globals[name]
    return environment


def paths(template: nodes.Template) -> Iterator[str]:
    """What a template reads, as the author wrote it: `customer`, `customer.first_name`."""
    for node in template.find_all((nodes.Name, nodes.Getattr, nodes.Getitem)):
        path = path_of(node)
        if path is not None:
            yield path


def needed(template: nodes.Template) -> set[str]:
    """Dotted paths that it cannot be rendered without."""
    return set(leaves(template)) - set(_guarded(template))


def leaves(node: nodes.Node) -> Iterator[str]:
    """Dotted paths below the roots, each as long as it is written."""
    path = path_of(node)
    if path is not None:
        if "." in path and path.partition(".")[0] in ROOTS:
            yield path
        return
    for child in node.iter_child_nodes():
        yield from leaves(child)


def _guarded(tree: nodes.Template) -> Iterator[str]:
    """Paths that the author expects to be missing: `x|default(...)`, `x is defined`, `if sender.x`."""
    for node in tree.find_all((nodes.Filter, nodes.Test)):
        path = path_of(node.node) if node.node and node.name in _GUARDS else None
        if path is not None:
            yield path
    questions = [one.test for one in tree.find_all(nodes.If)]
    questions += [one.test for one in tree.find_all(nodes.CondExpr)]
    for path in map(path_of, questions):
        # To ask for a property that an event lacks raises too; what a sender lacks is only empty.
        if path is not None and path.startswith("sender."):
            yield path


def path_of(node: nodes.Node) -> str | None:
    """`customer.first_name` where the expression is such a path."""
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            name: Any = node.attr
        case nodes.Getitem(arg=nodes.Const(value=str() as name)):
            pass
        case _:
            return None
    owner = path_of(node.node)
    return None if owner is None else f"{owner}.{name}"
