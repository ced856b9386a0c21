"""Reading `wait`: a duration, a time of day, the date in an attribute, or the customer's best time."""

from journeyflow.language import values
from journeyflow.language.definition import Step, WaitBestTimeStep, WaitStep, WaitUntilDateStep, WaitUntilStep
from journeyflow.language.durations import UNITS, in_words
from journeyflow.language.fields import Fields, as_map
from journeyflow.language.problems import Mark, Report
from journeyflow.language.source import MapNode, Node

AT, WITHIN = "10:00", 24 * UNITS["hour"]  # of the best time, where nothing else is said
_LEAST, _MOST = 2 * UNITS["hour"], 48 * UNITS["hour"]


def wait(node: Node, path: str, mark: Mark, report: Report) -> Step | None:
    if not isinstance(node, MapNode):
        seconds = values.duration(node, '"wait"', report)
        return WaitStep(path, mark, seconds) if seconds else None
    fields = Fields(node, ("until", "days", "best_time"), '"wait"', report)
    best = fields.get("best_time")
    if best:
        for key in ("until", "days"):
            message = f'"{key}" and "best_time" stand in one wait; make two steps of it, or delete one'
            fields.refuse(key, "JF105", message)
        return _best_time(best, path, mark, report)
    until, days = fields.need("until", '"10:00"'), fields.get("days")
    if isinstance(until, MapNode):
        message = '"days" goes with a time of day, and a date has its own day; delete it'
        fields.refuse("days", "JF105", message)
        return _until_date(until, path, mark, report)
    weekdays = values.weekdays(days, '"days"', report) if days else ()
    at = values.clock(until, '"until"', report) if until else None
    return WaitUntilStep(path, mark, at, weekdays) if at else None


def _until_date(node: MapNode, path: str, mark: Mark, report: Report) -> Step | None:
    fields = Fields(node, ("attribute", "offset", "at"), '"until"', report)
    named, at = fields.need("attribute", "renewal_date"), fields.need("at", '"09:00"')
    attribute = values.phrase(named, "the attribute", report) if named else None
    clock = values.clock(at, '"at"', report) if at else None
    offset = fields.get("offset")
    days = values.day_offset(offset, '"offset"', report) if offset else None
    return WaitUntilDateStep(path, mark, attribute, clock, days or 0) if attribute and clock else None


def _best_time(node: Node, path: str, mark: Mark, report: Report) -> Step | None:
    keys = as_map(node, '"best_time"', report)
    if keys is None:
        return None
    fields = Fields(keys, ("events", "within", "otherwise"), '"best_time"', report)
    named, length, clock = (
        fields.need("events", "[email.clicked]"),
        fields.get("within"),
        fields.get("otherwise"),
    )
    way_out = "name what customers do when they have time"
    events = values.events(named, '"events"', way_out, report) if named else ()
    within = _within(length, report) if length else WITHIN
    at = values.clock(clock, '"otherwise"', report) if clock else AT
    return WaitBestTimeStep(path, mark, events, within, at) if events and within and at else None


def _within(node: Node, report: Report) -> int | None:
    seconds = values.duration(node, '"within"', report)
    if seconds is None or _LEAST <= seconds <= _MOST:
        return seconds
    message = f'"within" is {in_words(seconds)}; write {in_words(_LEAST)} to {in_words(_MOST)}'
    report.add(node.mark, "JF107", message)
    return None
