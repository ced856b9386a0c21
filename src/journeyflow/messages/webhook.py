"""The body of a webhook: its values, with the texts filled in for one customer."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import jinja2

from journeyflow.conditions import Scalar
from journeyflow.errors import RenderError
from journeyflow.messages.render import ANYBODY, Place, fill
from journeyflow.plan import Datum
from journeyflow.reading import Reader
from journeyflow.sandbox import compile_jinja, parse_jinja, paths

_WAY_OUT = 'write "| default(...)" behind it'


def render_body(
    body: Iterable[Datum], path: str, context: Mapping[str, Any], reader: Reader = ANYBODY
) -> dict[str, Scalar | None]:
    """`context` holds customer, event and journey; `path` is the step's. Raises as `fill` does."""
    return {
        datum.name: _filled(datum.value, f'webhook "{path}", "{datum.name}"', context, reader)
        if isinstance(datum.value, str)
        else datum.value
        for datum in body
    }


def _filled(text: str, named: str, context: Mapping[str, Any], reader: Reader) -> str:
    try:
        template, read = _compiled(text)
    except jinja2.TemplateSyntaxError as error:
        raise RenderError(f"{named} is not valid Jinja: {error.message}") from None
    return fill(template, context, Place(named, read, _WAY_OUT), reader)


@lru_cache(maxsize=1_000)
def _compiled(text: str) -> tuple[jinja2.Template, frozenset[str]]:
    tree = parse_jinja(text)
    return compile_jinja(tree, escape=False), frozenset(paths(tree))
