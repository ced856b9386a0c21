"""The body of a webhook: its values, with the texts filled in for one customer."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import jinja2

from journeyflow.conditions import Scalar
from journeyflow.messages.render import Place, fill
from journeyflow.plan import Datum
from journeyflow.sandbox import paths, sandbox

_WAY_OUT = 'write "| default(...)" behind it'


def render_body(body: Iterable[Datum], path: str, context: Mapping[str, Any]) -> dict[str, Scalar | None]:
    """`context` holds customer, event and journey; `path` is the step's. Raises as `fill` does."""
    return {
        datum.name: _filled(datum.value, f'webhook "{path}", "{datum.name}"', context)
        if isinstance(datum.value, str)
        else datum.value
        for datum in body
    }


def _filled(text: str, named: str, context: Mapping[str, Any]) -> str:
    template, read = _compiled(text)
    return fill(template, context, Place(named, read, _WAY_OUT))


@lru_cache(maxsize=1_000)
def _compiled(text: str) -> tuple[jinja2.Template, frozenset[str]]:
    environment = sandbox(escape=False)
    return environment.from_string(text), frozenset(paths(environment.parse(text)))
