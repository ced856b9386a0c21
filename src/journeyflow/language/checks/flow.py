"""The way through a journey: every step can be reached."""

from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.definition import BranchStep, EndStep, ExperimentStep, Journey, Step, WaitForStep
from journeyflow.language.problems import Report
from journeyflow.language.walk import step_lists


def check(journey: Journey, _around: Surroundings, report: Report) -> None:
    _reaches(journey.steps, report)


def _reaches(steps: tuple[Step, ...], report: Report) -> bool:
    """Whether anybody comes out behind the last of `steps`; the first that nobody reaches is reported."""
    open_end = True
    for number, step in enumerate(steps):
        if not open_end:
            message = f"no customer ever comes here, since all have ended before; delete it or {_WAY_OUT}"
            report.add(step.mark, "JF301", message)
            return False
        open_end = _passes(step, report)
        if number == len(steps) - 1:
            return open_end
    return True


def _passes(step: Step, report: Report) -> bool:
    ways = [_reaches(inner, report) for inner in step_lists(step)]
    match step:
        case EndStep():
            return False
        case WaitForStep() | BranchStep() | ExperimentStep():
            return any(ways)
        case _:
            return True


_WAY_OUT = 'take the "end" away'
