"""Conditions that can never hold, and entries that make customers leave at once."""

from collections.abc import Iterator

from journeyflow.language.checks.logic import Both, Logic, can_hold_together, formula
from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.definition import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    EventEntry,
    EventPattern,
    Journey,
    NotThis,
    SegmentCondition,
    SegmentEntry,
    WaitForStep,
)
from journeyflow.language.problems import Report
from journeyflow.language.walk import all_steps, conditions_inside


def check(journey: Journey, _around: Surroundings, report: Report) -> None:
    logic = Logic()
    for condition in _conditions(journey):
        check_condition(condition, logic, report)
    _check_entry(journey, logic, report)
    for where in _wheres(journey):
        _check_where(where, report)


def check_condition(condition: Condition, logic: Logic, report: Report) -> bool:
    """Whether it can hold; the smallest part that cannot is reported."""
    inner = condition.of if isinstance(condition, AllOf | AnyOf) else ()
    inner = (condition.of,) if isinstance(condition, NotThis) else inner
    parts = [check_condition(part, logic, report) for part in inner]
    if not all(parts) or not logic.is_impossible(formula(condition)):
        return all(parts)
    message = "the condition can never hold, since its parts contradict each other; correct one of them"
    report.add(condition.mark, "JF303", message)
    return False


def _check_entry(journey: Journey, logic: Logic, report: Report) -> None:
    """What holds for everybody who enters must be possible, and not the reason to leave again."""
    given = [journey.when] if journey.when else []
    if isinstance(journey.enter, SegmentEntry):
        given.append(SegmentCondition(journey.enter.mark, journey.enter.segment))
    entered = Both(tuple(map(formula, given)))
    if logic.is_impossible(entered):
        if journey.when and not logic.is_impossible(formula(journey.when)):
            message = "nobody in the segment that enters can pass this condition; correct one of the two"
            report.add(journey.when.mark, "JF303", message)
        return
    for rule in journey.exits:
        if rule.when and logic.implies(entered, formula(rule.when)):
            message = "everybody who enters leaves by this rule at once, as it holds for them all; correct it"
            report.add(rule.mark, "JF310", message)


def _conditions(journey: Journey) -> Iterator[Condition]:
    if journey.when:
        yield journey.when
    yield from conditions_inside(journey)


def _wheres(journey: Journey) -> Iterator[tuple[Comparison, ...]]:
    """Tests on the event that something waits for, but for waits within the journey."""
    patterns: list[EventPattern | None] = [rule.event for rule in journey.exits]
    patterns += [journey.enter.pattern] if isinstance(journey.enter, EventEntry) else []
    patterns += [journey.goal.pattern] if journey.goal else []
    yield from (pattern.where for pattern in patterns if pattern)
    yield from (step.where for step in all_steps(journey.steps) if isinstance(step, WaitForStep))


def _check_where(where: tuple[Comparison, ...], report: Report) -> None:
    if not can_hold_together(where, ()):
        message = 'no event can ever pass this "where", since its tests contradict each other; correct one'
        report.add(where[0].mark, "JF304", message)
