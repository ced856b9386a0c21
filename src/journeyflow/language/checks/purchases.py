"""Whatever goes by purchases needs to know what one is; the names of ready-made segments are taken."""

from collections.abc import Mapping

from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.definition import Condition, Journey, RfmCondition, Segment
from journeyflow.language.problems import Mark, Report, quoted
from journeyflow.language.walk import all_conditions, conditions_inside
from journeyflow.policy import Policy
from journeyflow.rfm import READY_MADE


def check(journey: Journey, around: Surroundings, report: Report) -> None:
    entry = (journey.when,) if journey.when else ()
    for condition in (*entry, *conditions_inside(journey)):
        _check_condition(condition, around.policy, report)


def check_segments(own: Mapping[str, Segment], policy: Policy | None, report: Report) -> None:
    """`own`: without the ready-made ones."""
    for name, segment in own.items():
        _check_condition(segment.condition, policy, report)
        if name in READY_MADE:
            message = (
                f"the segment {quoted(name)} is a ready-made one, of customers by their purchases; "
                "give yours another name"
            )
            report.add(segment.name.mark, "JF217", message)


def refuse(mark: Mark, what: str, report: Report) -> None:
    way_out = 'add "purchases: {event: order.completed, value: total}" to journeys/policy.yaml'
    message = f"{what} goes by purchases, and the policy does not say what a purchase is; {way_out}"
    report.add(mark, "JF216", message)


def _check_condition(condition: Condition, policy: Policy | None, report: Report) -> None:
    if policy is None or policy.purchases is not None:
        return
    for found in all_conditions(condition):
        if isinstance(found, RfmCondition):
            refuse(found.mark, 'the condition "rfm"', report)
