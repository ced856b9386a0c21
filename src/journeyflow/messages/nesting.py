"""How deep the elements of markup stand in each other: what reads it recurses, or drops what is too deep."""

import re

from journeyflow.messages.problems import BadTemplate
from journeyflow.messages.source import Source

MOST_LEVELS = 200

_ELEMENT = re.compile(
    r"<!--(?:-?>|.*?(?:--!?>|\Z))|<(?P<raw>style|title|script|textarea)\b.*?(?:</(?P=raw)\s*>|\Z)"
    r"|<(?P<close>/?)(?P<name>[a-z][\w-]*)(?P<rest>[^<>]*)>",
    re.DOTALL | re.IGNORECASE,
)
_EMPTY = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
})  # fmt: skip
# What ends where the next one of its kind begins.
_ENDED = frozenset({"dd", "dt", "li", "option", "p", "td", "th", "tr"})


def refuse_deep(source: Source, *, slash_closes: bool) -> None:
    """`slash_closes`: as in MJML, where `<div/>` is all of an element; in HTML it only opens one.

    Raises BadTemplate.
    """
    inside: list[str] = []
    for found in _ELEMENT.finditer(source.body):
        name = (found["name"] or "").casefold()
        if not name or name in _EMPTY or (slash_closes and found["rest"].endswith("/")):
            continue
        if found["close"]:
            _leave(inside, name)
        elif not (name in _ENDED and inside and inside[-1] == name):
            inside.append(name)
        if len(inside) > MOST_LEVELS:
            message = f"this is nested more than {MOST_LEVELS} elements deep; take some of them out"
            raise BadTemplate(source.problem(source.start + found.start(), message))


def _leave(inside: list[str], name: str) -> None:
    """What was left open in an element ends with it."""
    if name in inside:
        while inside.pop() != name:
            pass
