"""A template and one customer's data become a message."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import jinja2
from jinja2.exceptions import SecurityError, UndefinedError

from journeyflow.bounds import RUN, Run, TooMuch
from journeyflow.conditions import Scalar
from journeyflow.errors import RenderError
from journeyflow.filters import Misused
from journeyflow.messages.templates import Template
from journeyflow.reading import Reader
from journeyflow.refusals import refusals
from journeyflow.sandbox import compile_jinja, parse_jinja, paths

MAX_BYTES = 500_000  # of one part of a message, as UTF-8

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BLANK_LINES = re.compile(r"(?<![ \t])[ \t]*\n(?:[ \t]*\n){2,}")
# What a template's expressions can raise when a value does not fit; anything else is a fault of ours.
_FAULTS = (
    jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError,
    RecursionError, AssertionError, TooMuch, Misused,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str | None  # None for SMS
    html: str | None  # None for SMS
    text: str


@dataclass(frozen=True, slots=True)
class _Compiled:
    subject: jinja2.Template | None
    html: jinja2.Template | None
    text: jinja2.Template
    paths: frozenset[str]  # what it reads, as its author wrote it


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text is filled in, as errors tell it."""

    named: str
    paths: frozenset[str]  # what the text reads, as its author wrote it
    way_out: str  # where a value is missing


ANYBODY = Reader()


def fill(
    part: jinja2.Template,
    data: Mapping[str, Any],
    place: Place,
    reader: Reader = ANYBODY,
    *,
    plain: bool = False,
) -> str:
    """`plain` for an SMS. Raises RenderError, which names the place and the fault but no customer's value."""
    chunks: list[str] = []
    size = 0
    try:
        for chunk in part.generate({**data, RUN: Run(reader, plain)}):
            size += len(chunk)
            if size > MAX_BYTES:
                break
            chunks.append(chunk)
        text = "".join(chunks)
        if size <= MAX_BYTES:
            size = len(text.encode())
    except _FAULTS as error:
        _refuse(place, error)
    if size > MAX_BYTES:
        raise RenderError(f"{place.named} came out larger than {MAX_BYTES // 1000} kB for this customer")
    return text


def refuse_breaks(line: str, what: str) -> None:
    """Raises RenderError where an address would become several lines of a header; quotes nothing of it."""
    if _CONTROL.search(line):
        raise RenderError(f"{what} has a line break or control character in it; correct it")


class Renderer:
    """Renders templates and keeps them compiled, by digest."""

    def __init__(self) -> None:
        self._compiled: dict[str, _Compiled] = {}

    def render(self, template: Template, context: Mapping[str, Any], reader: Reader = ANYBODY) -> Rendered:
        """`context` is plain data: the mappings customer, event, journey and sender, and the links.

        Raises RenderError, which names the template and the fault but no value of the customer's.
        """
        compiled = self._of(template)
        data = with_defaults(context, template.defaults)
        place = Place(_named(template), compiled.paths, _DEFAULTS)

        def part(jinja: jinja2.Template) -> str:
            return fill(jinja, data, place, reader, plain=template.channel == "sms")

        return Rendered(
            subject=None if compiled.subject is None else _subject(template, part(compiled.subject)),
            html=None if compiled.html is None else part(compiled.html),
            text=_text(template, part(compiled.text)),
        )

    def reads(self, template: Template) -> frozenset[str]:
        """Dotted paths, as its author wrote them."""
        return self._of(template).paths

    def _of(self, template: Template) -> _Compiled:
        compiled = self._compiled.get(template.digest)
        if compiled is None:
            compiled = self._compiled[template.digest] = _compile(template)
        return compiled


def with_defaults(context: Mapping[str, Any], defaults: Mapping[str, Scalar]) -> dict[str, Any]:
    """The context with `defaults` (dotted path -> value) where a value is missing, None or a blank text."""
    data = dict(context)
    for path, value in defaults.items():
        *owners, name = path.split(".")
        place = data
        for owner in owners:  # copied on the way down: the caller's data stays as it is
            inner = place.get(owner)
            place[owner] = dict(inner) if isinstance(inner, Mapping) else {}
            place = place[owner]
        if _is_blank(place.get(name)):
            place[name] = value
    return data


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _compile(template: Template) -> _Compiled:
    sources = [part for part in (template.subject, template.html, template.text) if part is not None]
    try:
        trees = [parse_jinja(source) for source in sources]
        for refusal in (refusal for tree in trees for refusal in refusals(tree, loaded=True)):
            raise RenderError(f"{_named(template)} can never be filled in: {refusal.message}")
        return _Compiled(
            None if template.subject is None else compile_jinja(template.subject, escape=False),
            None if template.html is None else compile_jinja(template.html, escape=True),
            compile_jinja(template.text, escape=False),
            frozenset(path for tree in trees for path in paths(tree)),
        )
    except jinja2.TemplateSyntaxError as error:
        raise RenderError(f"{_named(template)} is not valid Jinja: {error.message}") from None


def _subject(template: Template, rendered: str) -> str:
    subject = rendered.strip()
    if not subject:
        raise RenderError(f"{_named(template)} has an empty subject for this customer; give it a default")
    if _CONTROL.search(subject):
        raise RenderError(f"{_named(template)} has a line break or control character in its subject")
    return subject


def _text(template: Template, rendered: str) -> str:
    text = _BLANK_LINES.sub("\n\n", rendered).strip()
    if not text:
        raise RenderError(f"{_named(template)} has an empty text for this customer; give it a default")
    return text if template.channel == "sms" else text + "\n"


_DEFAULTS = "give it a default in the front matter"


def _refuse(place: Place, error: Exception) -> NoReturn:
    """Say the kind of fault; the error's own text is not passed on, since it may quote a value."""
    match error:
        case UndefinedError():
            fault = _missing(place, str(error.message))
        case TooMuch():
            fault = str(error)
        case Misused():
            fault = f"was given a value that does not fit: {error}"
        case SecurityError():
            fault = "uses something that templates may not use, such as a method or a repeated text"
        case UnicodeError():
            fault = "was given a text with characters that cannot be sent"
        case _:
            fault = f"was given a value of a kind that does not fit its place ({type(error).__name__})"
    raise RenderError(f"{place.named} {fault}") from None


def _missing(place: Place, name: str) -> str:
    """A name that stands in the template may be quoted; one that was looked up may be a value."""
    full = sorted(path for path in place.paths if path == name or path.endswith(f".{name}"))
    if not full:
        return "uses a variable that is missing for this customer; give it a default"
    return f'uses "{full[0]}", which is missing for this customer; {place.way_out}'


def _named(template: Template) -> str:
    locale = f", {template.locale}" if template.locale else ""
    return f'template "{template.name}" ({template.channel}{locale})'
