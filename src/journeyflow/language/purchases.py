"""Reading `purchases`: which event is one, and which of its properties says what was paid."""

from journeyflow.language import values
from journeyflow.language.fields import Fields, as_map
from journeyflow.language.problems import Report
from journeyflow.language.source import Node
from journeyflow.policy import Purchases


def purchases(node: Node, report: Report) -> Purchases | None:
    keys = as_map(node, '"purchases"', report)
    if keys is None:
        return None
    fields = Fields(keys, ("event", "value"), '"purchases"', report)
    named, paid = fields.need("event", "order.completed"), fields.need("value", "total")
    event = values.event(named, report) if named else None
    value = values.phrase(paid, "the property", report) if paid else None
    return Purchases(event.value, value.value) if event and value else None
