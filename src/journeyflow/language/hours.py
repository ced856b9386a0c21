"""Reading `quiet_hours` and `send_windows`."""

from journeyflow.language import values
from journeyflow.language.fields import Fields, as_list, as_map, as_text
from journeyflow.language.problems import Report, quoted
from journeyflow.language.scopes import Known, scope
from journeyflow.language.source import Node
from journeyflow.policy import QuietHours

HOLIDAYS = "holidays"
_KEYS = ("channel", "category", "country", "days", "from", "to")


def hours(node: Node, key: str, known: Known, report: Report) -> tuple[QuietHours, ...]:
    items = as_list(node, f'"{key}"', report)
    read = (_rule(item, f'a rule of "{key}"', known, report) for item in (items.items if items else ()))
    return tuple(rule for rule in read if rule)


def _rule(node: Node, what: str, known: Known, report: Report) -> QuietHours | None:
    keys = as_map(node, what, report)
    if keys is None:
        return None
    fields = Fields(keys, _KEYS, what, report)
    which = scope(fields, known, report)
    days, holidays = _days(fields.get("days"), report)
    if holidays and which.country is None and fields.get("country") is None:
        message = 'which days are holidays depends on the country; add one, for example "country: FR"'
        report.add(fields.key("days"), "JF102", message)
    clocks = _clocks(fields, fields.get("days") is not None, report)
    if clocks is None:
        return None
    return QuietHours(*clocks, which.channel, which.category, which.country, days, holidays)


def _days(node: Node | None, report: Report) -> tuple[tuple[int, ...], bool]:
    """Weekdays, and whether public holidays count."""
    items = as_list(node, '"days"', report) if node else None
    if node is None or items is None:
        return (), False
    names = [as_text(item, "a day", report) for item in items.items]
    with_holidays = any(name is not None and name.value == HOLIDAYS for name in names)
    others = [
        item
        for item, name in zip(items.items, names, strict=True)
        if name is not None and name.value != HOLIDAYS
    ]
    if with_holidays and not others:
        return (), True
    return values.weekdays_of(others, items.mark, '"days"', report), with_holidays


def _clocks(fields: Fields, has_days: bool, report: Report) -> tuple[str, str] | None:
    """Without `from` and `to` it is the whole day, as long as the days are named."""
    if has_days and fields.get("from") is None and fields.get("to") is None:
        return "00:00", "24:00"
    begin, finish = fields.need("from", '"21:00"'), fields.need("to", '"08:00"')
    start = values.clock(begin, '"from"', report) if begin else None
    end = values.clock(finish, '"to"', report) if finish else None
    if start is None or end is None:
        return None
    if start == end:
        message = f"from {quoted(start)} to {quoted(end)} is no time at all; write two different times"
        report.add(fields.key("to"), "JF108", message)
    return start, end
