"""Reading `tracking`: what is counted about readers, and what is added to the links of messages."""

import re

from journeyflow.language import values
from journeyflow.language.fields import Fields, as_map
from journeyflow.language.problems import Report, nearest, quoted
from journeyflow.language.source import MapNode, Node
from journeyflow.policy import Tracking

UTM_KEYS = ("source", "medium", "campaign", "term", "content", "id")
UTM_WORDS = ("journey", "template", "channel", "step")  # what stands for something in their values

_BRACES = re.compile(r"\{([^{}]*)\}|([{}])")


def tracking(node: Node, report: Report) -> Tracking:
    keys = as_map(node, '"tracking"', report)
    if keys is None:
        return Tracking()
    fields = Fields(keys, ("clicks", "opens", "utm"), '"tracking"', report)
    return Tracking(_on(fields, "clicks", report), _on(fields, "opens", report), _utm(fields, report))


def unknown_word(text: str) -> str | None:
    """What is wrong with the braces in a value, as the end of a sentence; None: nothing."""
    for match in _BRACES.finditer(text):
        word = match[1]
        if word not in UTM_WORDS:
            there = ", ".join(f"{{{one}}}" for one in UTM_WORDS)
            if word is None:
                return f'has a "{match[2]}" by itself; write one of {there}, or take it out'
            close = nearest(word, UTM_WORDS)
            guess = f'did you mean "{{{close}}}"?' if close else f"there are {there}"
            return f'has an unknown "{{{word}}}"; {guess}'
    return None


def _on(fields: Fields, key: str, report: Report) -> bool:
    node = fields.get(key)
    return node is None or values.boolean(node, f'"{key}"', report) is not False


def _utm(fields: Fields, report: Report) -> dict[str, str]:
    node = fields.get("utm")
    keys = as_map(node, '"utm"', report) if node else None
    if keys is None:
        return {}
    inner = Fields(keys, UTM_KEYS, '"utm"', report)
    found = {}
    for key in UTM_KEYS:
        value = inner.get(key)
        if isinstance(value, MapNode):
            message = (
                f'"{key}" is a set of keys, as braces make one; put quotes round it, as in "{{journey}}"'
            )
            report.add(value.mark, "JF104", message)
            continue
        word = values.phrase(value, f'"{key}"', report) if value else None
        if word and (fault := unknown_word(word.value)):
            report.add(word.mark, "JF106", f'"{key}" is {quoted(word.value)} and {fault}')
        elif word:
            found[key] = word.value
    return found
