"""The plain-text part of an e-mail that has none of its own.

The HTML template is turned into a text template once, when it is loaded, with the Jinja tags held: turning
every rendered mail would cost more than rendering it.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from inscriptis import Inscriptis  # type: ignore[import-untyped]
from inscriptis.model.config import ParserConfig  # type: ignore[import-untyped]
from lxml import etree  # type: ignore[import-untyped]
from lxml import html as lxml_html

from journeyflow.messages.problems import BadTemplate
from journeyflow.messages.source import Source
from journeyflow.messages.tags import Held, hold

_CONFIG = ParserConfig(display_links=True, display_images=True)
_LAYOUT = {"table": "div", "tbody": "div", "tr": "div", "td": "p"}
_MOST_LEVELS = 240  # lxml loses what is inside of more than 255, without a word
_BLANK_LINES = re.compile(r"\n{3,}")


def from_html(html: str, source: Source) -> str:
    """Raises BadTemplate when tags stand between the cells of a table: they would lose their place."""
    held = hold(html)
    tree = lxml_html.document_fromstring(held.text)
    if _depth(tree) > _MOST_LEVELS:
        message = "this is nested too deep to become plain text; take some elements out, or write email.txt"
        raise BadTemplate(source.problem(source.start, message))
    _flatten_layout(tree)
    if any(held.numbers(text) for text in _between_cells(tree)):
        message = "a table with Jinja between its rows cannot become plain text; write that into email.txt"
        raise BadTemplate(source.problem(source.start, message))
    _shorten_links(tree, held)
    lines = (line.strip() for line in Inscriptis(tree, _CONFIG).get_text().splitlines())
    text = _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()
    made = _keeping_breaks(held, text).restore(text)
    source.check_made(made, "plain text")
    return made


def _depth(tree: lxml_html.HtmlElement) -> int:
    depth = deepest = 0
    for event, _ in etree.iterwalk(tree, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest


def _keeping_breaks(held: Held, text: str) -> Held:
    """Jinja takes the line break after a tag away; where words stand before the tag, it belongs to them."""
    tags = list(held.tags)
    for line in text.splitlines():
        numbers = held.numbers(line)
        is_last = bool(numbers) and line.endswith(f"{held.mark}{numbers[-1]}{held.mark}")
        if is_last and not held.is_block(line) and re.search(r"[^+-]%\}$", tags[numbers[-1]]):
            tags[numbers[-1]] = tags[numbers[-1]][:-2] + "+%}"
    return replace(held, tags=tuple(tags))


def _flatten_layout(tree: lxml_html.HtmlElement) -> None:
    """Tables that only lay the mail out become paragraphs, so that their text is not set in columns."""
    layout = [
        element
        for element in tree.iter(*_LAYOUT)
        if element.xpath("ancestor-or-self::table[1]/@role") == ["presentation"]
    ]
    for element in layout:
        element.tag = _LAYOUT[element.tag]


def _between_cells(tree: lxml_html.HtmlElement) -> Iterator[str]:
    for element in tree.iter("table", "thead", "tbody", "tfoot", "tr"):
        yield element.text or ""
        yield from (child.tail or "" for child in element)


def _shorten_links(tree: lxml_html.HtmlElement, held: Held) -> None:
    """An address is read, not pressed: without mailto: and what follows it, and only once."""
    for link in tree.iter("a"):
        scheme, _, rest = link.get("href", "").partition(":")
        target = rest.split("?")[0] if scheme == "mailto" else link.get("href", "")
        if target and held.restore(target) == held.restore(link.text_content().strip()):
            del link.attrib["href"]
        elif target:
            link.set("href", target)
