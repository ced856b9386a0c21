"""What the checker wants to know about templates: what they need, how long they get, what stands in them."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import nodes

from journeyflow.errors import RenderError
from journeyflow.filters import SAMPLES
from journeyflow.language.checks.surroundings import Message
from journeyflow.messages.problems import TemplateProblem
from journeyflow.messages.render import Renderer
from journeyflow.messages.segments import segments
from journeyflow.messages.sms_text import finish, has_way_out
from journeyflow.messages.templates import Template
from journeyflow.policy import SmsRules
from journeyflow.reading import Reader
from journeyflow.sandbox import COUPON, LINKS, ROOTS, TRACKER, leaves, needed, path_of, paths, sandbox

LONG = "Maximiliane-Charlotte Featherstonehaugh"  # stands for any text of a customer, an event or a sender
LONG_CODE = "BIRTHDAY-2026-XK7Q"  # as long as codes get
LONG_LINK = "https://www.example.com/u/" + "x" * 90  # as long as a link to a customer's own page
LONG_SHORT_LINK = "https://www.example.com/s/" + "x" * 12  # as long as a short link in an SMS
_SUFFIXES = ("mjml", "html", "txt")
# Words for leaving in the languages of Europe, or a letter to the sender that is already begun.
_WAY_OUT = re.compile(
    r"unsubscri|preferences_url|opt.?out|no thanks|avregistrer|avprenumer|avmeld|avmäl|frameld|afmeld|"
    r"abmeld|abbestell|uitschrijv|désabonn|désinscri|darse de baja|anular la suscripci|"
    r"cancelar (?:a )?(?:subscri|inscri)|disiscriv|annulla l.iscrizione|"
    r"wypisz|odhlásit|peruuta tilaus|mailto:[^\"'>]*\?subject=",
    re.IGNORECASE,
)


def known_messages(
    folder: Path, templates: Iterable[Template], faults: Iterable[TemplateProblem]
) -> list[Message]:
    """Of the templates in `folder`; a faulty one is known to be there, so that nobody misses it."""
    known = [_message(folder, template) for template in templates]
    places = {(path.parent.name, path.name.partition(".")[0]) for path in (Path(f.file) for f in faults)}
    return known + [Message(name, channel) for name, channel in sorted(places)]


def _message(folder: Path, template: Template) -> Message:
    trees = [sandbox(escape=False).parse(part) for part in _parts(template)]
    reads = {path for tree in trees for path in leaves(tree)}
    needs = {path for tree in trees for path in needed(tree)}
    html = template.html or template.text
    longest = _longest(template, reads, trees) if template.channel == "sms" else None

    def parts_under(rules: SmsRules, rests_on_consent: bool) -> int:
        is_short = rules.short_links and template.tracking and longest is not None
        text = _longest(template, reads, trees, _at_least_as_long) if is_short else longest
        everything = {path for tree in trees for path in paths(tree)}
        needs_way_out = not has_way_out(template.text, everything, rules, template.locale)
        way_out = rests_on_consent and needs_way_out
        return _segments(text and finish(text, rules, template.locale, None, way_out))

    return Message(
        name=template.name,
        channel=template.channel,
        locale=template.locale,
        file=_file(folder, template),
        needs=frozenset(needs - template.defaults.keys()),
        reads=frozenset(reads),
        words=" ".join(template.text.split()),
        parts=_segments(longest),
        parts_under=parts_under,
        can_unsubscribe=bool(_WAY_OUT.search(html)),
    )


def _parts(template: Template) -> list[str]:
    return [part for part in (template.subject, template.html, template.text) if part is not None]


def _file(folder: Path, template: Template) -> str:
    stem = ".".join(filter(None, (template.channel, template.locale)))
    place = folder / template.name
    there = (place / f"{stem}.{suffix}" for suffix in _SUFFIXES)
    return next((path.as_posix() for path in there if path.exists()), place.as_posix())


def _segments(text: str | None) -> int:
    return 1 if text is None else segments(text)


def _at_least_as_long(link: str, _: int) -> str:
    """Without a public address links stay as they are, however long."""
    return max(link, LONG_SHORT_LINK, key=len)


def _longest(
    template: Template,
    reads: Iterable[str],
    trees: Iterable[nodes.Template],
    tracker: Callable[[str, int], str] | None = None,
) -> str | None:
    """The text with long values; None where such values do not fit into its arithmetic."""
    samples = {path: sample for tree in trees for path, sample in _samples(tree)}
    context: dict[str, Any] = {root: {} for root in ROOTS} | dict.fromkeys(LINKS, LONG_LINK)
    context |= {COUPON: LONG_CODE, TRACKER: tracker}
    for path in sorted(reads):
        *owners, name = path.split(".")
        place = context
        for owner in owners:
            inner = place.setdefault(owner, {})
            place = inner if isinstance(inner, dict) else {}
        place.setdefault(name, samples.get(path, LONG))
    try:
        return Renderer().render(template, context, Reader(template.locale or "en")).text
    except RenderError:
        return None


def _samples(tree: nodes.Template) -> Iterator[tuple[str, object]]:
    """What numbers and dates are measured with, by the filters that write them out."""
    for node in tree.find_all(nodes.Filter):
        path = path_of(node.node) if node.node is not None else None
        if path is not None and node.name in SAMPLES:
            yield path, SAMPLES[node.name]
