"""Reading conditions, and the tests on properties that events and conditions share."""

from typing import get_args

from journeyflow.conditions import Operator, Scalar, Was
from journeyflow.language import values
from journeyflow.language.definition import (
    AllOf,
    AnyOf,
    AttributeCondition,
    Comparison,
    Condition,
    ConsentCondition,
    EventCondition,
    EventPattern,
    EventPick,
    MessageCondition,
    NotThis,
    RfmCondition,
    SegmentCondition,
    TriggerCondition,
    Word,
)
from journeyflow.language.fields import Fields, as_list, as_map, describe
from journeyflow.language.problems import Mark, Report, either, instead, quoted
from journeyflow.language.rfm import rfm_tests
from journeyflow.language.source import ListNode, MapNode, Node, TextNode

OPERATORS: tuple[Operator, ...] = get_args(Operator)
WAS: tuple[Was, ...] = get_args(Was)
_NUMERIC: tuple[Operator, ...] = ("is", "is_not", "at_least", "at_most", "more_than", "less_than")
_KEYS: dict[str, tuple[str, ...]] = {
    "all": (),
    "any": (),
    "not": (),
    "attribute": OPERATORS,
    "event": ("within", "since", "where", "count", "sum", "first", "most_recent"),
    "segment": (),
    "consent": (),
    "message": (),
    "rfm": (),
    "trigger": (),
}


def condition(node: Node, what: str, report: Report) -> Condition | None:
    if isinstance(node, ListNode):
        report.add(
            node.mark, "JF104", f'{what} is a list; put it under "all" or "any" to make one condition of it'
        )
        return None
    fields = as_map(node, what, report)
    kind = _kind(fields, what, report) if fields else None
    if fields is None or kind is None:
        return None
    return _read(kind, Fields(fields, (kind, *_KEYS[kind]), f'the condition "{kind}"', report), report)


def event_pattern(fields: Fields, report: Report) -> EventPattern | None:
    """From the keys `event` and `where`."""
    where = where_tests(fields, report)
    node = fields.need("event", "order.completed")
    event = values.event(node, report) if node else None
    return EventPattern(event, where) if event else None


def where_tests(fields: Fields, report: Report) -> tuple[Comparison, ...]:
    node = fields.get("where")
    return property_tests(node, '"where"', report) if node else ()


def property_tests(node: Node, what: str, report: Report) -> tuple[Comparison, ...]:
    """`{total: {at_least: 100}, colour: {is: red}}`"""
    properties = as_map(node, what, report)
    if properties is None:
        return ()
    if not properties.entries:
        report.add(node.mark, "JF119", f"{what} is empty; name a property, or leave it out")
    return tuple(
        test
        for name, value in properties.entries
        if values.phrase(name, "the property", report)
        for test in _tests_of(name, value, OPERATORS, report)
    )


def _kind(node: MapNode, what: str, report: Report) -> str | None:
    keys = {key.value: key for key, _ in node.entries}
    kinds = [key for name, key in keys.items() if name in _KEYS]
    if len(kinds) == 1:
        return kinds[0].value
    if kinds:
        names = " and ".join(quoted(key.value) for key in kinds)
        report.add(kinds[1].mark, "JF105", f'{names} stand in one condition; put both under "all" or "any"')
    elif keys:
        first = next(iter(keys.values()))
        message = f"no condition is called {quoted(first.value)}; {instead(first.value, tuple(_KEYS))}"
        report.add(first.mark, "JF112", message)
    else:
        report.add(node.mark, "JF112", f"{what} is empty; write a condition: {either(tuple(_KEYS))}")
    return None


def _read(kind: str, fields: Fields, report: Report) -> Condition | None:
    node = fields.get(kind)
    if node is None:
        return None
    match kind:
        case "all" | "any":
            return _several(kind, node, fields.mark, report)
        case "not":
            inner = condition(node, '"not"', report)
            return NotThis(fields.mark, inner) if inner else None
        case "attribute":
            return _attribute(node, fields, report)
        case "event":
            return _event(fields, report)
        case "segment":
            segment = values.name(node, "the segment", report)
            return SegmentCondition(fields.mark, segment) if segment else None
        case "consent":
            return _consent(node, fields.mark, report)
        case "message":
            return _message(node, fields.mark, report)
        case "rfm":
            return RfmCondition(fields.mark, rfm_tests(node, report))
        case _:
            return TriggerCondition(fields.mark, property_tests(node, '"trigger"', report))


def _several(kind: str, node: Node, mark: Mark, report: Report) -> Condition | None:
    items = as_list(node, f'"{kind}"', report)
    if items is None:
        return None
    if not items.items:
        report.add(
            items.mark, "JF119", f'"{kind}" is an empty list; write conditions into it or leave it out'
        )
    read = (condition(item, f'a condition under "{kind}"', report) for item in items.items)
    of = tuple(found for found in read if found)
    return AllOf(mark, of) if kind == "all" else AnyOf(mark, of)


def _attribute(node: Node, fields: Fields, report: Report) -> Condition | None:
    name = values.phrase(node, "the attribute", report)
    given = [op for op in OPERATORS if fields.get(op) is not None]
    if not given and not fields.unknown:
        message = (
            'the condition "attribute" compares with nothing; add a comparison, for example "exists: true"'
        )
        report.add(fields.mark, "JF102", message)
    tests = [_comparison(name.value if name else "", op, fields, OPERATORS, report) for op in given]
    return AttributeCondition(fields.mark, name, tuple(filter(None, tests))) if name else None


def _event(fields: Fields, report: Report) -> Condition | None:
    pattern = event_pattern(fields, report)
    within, since, count = fields.get("within"), fields.get("since"), fields.get("count")
    if since:
        values.one_of(since, ("entry",), '"since"', report)
    seconds = values.duration(within, '"within"', report) if within else None
    counts = _tests_of(TextNode("count", True, count.mark), count, _NUMERIC, report) if count else ()
    sums = _sum(fields, report)
    first, most_recent = _pick("first", fields, report), _pick("most_recent", fields, report)
    if pattern is None:
        return None
    return EventCondition(fields.mark, pattern, seconds, since is not None, counts, sums, first, most_recent)


def _pick(name: str, fields: Fields, report: Report) -> EventPick | None:
    """`{within: 30 days, where: {total: {at_least: 100}}}`"""
    node = fields.get(name)
    keys = as_map(node, f'"{name}"', report) if node else None
    if keys is None:
        return None
    inner = Fields(keys, ("within", "where"), f'"{name}"', report)
    within = inner.get("within")
    if within is None and inner.get("where") is None and not inner.unknown:
        message = f'"{name}" asks nothing; add "within" or "where", for example "within: 30 days"'
        report.add(keys.mark, "JF102", message)
    seconds = values.duration(within, '"within"', report) if within else None
    return EventPick(keys.mark, seconds, where_tests(inner, report))


def _sum(fields: Fields, report: Report) -> tuple[Comparison, ...]:
    node = fields.get("sum")
    keys = as_map(node, '"sum"', report) if node else None
    if keys is None:
        return ()
    inner = Fields(keys, ("property", *_NUMERIC), '"sum"', report)
    added = inner.need("property", "total")
    name = values.phrase(added, "the property", report) if added else None
    given = [op for op in _NUMERIC if inner.get(op) is not None]
    if not given and not inner.unknown:
        report.add(
            keys.mark, "JF102", '"sum" compares with nothing; add a comparison, for example "at_least: 500"'
        )
    tests = (_comparison(name.value if name else "", op, inner, _NUMERIC, report) for op in given)
    return tuple(filter(None, tests))


def _consent(node: Node, mark: Mark, report: Report) -> Condition | None:
    if not isinstance(node, MapNode):
        channel = values.name(node, "the channel", report)
        return ConsentCondition(mark, channel) if channel else None
    fields = Fields(node, ("channel", "topic"), '"consent"', report)
    named, topic = fields.need("channel", "email"), fields.get("topic")
    channel = values.name(named, "the channel", report) if named else None
    word: Word | None = values.phrase(topic, "the topic", report) if topic else None
    return ConsentCondition(mark, channel, word) if channel else None


def _message(node: Node, mark: Mark, report: Report) -> Condition | None:
    keys = as_map(node, '"message"', report)
    if keys is None:
        return None
    fields = Fields(keys, ("template", "was", "channel", "within"), '"message"', report)
    named, asked = fields.need("template", "welcome"), fields.need("was", "opened")
    on, period = fields.get("channel"), fields.get("within")
    template = values.name(named, "the template", report) if named else None
    said = values.one_of(asked, WAS, '"was"', report) if asked else None
    was = next((word for word in WAS if word == said), None)
    channel = values.name(on, "the channel", report) if on else None
    within = values.duration(period, '"within"', report) if period else None
    return MessageCondition(mark, template, was, channel, within) if template and was else None


def _tests_of(
    name: TextNode, node: Node, allowed: tuple[Operator, ...], report: Report
) -> tuple[Comparison, ...]:
    """`{at_least: 2, less_than: 5}`"""
    what = f"the test on {quoted(name.value)}"
    if not isinstance(node, MapNode):
        way_out = 'write a comparison, for example "{is: ...}"'
        report.add(node.mark, "JF104", f"{what} is {describe(node)}; {way_out}")
        return ()
    fields = Fields(node, allowed, what, report)
    if not node.entries:
        report.add(
            node.mark, "JF102", f'{what} compares with nothing; add a comparison, for example "at_least: 1"'
        )
    tests = (_comparison(name.value, op, fields, allowed, report) for op in allowed if fields.get(op))
    return tuple(filter(None, tests))


def _comparison(
    name: str, op: Operator, fields: Fields, allowed: tuple[Operator, ...], report: Report
) -> Comparison | None:
    node = fields.get(op)
    if node is None:
        return None
    only_numbers = allowed is _NUMERIC
    value = _operand(op, node, only_numbers, report)
    return None if value is None else Comparison(name, op, value, fields.key(op))


def _operand(
    op: Operator, node: Node, only_numbers: bool, report: Report
) -> Scalar | tuple[Scalar, ...] | None:
    what = f'"{op}"'
    if only_numbers:
        return values.number(node, what, report)
    match op:
        case "in" | "not_in":
            return _members(node, what, report)
        case "at_least" | "at_most" | "more_than" | "less_than":
            return _bound(node, what, report)
        case "exists":
            return values.boolean(node, what, report)
        case "before" | "after":
            return values.moment(node, what, report)
        case "is" | "is_not" | "contains":
            return _equal(op, node, what, report)


def _members(node: Node, what: str, report: Report) -> tuple[Scalar, ...] | None:
    items = as_list(node, what, report)
    if items is None:
        return None
    if not items.items:
        report.add(items.mark, "JF119", f"{what} is an empty list; write the values that are meant")
        return None
    found = (values.kept(item, f"a value of {what}", report) for item in items.items)
    return tuple(value for value in found if value is not None)


def _bound(node: Node, what: str, report: Report) -> Scalar | None:
    found = values.scalar(node, what, report)
    if found is None or (isinstance(found, int | float) and not isinstance(found, bool)):
        return found
    way_out = "write a number without quotes, or use before or after for dates"
    message = f"{what} compares numbers and finds {describe(node)}; {way_out}"
    report.add(node.mark, "JF113", message)
    return None


def _equal(op: Operator, node: Node, what: str, report: Report) -> Scalar | None:
    if isinstance(node, ListNode) and op != "contains":
        better = "in" if op == "is" else "not_in"
        report.add(node.mark, "JF113", f'{what} takes one value and finds a list; use "{better}" for several')
        return None
    if values.is_nothing(node):
        report.add(
            node.mark, "JF113", f'{what} takes a value and finds nothing; use "exists: false" for that'
        )
        return None
    return values.kept(node, what, report)
