"""Reading conditions on what a customer's purchases amount to, and the segments that go by their classes."""

from collections.abc import Iterator

from journeyflow.conditions import Operator, Scalar
from journeyflow.language import values
from journeyflow.language.definition import Comparison, RfmCondition, Segment, Word
from journeyflow.language.fields import Fields, as_list, as_map, describe
from journeyflow.language.problems import Mark, Report
from journeyflow.language.source import MapNode, Node
from journeyflow.policy import Policy
from journeyflow.rfm import QUINTILES, RANKED, READY_MADE

_OF_CLASS: tuple[Operator, ...] = ("is", "is_not", "in", "not_in")
_OF_QUINTILE: tuple[Operator, ...] = ("is", "is_not", "at_least", "at_most", "more_than", "less_than")
_NOWHERE = Mark(1, 1)


def rfm_tests(node: Node, report: Report) -> tuple[Comparison, ...]:
    """`{class: {in: [loyal, champion]}, monetary: {at_least: 4}}`"""
    keys = as_map(node, '"rfm"', report)
    if keys is None:
        return ()
    fields = Fields(keys, ("class", *QUINTILES), '"rfm"', report)
    if not keys.entries:
        report.add(keys.mark, "JF119", '"rfm" is empty; write a test, for example "class: {is: loyal}"')
    given = ((name, fields.get(name)) for name in ("class", *QUINTILES))
    return tuple(test for name, found in given if found for test in _tests(name, found, report))


def ready_made(policy: Policy | None) -> dict[str, Segment]:
    """Segments that are there without being defined; none if the policy does not say what a purchase is."""
    if policy is not None and policy.purchases is None:
        return {}
    return {name: Segment(Word(name, _NOWHERE), _is(READY_MADE[name])) for name in READY_MADE}


def _is(name: str) -> RfmCondition:
    return RfmCondition(_NOWHERE, (Comparison("class", "is", name, _NOWHERE),))


def _tests(name: str, node: Node, report: Report) -> Iterator[Comparison]:
    operators, example = (_OF_CLASS, "is: loyal") if name == "class" else (_OF_QUINTILE, "at_least: 4")
    what = f'the test on "{name}"'
    if not isinstance(node, MapNode):
        way_out = f'write a comparison, for example "{{{example}}}"'
        report.add(node.mark, "JF104", f"{what} is {describe(node)}; {way_out}")
        return
    fields = Fields(node, operators, what, report)
    if not node.entries:
        message = f'{what} compares with nothing; add a comparison, for example "{example}"'
        report.add(node.mark, "JF102", message)
    for op in operators:
        found = fields.get(op)
        value = _value(name, op, found, report) if found else None
        if value is not None:
            yield Comparison(name, op, value, fields.key(op))


def _value(name: str, op: Operator, node: Node, report: Report) -> Scalar | tuple[Scalar, ...] | None:
    what = f'"{op}"'
    if name != "class":
        return values.whole(node, what, 1, 5, report)
    if op in ("is", "is_not"):
        return values.one_of(node, RANKED, what, report)
    return _classes(node, what, report)


def _classes(node: Node, what: str, report: Report) -> tuple[str, ...] | None:
    items = as_list(node, what, report)
    if items is None:
        return None
    if not items.items:
        report.add(items.mark, "JF119", f"{what} is an empty list; write the classes that are meant")
    found = (values.one_of(item, RANKED, f"a class of {what}", report) for item in items.items)
    return tuple(filter(None, found)) or None
