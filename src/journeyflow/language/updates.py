"""Reading `update`: values that are set, added up, put into lists, or forgotten."""

from typing import Literal, get_args

from journeyflow.conditions import Scalar
from journeyflow.language import values
from journeyflow.language.definition import AttributeChange, Step, UpdateStep, Word
from journeyflow.language.fields import Fields, as_map
from journeyflow.language.problems import Mark, Report, quoted
from journeyflow.language.source import MapNode, Node, TextNode

_Way = Literal["add", "append", "remove"]
_WAYS: tuple[_Way, ...] = get_args(_Way)
_TEXTS = ("email", "phone", "timezone", "locale", "country")


def update(node: Node, path: str, mark: Mark, report: Report) -> Step | None:
    keys = as_map(node, '"update"', report)
    if keys is None:
        return None
    if not keys.entries:
        report.add(node.mark, "JF119", '"update" is empty; write "attribute: value"')
    changes = (_change(key, value, report) for key, value in keys.entries)
    return UpdateStep(path, mark, tuple(change for change in changes if change))


def _change(key: TextNode, node: Node, report: Report) -> AttributeChange | None:
    attribute = values.phrase(key, "the attribute", report)
    if attribute is None:
        return None
    if values.is_nothing(node):
        return AttributeChange(attribute, "set", None)
    if isinstance(node, MapNode):
        return _changed(attribute, node, report)
    value = _value(attribute.value, node, report)
    return None if value is None else AttributeChange(attribute, "set", value)


def _value(attribute: str, node: Node, report: Report) -> Scalar | None:
    """Some attributes are what messages go by, so they must be right."""
    what = f"the new {quoted(attribute)}"
    match attribute:
        case "email":
            return values.email(node, what, report)
        case "phone":
            return values.phone(node, what, report)
        case "timezone":
            return values.zone(node, report)
        case "locale":
            return values.locale(node, what, report)
        case "country":
            return values.country(node, what, report)
        case _:
            return values.kept(node, what, report)


def _changed(attribute: Word, node: MapNode, report: Report) -> AttributeChange | None:
    """`{add: 10}`, `{append: vip}` or `{remove: vip}`"""
    what = f"the new {quoted(attribute.value)}"
    if attribute.value in _TEXTS:
        message = (
            f"{quoted(attribute.value)} is a text, which can be replaced or forgotten; write the new one"
        )
        report.add(node.mark, "JF129", message)
        return None
    fields = Fields(node, _WAYS, what, report)
    given = [way for way in _WAYS if fields.get(way) is not None]
    for extra in given[1:]:
        message = f'"{given[0]}" and "{extra}" stand in one change; make two updates of it'
        report.add(fields.key(extra), "JF105", message)
    if not given and not fields.unknown:
        report.add(
            node.mark, "JF105", f'{what} says nothing; write "add: 10", "append: vip" or "remove: vip"'
        )
    return _way(attribute, given[0], fields, report) if given else None


def _way(attribute: Word, way: _Way, fields: Fields, report: Report) -> AttributeChange | None:
    node = fields.get(way)
    read = values.number if way == "add" else values.kept
    value = read(node, f'"{way}"', report) if node else None
    return None if value is None else AttributeChange(attribute, way, value)
