"""Reading `enter`: what brings a customer in, which customers, and how often."""

from dataclasses import dataclass
from typing import Literal

from journeyflow.language import durations, values
from journeyflow.language.conditions import condition, event_pattern
from journeyflow.language.definition import (
    Condition,
    DateEntry,
    Entry,
    EventEntry,
    ManualEntry,
    ScheduleEntry,
    SegmentEntry,
)
from journeyflow.language.fields import Fields, as_map, as_text
from journeyflow.language.problems import Mark, Report, either, quoted
from journeyflow.language.source import Node

_KINDS = ("event", "date", "segment", "schedule", "manual")
_LONGEST_SPREAD = 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Entrance:
    entry: Entry
    when: Condition | None
    again: int | None  # None: never; 0: always; else seconds
    spread: int  # seconds


def entrance(node: Node, report: Report) -> Entrance | None:
    keys = as_map(node, '"enter"', report)
    if keys is None:
        return None
    fields = Fields(keys, (*_KINDS, "where", "when", "again", "spread"), '"enter"', report)
    entry, asked = _entry(fields, report), fields.get("when")
    when = condition(asked, '"when"', report) if asked else None
    again = _again(fields, entry, report)
    spread = _spread(fields, entry, report)
    return Entrance(entry, when, again, spread) if entry else None


def _entry(fields: Fields, report: Report) -> Entry | None:
    kinds = [kind for kind in _KINDS if fields.get(kind) is not None]
    if not kinds and not fields.unknown:
        message = f'"enter" does not say what brings customers in; write {either(_KINDS)}'
        report.add(fields.mark, "JF105", message)
    for extra in kinds[1:]:
        message = f'"{kinds[0]}" and "{extra}" stand in one "enter"; keep one of them'
        report.add(fields.key(extra), "JF105", message)
    if kinds and kinds[0] != "event":
        message = '"where" asks about an event and there is none; ask about the customer with "when"'
        fields.refuse("where", "JF105", message)
    return _entry_of(kinds[0], fields, report) if kinds else None


def _entry_of(kind: str, fields: Fields, report: Report) -> Entry | None:
    mark, node = fields.key(kind), fields.get(kind)
    if node is None:
        return None
    match kind:
        case "event":
            pattern = event_pattern(fields, report)
            return EventEntry(mark, pattern) if pattern else None
        case "date":
            return _date(node, report)
        case "segment":
            segment = values.name(node, "the segment", report)
            return SegmentEntry(mark, segment) if segment else None
        case "manual":
            return _manual(node, mark, report)
        case _:
            cron = values.cron(node, '"schedule"', report)
            return ScheduleEntry(mark, cron) if cron else None


def _manual(node: Node, mark: Mark, report: Report) -> Entry:
    if values.boolean(node, '"manual"', report) is False:
        message = '"manual" is false, so nobody could ever enter; write true or another way to enter'
        report.add(node.mark, "JF106", message)
    return ManualEntry(mark)


def _date(node: Node, report: Report) -> Entry | None:
    keys = as_map(node, '"date"', report)
    if keys is None:
        return None
    fields = Fields(keys, ("attribute", "at", "offset", "yearly", "leap_day"), '"date"', report)
    named, at = fields.need("attribute", "birthday"), fields.need("at", '"09:00"')
    attribute = values.phrase(named, "the attribute", report) if named else None
    clock = values.clock(at, '"at"', report) if at else None
    offset, yearly = fields.get("offset"), fields.get("yearly")
    days = values.day_offset(offset, '"offset"', report) if offset else None
    every_year = values.boolean(yearly, '"yearly"', report) if yearly else None
    leap_day = _leap_day(fields, report)
    if attribute is None or clock is None:
        return None
    return DateEntry(keys.mark, attribute, clock, days or 0, bool(every_year), leap_day)


def _leap_day(fields: Fields, report: Report) -> Literal["feb-28", "mar-01"]:
    node = fields.get("leap_day")
    word = values.one_of(node, ("feb-28", "mar-01"), '"leap_day"', report) if node else None
    return "mar-01" if word == "mar-01" else "feb-28"


def _again(fields: Fields, entry: Entry | None, report: Report) -> int | None:
    node = fields.get("again")
    text = as_text(node, '"again"', report) if node else None
    if text is None:
        comes_back = isinstance(entry, ScheduleEntry) or (isinstance(entry, DateEntry) and entry.yearly)
        return 0 if comes_back else None
    if text.value in ("never", "always"):
        return 0 if text.value == "always" else None
    if not text.value.startswith("after "):
        way_out = 'write never, always or "after 30 days"'
        report.add(text.mark, "JF106", f'"again" is {quoted(text.value)}; {way_out}')
        return None
    length = text.value.removeprefix("after ")
    try:
        return durations.seconds(length)
    except durations.DurationError as error:
        report.add(text.mark, "JF107", f'"again" is after {quoted(length)}: {error}')
        return None


def _spread(fields: Fields, entry: Entry | None, report: Report) -> int:
    if isinstance(entry, EventEntry | ManualEntry):
        message = '"spread" is for those who come in together, and here each comes alone; delete it'
        fields.refuse("spread", "JF105", message)
    node = fields.get("spread")
    seconds = values.duration(node, '"spread"', report) if node else None
    if node and seconds is not None and seconds > _LONGEST_SPREAD:
        message = f'"spread" is more than {_LONGEST_SPREAD // 3_600} hours; write a shorter time or delete it'
        report.add(node.mark, "JF107", message)
    return seconds or 0
