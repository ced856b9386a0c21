"""Reading `update`: values that are set, added up, put into lists, or forgotten."""

from typing import Literal, get_args

from journeyflow.language import values
from journeyflow.language.definition import AttributeChange, Step, UpdateStep, Word
from journeyflow.language.fields import Fields, as_map
from journeyflow.language.problems import Mark, Report, quoted
from journeyflow.language.source import MapNode, Node, TextNode

_Way = Literal["add", "append", "remove"]
_WAYS: tuple[_Way, ...] = get_args(_Way)


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
    value = values.scalar(node, f"the new {quoted(key.value)}", report)
    return None if value is None else AttributeChange(attribute, "set", value)


def _changed(attribute: Word, node: MapNode, report: Report) -> AttributeChange | None:
    """`{add: 10}`, `{append: vip}` or `{remove: vip}`"""
    what = f"the new {quoted(attribute.value)}"
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
    read = values.number if way == "add" else values.scalar
    value = read(node, f'"{way}"', report) if node else None
    return None if value is None else AttributeChange(attribute, way, value)
