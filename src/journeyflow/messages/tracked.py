"""Links of a template: found once when it is loaded, and led through us message by message.

Loading writes `{%+ filter tracked(3) +%}...{%+ endfilter +%}` round the address of a link; 3 is its place in
the template. Nothing else of the text changes, not a byte: the signs keep Jinja from taking spaces and lines.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from jinja2 import TemplateSyntaxError, nodes

from journeyflow.messages.tags import Held, hold
from journeyflow.sandbox import LINKS, TRACKED, parse_jinja, paths

_RAW = re.compile(r"(\{%[-+]?\s*raw\b.*?\{%[-+]?\s*endraw\b.*?%\})", re.DOTALL)  # here Jinja is only text
# None of these goes on past where the next one begins, so that no file takes long.
_SHY = r"<!--(?!\[if\b|<!|>)(?:(?!<!--).)*?-->"  # a comment for humans; those for Outlook hold real links
_OTHER = r"<(?P<other>style|title|script|textarea)\b(?:(?!<(?P=other)\b).)*?</(?P=other)\s*>"
_HREF = (
    r"""<(?P<name>a|area|v:[a-z]+)(?=[\s/])(?:[^<>"']|"[^"]{0,9999}"|'[^']{0,9999}'){0,999}?(?<=[\s"'/])href\s*=\s*"""
    r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'>]+))"""
)
_LINK = re.compile(f"{_SHY}|{_OTHER}|{_HREF}", re.DOTALL | re.IGNORECASE)
_VALUES = ("double", "single", "bare")
_OUTLOOK = re.compile(
    r"<!--\[if\b[^\]]{0,99}\]>(?!<!--)(?:(?!<!--\[if).)*?<!\[endif\]-->", re.DOTALL | re.IGNORECASE
)
_WEB = re.compile(r"\s*https?://", re.IGNORECASE)
_URL = r"""https?://[^\s<>"']+"""
_AFTER = ".,;:!?)]}*_"  # closes a sentence and no URL


def in_html(html: str) -> tuple[str, int]:
    """The text with its links marked, and how many there are: addresses on the web, and what Jinja begins."""
    places = _Places()
    return _between_raw(html, lambda part: _mark_html(part, places)), len(places.taken)


def in_text(text: str) -> tuple[str, int]:
    """The same for plain text, where only what begins with http:// or https:// is a link."""
    places = _Places()
    return _between_raw(text, lambda part: _mark_text(part, places)), len(places.taken)


@dataclass(slots=True)
class _Places:
    """Numbers are given from 0 in the order of the text."""

    taken: list[str] = field(default_factory=list)

    def new(self, address: str) -> int:
        self.taken.append(address)
        return len(self.taken) - 1

    def twin(self, address: str) -> int:
        """Of a link for Outlook: the link that all others see has the same address as a rule."""
        return self.taken.index(address) if address in self.taken else self.new(address)


def _between_raw(text: str, mark: Callable[[str], str]) -> str:
    parts = _RAW.split(text)
    parts[::2] = map(mark, parts[::2])
    return "".join(parts)


def _mark_html(html: str, places: _Places) -> str:
    held = hold(html)
    spots = [spot for spot in map(_spot, _LINK.finditer(held.text)) if spot and _is_link(held, *spot)]
    hidden = [match.span() for match in _OUTLOOK.finditer(held.text)]
    numbers: dict[tuple[int, int], int] = {}
    for seen in (True, False):
        for spot in spots:
            address = held.restore(held.text[slice(*spot)])
            if seen != any(start <= spot[0] < end for start, end in hidden):
                numbers[spot] = places.new(address) if seen else places.twin(address)
    return _with_marks(held, numbers)


def _mark_text(text: str, places: _Places) -> str:
    held, numbers, at = hold(text), {}, 0
    url = re.compile(rf"(?:\b|(?<={held.mark})){_URL}", re.IGNORECASE)
    while match := url.search(held.text, at):
        ends = _ends(held, match.start(), match[0].rstrip(_AFTER))
        end = next((end for end in ends if _is_link(held, match.start(), end)), None)
        at = end or match.end()
        if end is not None:
            numbers[match.start(), end] = places.new(held.text[match.start() : end])
    return _with_marks(held, numbers)


def _ends(held: Held, start: int, url: str) -> Iterator[int]:
    """Where it may end, the last place first: a tag right behind it may belong to the text around."""
    yield start + len(url)
    for word in reversed(list(held.words(url))):
        if held.tags[int(word[1])].startswith("{%"):
            yield start + len(url[: word.start()].rstrip(_AFTER))


def _with_marks(held: Held, numbers: dict[tuple[int, int], int]) -> str:
    text, done = "", 0
    for (start, end), number in sorted(numbers.items()):
        head, address = held.text[done:start], held.text[start:end]
        text += f"{head}{{%+ filter {TRACKED}({number}) +%}}{address}{{%+ endfilter +%}}"
        done = end
    return held.restore(text + held.text[done:])


def _spot(match: re.Match[str]) -> tuple[int, int] | None:
    """Where the address stands."""
    return next((match.span(name) for name in _VALUES if match[name] is not None), None)


def _is_link(held: Held, start: int, end: int) -> bool:
    """Whether it leads out, as far as can be told, and is a piece of Jinja by itself."""
    address = held.restore(held.text[start:end])
    if not _WEB.match(address) and not address.lstrip().startswith(("{{", "{%")):
        return False
    try:
        tree = parse_jinja(address)
    except TemplateSyntaxError:
        return False  # it begins in this address and ends elsewhere
    sets = next(tree.find_all((nodes.Assign, nodes.AssignBlock, nodes.Macro)), None)
    return sets is None and LINKS.isdisjoint(paths(tree))
