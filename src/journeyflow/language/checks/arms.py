"""Branch arms that nobody takes: earlier arms leave nobody, or what was just asked rules them out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from journeyflow.language.checks.logic import Both, Formula, Logic, formula
from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.definition import (
    BranchArm,
    BranchStep,
    Condition,
    EndStep,
    ExperimentStep,
    Journey,
    JourneyStep,
    Step,
    WebhookStep,
)
from journeyflow.language.problems import Report
from journeyflow.language.walk import step_lists


def check(journey: Journey, _around: Surroundings, report: Report) -> None:
    logic = Logic()
    entered = (_known(journey.when),) if journey.when else ()
    if logic.is_impossible(Both(tuple(one.told for one in entered))):
        entered = ()  # which is told as another problem
    _check(journey.steps, entered, logic, report)


@dataclass(frozen=True, slots=True)
class _Known:
    """What holds for all who come to a step, since it has been asked and no time has passed."""

    line: int  # of the condition
    told: Formula


_Ways = Iterator[tuple[tuple[Step, ...], tuple[_Known, ...]]]  # steps, with what is known of who comes there


def _known(condition: Condition, *, holds: bool = True) -> _Known:
    return _Known(condition.mark.line, formula(condition, holds=holds))


def _check(steps: tuple[Step, ...], known: tuple[_Known, ...], logic: Logic, report: Report) -> bool:
    """Whether customers come through `steps` at once and as they were, so that what is known still holds."""
    at_once = True
    for step in steps:
        inside = [_check(inner, here, logic, report) for inner, here in _ways(step, known, logic, report)]
        at_once = at_once and isinstance(step, _AT_ONCE) and all(inside)
        known = known if at_once else ()
    return at_once


def _ways(step: Step, known: tuple[_Known, ...], logic: Logic, report: Report) -> _Ways:
    match step:
        case BranchStep():
            yield from _arms(step, known, logic, report)
        case ExperimentStep():
            yield from ((inner, known) for inner in step_lists(step))
        case _:
            yield from ((inner, ()) for inner in step_lists(step))


def _arms(step: BranchStep, known: tuple[_Known, ...], logic: Logic, report: Report) -> _Ways:
    """Arms that nobody takes are reported, and nothing is known within them."""
    together = Logic()
    earlier: list[tuple[BranchArm, Formula]] = []
    left: list[Formula] = []  # what holds for those whom the arms before leave
    here = known
    for arm in step.arms:
        asked, is_possible = formula(arm.when), not logic.is_impossible(formula(arm.when))
        covering = next((one for one, wide in earlier if logic.implies(asked, wide)), None)
        reason = _reason((asked, *left), covering, known, together) if is_possible else ""
        if reason:
            report.add(arm.mark, "JF305", f"nobody ever comes to this arm, since {reason}")
        elif covering is None:
            earlier.append((arm, asked))
            left.append(formula(arm.when, holds=False))
        yield arm.then, (*here, _known(arm.when)) if is_possible and not reason else ()
        here = (*here, _known(arm.when, holds=False))
    reason = _reason(left, None, known, together)
    if reason and step.otherwise:
        message = f"nobody ever comes to this arm, since {reason}"
        report.add(step.otherwise[0].mark, "JF305", message)
    yield step.otherwise, () if reason else here


def _reason(
    asked: Sequence[Formula], covering: BranchArm | None, known: tuple[_Known, ...], logic: Logic
) -> str:
    """Why nobody passes `asked`; "" where somebody may."""
    if covering:
        return f"the arm on line {covering.mark.line} takes all of them before; {_NARROWER}"
    if logic.is_impossible(Both(tuple(asked))):
        return "the arms before it leave nobody; delete it, or correct one of them"
    if not known or not logic.is_impossible(Both((*asked, *(one.told for one in known)))):
        return ""
    line = next((one.line for one in known if logic.is_impossible(Both((*asked, one.told)))), None)
    before = f"the condition on line {line} leaves nobody" if line else "the conditions before leave nobody"
    return f"{before} for it, and no time passes in between; delete it, or correct one of them"


_AT_ONCE = (BranchStep, ExperimentStep, WebhookStep, JourneyStep, EndStep)  # a message may be held
_NARROWER = "put the narrower condition first"
