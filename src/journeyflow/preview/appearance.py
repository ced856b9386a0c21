"""What a reader of a message sees of it beside its text: the preheader, and where its links lead."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import html as lxml_html  # type: ignore[import-untyped]

from journeyflow.messages.links import Links
from journeyflow.preview.letters import Letter

GMAIL_CUTS_AT = 102_000  # bytes of HTML; what comes after is hidden behind a link

_URL = re.compile(r"https?://[^\s<>\"']+")
_HIDDEN = "//body//div[starts-with(@style, 'display:none')]"
_FILLING = "\u034f\u200c\u00a0 \n"  # behind a preheader
_PAGES = {
    "u": "the page where this customer unsubscribes",
    "p": "this customer's preferences",
    "c": "the page that confirms this customer's consent",
    "r": "this customer's registration",
}


@dataclass(frozen=True, slots=True)
class Target:
    words: str  # what is pressed; "": the address itself
    leads_to: str  # in the end
    is_counted: bool


def preheader(letter: Letter) -> str:
    """What mail programs show behind the subject; "": none is written."""
    if letter.template.preheader is None or letter.outgoing.html is None:
        return ""
    hidden = lxml_html.document_fromstring(letter.outgoing.html).xpath(_HIDDEN)
    return str(hidden[0].text_content()).strip(_FILLING) if hidden else ""


def html_size(letter: Letter) -> int:
    """In bytes."""
    return len((letter.outgoing.html or "").encode())


def targets(letter: Letter, links: Links) -> list[Target]:
    """In the order of the message, each once."""
    found = _of_html(letter.outgoing.html) if letter.outgoing.html else _of_text(letter.outgoing.text)
    return list(dict.fromkeys(_target(words, url, letter, links) for words, url in found))


def _of_html(html: str) -> Iterator[tuple[str, str]]:
    for link in lxml_html.document_fromstring(html).iter("a", "area"):
        if url := link.get("href", "").strip():
            words = " ".join(str(link.text_content()).split())
            yield words or " ".join(str(alt) for alt in link.xpath(".//img/@alt")), url


def _of_text(text: str) -> Iterator[tuple[str, str]]:
    for match in _URL.finditer(text):
        yield "", match[0].rstrip(".,;:!?)")


def _target(words: str, url: str, letter: Letter, links: Links) -> Target:
    if url in letter.short:
        return Target(words, letter.short[url], is_counted=True)
    kind, _, token = url.removeprefix(f"{links.public_url}/").partition("/")
    if not url.startswith(f"{links.public_url}/") or not token:
        return Target(words, url, is_counted=False)
    click = links.read_click(token) if kind == "l" else None
    if click is not None:
        return Target(words, click.target, is_counted=True)
    return Target(words, _PAGES.get(kind, url), is_counted=False)
