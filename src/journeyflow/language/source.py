"""Text to nodes that know their place. Bounded first; scalars stay text, typed later by the schema.

Nodes are made from PyYAML's event stream and not from its composer, so that size and nesting are
bounded before anything is built, and anchors, tags and duplicate keys are seen where they stand.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

import yaml

from journeyflow.language.problems import FORBIDDEN, Mark, Report, quoted

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_NODES = 2_000

_LOADER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAB = re.compile(r"^ *(?:- +)*(-?)\t", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class TextNode:
    value: str
    plain: bool  # False: quoted or a block, so it is text whatever it looks like
    mark: Mark


@dataclass(frozen=True, slots=True)
class ListNode:
    items: "tuple[Node, ...]"
    mark: Mark


@dataclass(frozen=True, slots=True)
class MapNode:
    entries: "tuple[tuple[TextNode, Node], ...]"  # keys are unique
    mark: Mark


Node = TextNode | ListNode | MapNode


@dataclass(frozen=True, slots=True)
class Document:
    file: str
    text: str
    root: Node | None  # None: the report says why
    report: Report


def read(file: str, data: bytes) -> Document:
    """Never raises for what `data` holds: every fault is a problem in the document's report."""
    text = data[: MAX_BYTES + 1].decode("utf-8", errors="replace")
    report = Report(file, text)
    readable = _fits(data, report) and _decodes(data, report) and _has_plain_characters(text, report)
    return Document(file, text, _Composer(text, report).compose() if readable else None, report)


def _fits(data: bytes, report: Report) -> bool:
    if len(data) <= MAX_BYTES:
        return True
    report.add(Mark(1, 1), "JF012", "the file is larger than 256 kB; split it into several journeys")
    return False


def _decodes(data: bytes, report: Report) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        mark = _mark_at(data[: error.start].decode("utf-8"), error.start)
        report.add(mark, "JF004", f"the byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8")
        return False
    return True


def _has_plain_characters(text: str, report: Report) -> bool:
    forbidden = FORBIDDEN.search(text)
    if forbidden is not None:
        at, char = forbidden.start(), ord(forbidden.group())
        known = "a byte order mark" if char == 0xFEFF else f"the control character U+{char:04X}"
        way_out = "save the file as UTF-8 without it" if char == 0xFEFF else "delete it"
        report.add(_mark_at(text, at), "JF003", f"the file holds {known}; {way_out}")
    tabs = list(_TAB.finditer(text))
    for tab in tabs:
        mark = _mark_at(text, tab.end() - 1)
        message = (
            "a tab stands after the dash; write a space"
            if tab[1]
            else "the line is indented with a tab; use spaces, two for each level"
        )
        report.add(mark, "JF002", message)
    return forbidden is None and not tabs


def _mark_at(text: str, index: int) -> Mark:
    before = re.split(r"\r\n|\r|\n", text[:index])
    return Mark(len(before), len(before[-1]) + 1)


class _Refused(Exception):
    """The rest of the file is not worth reading; the problem is in the report."""


class _Composer:
    def __init__(self, text: str, report: Report) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
        self._report = report
        self._nodes = 0
        self._depth = 0

    def compose(self) -> Node | None:
        try:
            return self._document()
        except _Refused:
            return None
        except yaml.MarkedYAMLError as error:
            mark, code, message = _explain(error)
            self._report.add(mark, code, message)
            return None

    def _document(self) -> Node | None:
        next(self._events)  # the start of the stream
        root: Node | None = None
        if isinstance(next(self._events), yaml.DocumentStartEvent):
            root = self._node(next(self._events))
            next(self._events)  # the end of the document
            self._refuse_second(next(self._events))
        if root is None or (isinstance(root, TextNode) and root.plain and not root.value):
            self._report.add(Mark(1, 1), "JF006", "the file is empty; write something into it or delete it")
            return None
        return root

    def _refuse_second(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            message = (
                'a second document begins here; delete the "---" or move what follows into a file of its own'
            )
            self._report.add(_mark(event), "JF005", message)

    def _node(self, event: yaml.Event) -> Node:
        self._bound(event)
        self._refuse_extras(event)
        match event:
            case yaml.SequenceStartEvent():
                return self._list(event)
            case yaml.MappingStartEvent():
                return self._map(event)
            case yaml.ScalarEvent():
                return TextNode(event.value, not event.style, _mark(event))
            case _:  # an alias
                return TextNode(f"*{getattr(event, 'anchor', '')}", False, _mark(event))

    def _bound(self, event: yaml.Event) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            message = "the file has more than 2,000 keys and values; split it into several journeys"
            self._report.add(_mark(event), "JF014", message)
            raise _Refused
        if self._depth == MAX_DEPTH and isinstance(event, yaml.CollectionStartEvent):
            self._report.add(_mark(event), "JF013", _TOO_DEEP)
            raise _Refused

    def _refuse_extras(self, event: yaml.Event) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent):
            message = f"{quoted('*' + str(anchor))} is an alias; write out what it stands for"
            self._report.add(_mark(event), "JF007", message)
        elif anchor is not None:
            message = f"{quoted('&' + anchor)} is an anchor; delete it, or put quotes round the text"
            self._report.add(_mark(event), "JF007", message)
        if tag is not None:
            message = f"the tag {quoted(tag)} is not needed; delete it, or put quotes round the text"
            self._report.add(_mark(event), "JF008", message)
        self._refuse_escaped(event)

    def _refuse_escaped(self, event: yaml.Event) -> None:
        forbidden = FORBIDDEN.search(event.value) if isinstance(event, yaml.ScalarEvent) else None
        if forbidden is not None:
            message = f"the text holds the control character U+{ord(forbidden.group()):04X}; delete it"
            self._report.add(_mark(event), "JF003", message)

    def _list(self, start: yaml.Event) -> ListNode:
        items: list[Node] = []
        self._depth += 1
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event))
        self._depth -= 1
        return ListNode(tuple(items), _span(start, event, items[0].mark if items else None))

    def _map(self, start: yaml.Event) -> MapNode:
        entries: dict[str, tuple[TextNode, Node]] = {}
        first: Mark | None = None
        self._depth += 1
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, value = self._node(event), self._node(next(self._events))
            first = first or key.mark
            if self._is_key(key, entries):
                entries[key.value] = (key, value)
        self._depth -= 1
        return MapNode(tuple(entries.values()), _span(start, event, first))

    def _is_key(self, key: Node, entries: dict[str, tuple[TextNode, Node]]) -> TypeGuard[TextNode]:
        if not isinstance(key, TextNode) or (key.plain and not key.value):
            self._report.add(key.mark, "JF011", "a word is expected as the key before the colon; write one")
        elif key.plain and key.value == "<<":
            self._report.add(key.mark, "JF009", '"<<" merges another place in; write out its keys here')
        elif key.value in entries:
            line = entries[key.value][0].mark.line
            message = f"the key {quoted(key.value)} stands on line {line} already; delete one of the two"
            self._report.add(key.mark, "JF010", message)
        else:
            return True
        return False


def _mark(event: yaml.Event) -> Mark:
    start, end = _edges(event, event)
    if getattr(event, "style", None) in ("|", ">"):
        return _at(start)
    width = end.column - start.column if end.line == start.line else _TO_THE_END
    return Mark(start.line + 1, start.column + 1, max(1, width))


def _span(first: yaml.Event, last: yaml.Event, word: Mark | None) -> Mark:
    """A collection in brackets is marked whole, one in block style by its first word."""
    start, end = _edges(first, last)
    if word is not None and not getattr(first, "flow_style", False):
        return Mark(start.line + 1, start.column + 1, word.width)
    width = end.column - start.column if end.line == start.line else 1
    return Mark(start.line + 1, start.column + 1, max(1, width))


def _edges(first: yaml.Event, last: yaml.Event) -> tuple[Any, Any]:
    """PyYAML's two parsers have marks of two types."""
    return first.start_mark, last.end_mark


def _explain(error: yaml.MarkedYAMLError) -> tuple[Mark, str, str]:
    """The parser's own words are for programmers; the common ones are said again for people."""
    found, context = str(error.problem), str(error.context)
    if "nesting depth" in found:
        return _at(error.problem_mark), "JF013", _TOO_DEEP
    for piece, opened, message in _EXPLAINED:
        if piece in found or piece in context:
            return _at(error.context_mark if opened else error.problem_mark), "JF001", message
    message = f"YAML cannot be read here ({found}); compare the line with its neighbours"
    return _at(error.problem_mark or error.context_mark), "JF001", message


def _at(mark: Any) -> Mark:
    return Mark(1, 1) if mark is None else Mark(mark.line + 1, mark.column + 1)


_TOO_DEEP = "lists and keys are nested more than 32 levels deep; split the journey into several"
_TO_THE_END = 1_000_000  # of the line
# What the parser says, whether its place is where something was opened, and what we say.
_EXPLAINED = (
    (
        "mapping values are not allowed",
        False,
        'a ":" cannot stand here; indent it like its neighbours, or quote a text with ": "',
    ),
    (
        "block sequence entries are not allowed",
        False,
        'a list cannot begin here; put the "-" on a line of its own, indented under the key',
    ),
    (
        "while scanning a quoted scalar",
        True,
        "the quotes that open here are never closed; close them on the same line",
    ),
    (
        "unknown escape character",
        False,
        "the backslash begins no known escape; use single quotes, or write the backslash twice",
    ),
    (
        "expected ',' or ']'",
        True,
        'the "[" that opens here is not closed; check its commas and "]"',
    ),
    ("expected ',' or '}'", True, 'the "{" that opens here is not closed; check its commas and "}"'),
    ("cannot start any token", False, "a value cannot begin with this character; put quotes round the value"),
    (
        "could not find expected ':'",
        False,
        'a ":" is missing after a key; write "key: value", and indent a text of several lines',
    ),
    (
        "did not find expected key",
        False,
        "a key is expected here; check the indentation, and put quotes round the whole value",
    ),
    (
        "did not find expected '-' indicator",
        False,
        'another "-" is expected here; indent the line like the rest of the list, or move it out',
    ),
    (
        "did not find expected node content",
        False,
        "a value is expected here; write one, or put quotes round it",
    ),
    (
        "expected alphabetic or numeric character",
        False,
        'a value cannot begin with "&" or "*"; put quotes round the value',
    ),
)
