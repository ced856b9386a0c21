"""The Jinja that templates are written in: sandboxed, strict, and over plain data only.

The sandbox guards customers from a template's mistakes, and the program from customers' values. What may be
written is decided when a template is read (journeyflow.refusals); what that may take is counted when it is
filled in (journeyflow.bounds). The sandbox holds even where nobody has read the template before.
"""

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from functools import cache
from typing import Any

import jinja2
from jinja2 import StrictUndefined, TemplateSyntaxError, meta, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from journeyflow.bounds import COUNTS, Bounding, bounded_range, effort, kept, run_of, written
from journeyflow.filters import FILTERS, TESTS

ROOTS = frozenset({"customer", "event", "journey", "sender"})  # the variables that every template is given
# And these, as plain texts:
LINKS = frozenset({"unsubscribe_url", "preferences_url", "confirm_url", "registration_url"})
COUPON = "coupon"  # a plain text too, for templates that name a pool of codes
# The filter that loading puts round the links of a template (see `messages.tracked`): ours, not for authors.
TRACKED = "tracked"
TRACKER = "link tracker"  # where it finds what to do with a link: in the context, by what is no name in Jinja

OF_LOOPS = frozenset({"cycle", "changed"})  # what can be called of `loop`; of all else, only `range`
_GUARDS = ("default", "d", "defined", "none", "undefined")  # filters and tests
_OF_JINJA = frozenset({"range"})
# So deep that nobody writes it, and far from where Python's own stack ends, wherever a template is compiled.
_MOST_BRACKETS = 20  # around one place in a tag
_MOST_LEVELS = 80  # of the tree
_MOST_NODES = 20_000  # of it: names, values, filters and the like; compiling takes a second or two
_TOO_DEEP = "it is nested too deep"


class Missing(StrictUndefined):
    """Its error says only the name, so that whoever catches it can put it into a sentence."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        return str(self._undefined_name)


class Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A mapping has items and no methods, so `event.items` is the event's own property."""
        if isinstance(obj, Mapping):
            return self._there(obj, attribute, obj.get(attribute))
        if isinstance(obj, LoopContext | jinja2.Undefined):
            return super().getattr(obj, attribute)
        raise SecurityError(f'"{attribute}" is asked of a value, which has only filters')

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping):
            return self._there(obj, argument, obj.get(argument))
        if isinstance(argument, str) and not isinstance(obj, LoopContext | jinja2.Undefined):
            raise SecurityError(f'"{argument}" is asked of a value, which has only filters')
        return self._there(obj, argument, super().getitem(obj, argument))

    def _there(self, obj: Any, name: Any, value: Any) -> Any:
        """What is null is missing as well: nobody wants to write "None" to a customer."""
        return self.undefined(obj=obj, name=name) if value is None else value

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Powers and repeated texts could fill the memory with one short expression."""
        for side in (left, right):
            if isinstance(side, jinja2.Undefined):
                str(side)  # raises, and says what is missing
        if isinstance(left, int | float) and isinstance(right, int | float) and operator != "**":
            return kept(super().call_binop(context, operator, left, right))
        if operator == "+" and isinstance(left, str | list | tuple):
            # And again for what is made, which is counted as well.
            run_of(context).spend(2 * (effort(kept(left)) + effort(kept(right))))
            return kept(super().call_binop(context, operator, left, right))
        if operator in ("+", "-", "/", "//"):
            raise TypeError
        raise SecurityError(f'"{operator}" is for plain numbers only')

    def is_safe_callable(self, obj: Any) -> bool:
        if obj is bounded_range:
            return True
        owner = getattr(obj, "__self__", None)
        return isinstance(owner, LoopContext) and getattr(obj, "__name__", "") in OF_LOOPS

    def _generate(self, source: nodes.Template, *args: Any, **named: Any) -> str:
        return super()._generate(Bounding().visit(source), *args, **named)


@cache
def sandbox(*, escape: bool) -> Sandbox:
    """For HTML with `escape`, for subjects and texts without. Tags alone on a line leave no empty line."""
    # Not optimized: that works out constants at every level anew, and a long sum takes seconds.
    environment = Sandbox(
        undefined=Missing,
        autoescape=escape,
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,
        finalize=written,
    )
    environment.filters = FILTERS | COUNTS | {TRACKED: _tracked}
    environment.tests = dict(TESTS)
    environment.globals = {"range": bounded_range}
    return environment


@pass_context
def _tracked(context: Context, value: str, number: int) -> str:
    """The link as this message has it. What is given and returned is text for the place it stands in."""
    tracker = context.get(TRACKER)
    return value if tracker is None else str(tracker(value, number))


def parse_jinja(text: str) -> nodes.Template:
    """Raises TemplateSyntaxError, also for what is too deep to be compiled."""
    environment = sandbox(escape=False)
    with _in_words():
        _check_brackets(environment, text)
        tree = environment.parse(text)
        _check_levels(tree)
    return tree


def compile_jinja(source: str | nodes.Template, *, escape: bool) -> jinja2.Template:
    """Raises TemplateSyntaxError."""
    with _in_words():
        return sandbox(escape=escape).from_string(source)


def unknown_names(template: nodes.Template, known: Set[str]) -> list[str]:
    """Variables that the template uses and that neither it nor Jinja nor `known` has, sorted."""
    names = meta.TrackingCodeGenerator(sandbox(escape=False))
    names.optimizer = None  # as in the sandbox
    names.visit(template)
    return sorted(names.undeclared_identifiers - known - _OF_JINJA)


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


@contextmanager
def _in_words() -> Iterator[None]:
    """What Python itself cannot read is told as Jinja tells what it cannot read."""
    try:
        yield
    except (RecursionError, SyntaxError, MemoryError):  # the last is what Python's parser says of long chains
        raise TemplateSyntaxError(_TOO_DEEP, 1) from None
    except ValueError:
        raise TemplateSyntaxError("a number has too many digits", 1) from None


def _check_brackets(environment: Sandbox, text: str) -> None:
    """Beforehand, as brackets around one value leave nothing in the tree."""
    depth = 0
    for line, kind, value in environment.lex(text):
        if kind in ("variable_begin", "block_begin"):
            depth = 0
        elif kind == "operator" and value in "([{":
            depth += 1
        elif kind == "operator" and value in ")]}":
            depth -= 1
        if depth > _MOST_BRACKETS:
            raise TemplateSyntaxError(_TOO_DEEP, line)


def _check_levels(tree: nodes.Template) -> None:
    level: list[nodes.Node] = [tree]
    found = 0
    for _ in range(_MOST_LEVELS):
        level = [child for node in level for child in node.iter_child_nodes()]
        found += len(level)
        if found > _MOST_NODES:
            raise TemplateSyntaxError("there is too much Jinja in it", level[-1].lineno)
    if level:
        raise TemplateSyntaxError(_TOO_DEEP, level[0].lineno)
