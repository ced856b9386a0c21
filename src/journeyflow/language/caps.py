"""Reading `caps`: at most so many messages in a time."""

from typing import get_args

from journeyflow.language import values
from journeyflow.language.definition import Word
from journeyflow.language.fields import Fields, as_list, as_map, as_text
from journeyflow.language.problems import Report, quoted
from journeyflow.language.scopes import KEYS, Known, scope
from journeyflow.language.source import Node, TextNode
from journeyflow.policy import Calendar, Cap

CALENDARS: tuple[Calendar, ...] = get_args(Calendar)


def caps(node: Node, known: Known, report: Report) -> tuple[tuple[Cap, ...], tuple[Word, ...]]:
    """The caps, and the journeys that they name."""
    items = as_list(node, '"caps"', report)
    found = [_cap(item, known, report) for item in (items.items if items else ())]
    return (
        tuple(cap for cap, _ in found if cap),
        tuple(journey for _, journey in found if journey),
    )


def _cap(node: Node, known: Known, report: Report) -> tuple[Cap | None, Word | None]:
    keys = as_map(node, "a cap", report)
    if keys is None:
        return None, None
    fields = Fields(keys, (*KEYS, "at_most", "per"), "a cap", report)
    most, per = fields.need("at_most", "1"), fields.need("per", "1 day")
    number = _at_most(most, report) if most else None
    named = fields.get("category")
    if isinstance(named, TextNode) and named.value in known.exempt:
        message = f"{quoted(named.value)} is exempt from caps, so this cap never counts; delete it"
        report.add(fields.key("category"), "JF133", message)
    window = _window(per, report) if per else None
    which = scope(fields, known, report)
    if number is None or window is None:
        return None, which.journey
    journey = which.journey.value if which.journey else None
    return (
        Cap(number, window, which.channel, which.category, which.topic, journey, which.country),
        which.journey,
    )


def _at_most(node: Node, report: Report) -> int | None:
    text = as_text(node, '"at_most"', report)
    if text is not None and text.plain and text.value == "0":
        message = 'a cap of 0 would stop every message; delete the journeys, or write "at_most: 1"'
        report.add(node.mark, "JF110", message)
        return None
    return values.whole(node, '"at_most"', 1, 1_000_000, report) if text else None


def _window(node: Node, report: Report) -> int | Calendar | None:
    """A duration, or `calendar day`: from one midnight to the next where the customer lives."""
    text = as_text(node, '"per"', report)
    if text is None:
        return None
    words = text.value.split()
    if words[:1] != ["calendar"]:
        return values.duration(node, '"per"', report)
    if len(words) == 2 and words[1] in CALENDARS:
        return words[1]
    message = f'"per" is {quoted(text.value)}; write "calendar day", "calendar week" or "calendar month"'
    report.add(node.mark, "JF107", message)
    return None
