"""What becomes of a template's links in one message; the filter `tracked` calls these."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from html.entities import html5

from journeyflow.messages.links import LONGEST_TARGET, Links, is_web
from journeyflow.messages.utm import Parameters, with_parameters

PIXEL = '<img src="{url}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0;" />'

_REFERENCE = re.compile(r"&(?:#(\d+|[xX][0-9A-Fa-f]+);?|([A-Za-z][A-Za-z0-9]*+)(;?+)(?!(?<!;)=))")
_BREAKS = re.compile(r"[\t\r\n]")
_SPACE = "".join(map(chr, range(33)))  # what browsers cut off an address
_PLACES = 10_000  # a link that comes again in a loop has another number each time, so many further on


@dataclass(frozen=True, slots=True)
class HtmlRedirects:
    """Of an e-mail: a target stands in its link."""

    links: Links | None  # None: there is nothing to sign with
    message: int
    added: Parameters
    counts: bool

    def __call__(self, value: str, number: int) -> str:
        """`value` is the text of an attribute, and so is what comes out."""
        target = _address(value)
        if not _leads_out(target, self.links):
            return value
        target = with_parameters(target, self.added) if self.added else target
        if self.counts and self.links and len(target) <= LONGEST_TARGET:
            return escape(self.links.click_url(self.message, number, target))
        return escape(target) if self.added else value


@dataclass(slots=True)
class ShortRedirects:
    """Of an SMS: the store has the targets, so these are found first and get their ids before the text is
    filled in for good."""

    links: Links
    added: Parameters
    ids: Mapping[int, int] = field(default_factory=dict)  # by number
    targets: dict[int, str] = field(default_factory=dict)  # by number: what was found
    _seen: Counter[int] = field(default_factory=Counter)

    def __call__(self, value: str, number: int) -> str:
        if not _leads_out(value, self.links) or len(value) > LONGEST_TARGET:
            return value
        turn = self._seen[number]
        if max(number, turn) >= _PLACES:
            return value  # nobody writes this; it must not be taken for another link
        self._seen[number] = turn + 1
        number += _PLACES * turn
        self.targets[number] = with_parameters(value, self.added)
        id = self.ids.get(number)
        return value if id is None else self.links.short_url(id)


def place_of(number: int) -> int:
    """Of the number of a short link: its place in the template."""
    return number % _PLACES


def with_pixel(html: str, url: str) -> str:
    """An image that nobody sees, at the end of the body, so that what is read comes first."""
    at = html.rfind("</body>")
    at = len(html) if at < 0 else at
    return html[:at] + PIXEL.format(url=escape(url)) + html[at:]


def _leads_out(target: str, links: Links | None) -> bool:
    return is_web(target) and not (links and links.is_own(target))


def _address(value: str) -> str:
    """The address as a browser reads it out of the attribute."""
    text = str(value).strip(_SPACE)
    if "&" in text:
        text = _REFERENCE.sub(_character, text)
    return _BREAKS.sub("", text) if "\n" in text or "\t" in text or "\r" in text else text


def _character(match: re.Match[str]) -> str:
    """In an attribute `&copy=2` is a parameter of that name, while `&copy;` is a character."""
    digits, name, end = match.groups()
    if digits:
        code = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
        return chr(code) if 0 < code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"
    return html5.get(f"{name}{end}", match[0])
