"""Reading `wait`: a duration, a time of day, or the date in an attribute."""

from journeyflow.language import values
from journeyflow.language.definition import Step, WaitStep, WaitUntilDateStep, WaitUntilStep
from journeyflow.language.fields import Fields
from journeyflow.language.problems import Mark, Report
from journeyflow.language.source import MapNode, Node


def wait(node: Node, path: str, mark: Mark, report: Report) -> Step | None:
    if not isinstance(node, MapNode):
        seconds = values.duration(node, '"wait"', report)
        return WaitStep(path, mark, seconds) if seconds else None
    fields = Fields(node, ("until", "days"), '"wait"', report)
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
