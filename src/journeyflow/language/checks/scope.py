"""What can be looked back to where: the entry and its event exist only inside a journey."""

from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.definition import Condition, EventCondition, EventEntry, Journey, TriggerCondition
from journeyflow.language.problems import Report
from journeyflow.language.walk import all_conditions, conditions_inside


def check(journey: Journey, _around: Surroundings, report: Report) -> None:
    if journey.when:
        _refuse(journey.when, 'before entry; use "where" for the event that enters', report)
    if isinstance(journey.enter, EventEntry):
        return
    for outer in conditions_inside(journey):
        for condition in all_conditions(outer):
            if isinstance(condition, TriggerCondition):
                message = (
                    '"trigger" asks about the event that brought the customer in; enter by "event" or drop it'
                )
                report.add(condition.mark, "JF302", message)


def check_segment(condition: Condition, report: Report) -> None:
    _refuse(condition, "in a segment; move the condition into the journey", report)


def _refuse(outer: Condition, where: str, report: Report) -> None:
    for condition in all_conditions(outer):
        if isinstance(condition, TriggerCondition):
            report.add(condition.mark, "JF302", f'"trigger" has no event to look at {where}')
        elif isinstance(condition, EventCondition) and condition.since_entry:
            report.add(condition.mark, "JF302", f'"since: entry" has no entry to look back to {where}')
