"""Experiments: each has something to decide by, time to do it, and a name of its own in the programme."""

from collections.abc import Sequence

from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.definition import ExperimentStep, Journey
from journeyflow.language.durations import in_words
from journeyflow.language.problems import Report, quoted
from journeyflow.language.walk import all_steps


def check(journey: Journey, _around: Surroundings, report: Report) -> None:
    for step in _experiments(journey):
        within = step.metric.within if step.metric else journey.goal.within if journey.goal else None
        if within is None:
            message = (
                f"nothing is decided about the experiment {quoted(step.name.value)}, as it has no metric and "
                'the journey no goal with a time; add "metric: {event: order.completed, within: 14 days}"'
            )
            report.add(step.mark, "JF313", message)
        elif step.decide.stop_after is not None and step.decide.stop_after <= within:
            message = (
                f'"stop_after" is {in_words(step.decide.stop_after)}, and each customer is watched for '
                f"{in_words(within)}, so nobody's time would be over by then; write a longer one"
            )
            report.add(step.mark, "JF107", message)


def check_together(journeys: Sequence[tuple[Journey, Report]]) -> None:
    taken: dict[str, str] = {}  # who has the name first
    for journey, report in journeys:
        for step in _experiments(journey):
            owner = taken.setdefault(step.name.value, journey.name.value)
            if owner != journey.name.value:
                message = (
                    f"the experiment {quoted(step.name.value)} is already in the journey {quoted(owner)}, "
                    "and customers would get the same variants in both; choose another name"
                )
                report.add(step.name.mark, "JF125", message)


def _experiments(journey: Journey) -> list[ExperimentStep]:
    return [step for step in all_steps(journey.steps) if isinstance(step, ExperimentStep)]
