"""Links of a template: found once when it is loaded, and led through us message by message.

Loading writes `{%+ filter tracked(3) +%}...{%+ endfilter +%}` round the address of a link; 3 is its place in
the template. Nothing else of the text changes, not a byte: the signs keep Jinja from taking spaces and lines.
"""

import re
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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
_HOST = re.compile(r"\s*https?://[^\s\0/?#&\\]+(?:[/?#]|\s*\Z)", re.IGNORECASE)  # written out to its end
_SCHEME = r"https?://"
_URL = rf"""{_SCHEME}(?:(?![,;|]{_SCHEME})[^\s<>"'])+"""
_AFTER = ".,;:!?)]}*_"  # closes a sentence and no URL
_BRACKETS = {")": "(", "]": "[", "}": "{"}  # one that was opened in the URL belongs to it
_MOST_ENDS = 10  # that are tried for one URL, each of which is read as Jinja
_MOST_WAYS = 50  # in which an address may begin
_ANYTHING = "\0"  # stands for what is no text of the author's


def in_html(html: str) -> tuple[str, int]:
    """The text with its links marked, and how many there are: those whose host the author has written out."""
    places = _Places()
    return _between_raw(html, lambda part: _mark_html(part, places)), places.count


def in_text(text: str) -> tuple[str, int]:
    """The same for plain text, where only what begins with http:// or https:// is a link."""
    places = _Places()
    return _between_raw(text, lambda part: _mark_text(part, places)), places.count


@dataclass(slots=True)
class _Places:
    """Numbers are given from 0 in the order of the text."""

    count: int = 0
    _first: dict[str, int] = field(default_factory=dict)  # by address

    def new(self, address: str) -> int:
        self._first.setdefault(address, self.count)
        self.count += 1
        return self.count - 1

    def twin(self, address: str) -> int:
        """Of a link for Outlook: the link that all others see has the same address as a rule."""
        return self._first[address] if address in self._first else self.new(address)


def _between_raw(text: str, mark: Callable[[str], str]) -> str:
    parts = _RAW.split(text)
    parts[::2] = map(mark, parts[::2])
    return "".join(parts)


def _mark_html(html: str, places: _Places) -> str:
    held = hold(html)
    spots = [spot for spot in map(_spot, _LINK.finditer(held.text)) if spot and _is_link(held, *spot)]
    # The borders of what only Outlook sees, in order: an odd number of them lies before what is hidden.
    borders = [border for match in _OUTLOOK.finditer(held.text) for border in match.span()]
    numbers: dict[tuple[int, int], int] = {}
    for hidden in (False, True):
        for spot in spots:
            if hidden == (bisect(borders, spot[0]) % 2 == 1):
                address = held.restore(held.text[slice(*spot)])
                numbers[spot] = places.twin(address) if hidden else places.new(address)
    return _with_marks(held, numbers)


def _mark_text(text: str, places: _Places) -> str:
    held, numbers, at = hold(text), {}, 0
    url = re.compile(rf"(?:\b|(?<={held.mark})){_URL}", re.IGNORECASE)
    while match := url.search(held.text, at):
        ends = _ends(held, match.start(), _trimmed(match[0]))
        end = next((end for end in ends if _is_link(held, match.start(), end)), None)
        at = end or match.end()
        if end is not None:
            numbers[match.start(), end] = places.new(held.text[match.start() : end])
    return _with_marks(held, numbers)


def _ends(held: Held, start: int, url: str) -> Iterator[int]:
    """Where it may end, the last place first: a tag right behind it may belong to the text around."""
    yield start + len(url)
    blocks = [word.start() for word in held.words(url) if held.tags[int(word[1])].startswith("{%")]
    for end in reversed(blocks[1 - _MOST_ENDS :]):
        yield start + len(_trimmed(url[:end]))


def _trimmed(url: str) -> str:
    """Without what belongs to the sentence around it."""
    end, marks = len(url), Counter(url)
    while end and (mark := url[end - 1]) in _AFTER and marks[mark] > marks[_BRACKETS.get(mark, "")]:
        marks[mark] -= 1
        end -= 1
    return url[:end]


def _with_marks(held: Held, numbers: dict[tuple[int, int], int]) -> str:
    parts, done = [], 0
    for (start, end), number in sorted(numbers.items()):
        head, address = held.text[done:start], held.text[start:end]
        parts.append(f"{head}{{%+ filter {TRACKED}({number}) +%}}{address}{{%+ endfilter +%}}")
        done = end
    return held.restore("".join(parts) + held.text[done:])


def _spot(match: re.Match[str]) -> tuple[int, int] | None:
    """Where the address stands."""
    return next((match.span(name) for name in _VALUES if match[name] is not None), None)


def _is_link(held: Held, start: int, end: int) -> bool:
    """Whether it leads to a place on the web that the author has named, and is a piece of Jinja by itself.

    Where a value makes up the host, whoever fills in that value would have a link below our address to
    wherever they like.
    """
    address = held.restore(held.text[start:end])
    try:
        tree = parse_jinja(address)
    except TemplateSyntaxError:
        return False  # it begins in this address and ends elsewhere
    if next(tree.find_all((nodes.Assign, nodes.AssignBlock, nodes.Macro)), None) is not None:
        return False
    named = all(_HOST.match(beginning) for beginning in _beginnings(tree.body, {""}))
    return named and LINKS.isdisjoint(paths(tree))


def _beginnings(body: Iterable[nodes.Node], before: set[str]) -> set[str]:
    """What the text may begin with, as far as the author has written it."""
    for node in body:
        going_on = {text for text in before if not (_ANYTHING in text or _HOST.match(text + _ANYTHING))}
        if not going_on:
            break
        before = before - going_on | _after(node, going_on)
        if len(before) > _MOST_WAYS:
            return {_ANYTHING}
    return before


def _after(node: nodes.Node, before: set[str]) -> set[str]:
    match node:
        case nodes.Output():
            return _beginnings(node.nodes, before)
        case nodes.TemplateData():
            return {text + node.data for text in before}
        case nodes.If():
            ways = [node.body, *(one.body for one in node.elif_), node.else_]
            return set().union(*(_beginnings(way, before) for way in ways))
    return {text + _ANYTHING for text in before}
