"""A file's values as an editor's YAML 1.2 parser sees them, for the JSON Schemas."""

import re
from pathlib import Path
from typing import Any

from journeyflow.language.source import ListNode, MapNode, Node, TextNode, read

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def seen_by_an_editor(file: Path) -> Any:
    """None where the file is no YAML."""
    document = read(file.name, file.read_bytes())
    return value_of(document.root) if document.root and not document.report.problems else None


def value_of(node: Node) -> Any:
    match node:
        case MapNode():
            return {key.value: value_of(value) for key, value in node.entries}
        case ListNode():
            return [value_of(item) for item in node.items]
        case TextNode():
            return _typed(node.value) if node.plain else node.value


def _typed(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
