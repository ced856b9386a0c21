"""Conditions that can never hold, and branch arms that an earlier one leaves nothing for."""

from collections.abc import Iterator

from journeyflow.language.checks.logic import Both, Formula, Logic, can_hold_together, formula
from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.definition import (
    AllOf,
    AnyOf,
    BranchArm,
    BranchStep,
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
from journeyflow.language.problems import Mark, Report
from journeyflow.language.walk import all_steps, conditions_inside


def check(journey: Journey, _around: Surroundings, report: Report) -> None:
    logic = Logic()
    for condition in _conditions(journey):
        check_condition(condition, logic, report)
    _check_entry(journey, logic, report)
    for where in _wheres(journey):
        _check_where(where, report)
    for step in all_steps(journey.steps):
        if isinstance(step, BranchStep):
            _check_arms(step, logic, report)


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


def _check_arms(step: BranchStep, logic: Logic, report: Report) -> None:
    together = Logic()
    earlier: list[tuple[BranchArm, Formula]] = []
    left: list[Formula] = []  # what holds for those whom the arms before leave
    for arm in step.arms:
        asked = formula(arm.when)
        covering = next((one for one, wide in earlier if logic.implies(asked, wide)), None)
        if not logic.is_impossible(asked) and (covering or together.is_impossible(Both((asked, *left)))):
            _report_arm(arm.mark, covering, report)
        elif covering is None:
            earlier.append((arm, asked))
            left.append(formula(arm.when, holds=False))
    if step.otherwise and together.is_impossible(Both(tuple(left))):
        _report_arm(step.otherwise[0].mark, None, report)


def _report_arm(mark: Mark, covering: BranchArm | None, report: Report) -> None:
    takes = (
        f"arm on line {covering.mark.line} takes all of them before"
        if covering
        else "arms before it leave nobody"
    )
    way_out = "put the narrower condition first" if covering else "delete it, or correct one of them"
    report.add(mark, "JF305", f"nobody ever comes to this arm, since the {takes}; {way_out}")
