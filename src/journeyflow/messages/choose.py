"""Which language version of a template a customer gets, and how dates and numbers are written in it."""

from collections.abc import Iterator, Mapping

from journeyflow.errors import RenderError
from journeyflow.messages.templates import Template
from journeyflow.reading import Reader


def choose(templates_by_locale: Mapping[str, Template], locale: str, default: str) -> Template:
    """`sv-SE -> sv -> default -> ""`, each shortened from the right; raises RenderError if none fits."""
    if not templates_by_locale:
        raise RenderError("there is no template to choose from; apply the programme that has it")
    by_tag = {_tag(name): template for name, template in templates_by_locale.items()}
    for tag in (*_shortened(locale), *_shortened(default), ""):
        if tag in by_tag:
            return by_tag[tag]
    some = next(iter(templates_by_locale.values()))
    there = ", ".join(sorted(templates_by_locale))
    raise RenderError(
        f'template "{some.name}" ({some.channel}) is there for {there}, but neither for the customer\'s '
        f'locale nor for the default "{default}"; add one of them, or one without a suffix'
    )


def reader(written_in: str, locale: str, timezone: str) -> Reader:
    """The customer's own way of writing, where a template is in their language or in none."""
    is_theirs = not written_in or _tag(written_in).split("-")[0] == _tag(locale).split("-")[0]
    return Reader(locale if is_theirs else written_in, timezone)


def _shortened(locale: str) -> Iterator[str]:
    parts = _tag(locale).split("-")
    for length in range(len(parts), 0, -1):
        if parts[0]:
            yield "-".join(parts[:length])


def _tag(locale: str) -> str:
    return locale.replace("_", "-").casefold()
