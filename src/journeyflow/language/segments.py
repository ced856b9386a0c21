"""Reading journeys/segments.yaml: name -> condition."""

from journeyflow.language import values
from journeyflow.language.conditions import condition
from journeyflow.language.definition import AllOf, Segment
from journeyflow.language.fields import as_map
from journeyflow.language.source import Document


def parse_segments(document: Document) -> dict[str, Segment] | None:
    """Every name that is defined, also with a faulty condition; None if the file cannot be read at all."""
    report = document.report
    root = as_map(document.root, "the file", report) if document.root else None
    if root is None:
        return None
    found: dict[str, Segment] = {}
    for key, node in root.entries:
        name = values.name(key, "the segment", report)
        asked = condition(node, f'the segment "{name.value}"' if name else "the segment", report)
        if name:
            found[name.value] = Segment(name, asked or AllOf(name.mark, ()))
    return found
