"""Results as one page that needs nothing else: no scripts, no other files, readable on a telephone."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from journeyflow.cli.forest import NARROW, WIDE, Form, results_png
from journeyflow.cli.results_tables import Told, about, tables
from journeyflow.experiments.results import Results
from journeyflow.experiments.sentence import sentences

_PAGES = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    about: str
    sentences: Sequence[str]
    tables: Sequence[Told]
    wide: str  # PNG in base64; "": there is nothing to draw
    narrow: str


def results_page(found: Iterable[Results], now: datetime, note: str = "") -> str:
    """`note` stands at the top, for what has to be known about all of it."""
    template = _PAGES.from_string(files("journeyflow.cli").joinpath("pages/results.html").read_text("utf-8"))
    parts = [_part(one) for one in found]
    at = f"{now:%Y-%m-%d %H:%M} UTC"
    return template.render(parts=parts, titles=[part.name for part in parts], at=at, note=note)


def _part(results: Results) -> _Part:
    return _Part(
        results.experiment.name,
        about(results),
        sentences(results),
        tables(results),
        _picture(results, WIDE),
        _picture(results, NARROW),
    )


def _picture(results: Results, form: Form) -> str:
    return b64encode(results_png(results, form)).decode() if results.trend else ""
