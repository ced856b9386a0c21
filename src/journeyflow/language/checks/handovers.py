"""Journeys that customers are handed over to: each is there, takes them in, and none comes back."""

from collections.abc import Collection, Sequence

from journeyflow.language.checks.circles import circles
from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.definition import EndStep, Journey, JourneyStep, Step
from journeyflow.language.problems import Report, nearest, quoted
from journeyflow.language.walk import all_steps, step_lists


def check(journey: Journey, around: Surroundings, report: Report) -> None:
    if around.journeys is None:
        return
    for step in hand_overs(journey):
        word = step.journey
        if word.value not in around.journeys:
            near = nearest(word.value, around.journeys)
            way_out = f"did you mean {quoted(near)}?" if near else f"add journeys/{word.value}.yaml"
            report.add(word.mark, "JF213", f"no journey is called {quoted(word.value)}; {way_out}")


def check_together(journeys: Sequence[tuple[Journey, Report]]) -> None:
    known = {journey.name.value: (journey, report) for journey, report in journeys}
    uses = {
        name: [step.journey.value for step in hand_overs(journey)] for name, (journey, _) in known.items()
    }
    for circle in circles(uses):
        journey, report = known[circle[0]]
        following = (circle[1:] or circle)[0]
        step = next(step for step in hand_overs(journey) if step.journey.value == following)
        way = " -> ".join(map(quoted, [*circle, circle[0]]))
        message = f"the journeys hand over to each other in a circle, {way}; break it at one of them"
        report.add(step.journey.mark, "JF214", message)
    once = {name for name, (journey, _) in known.items() if journey.again is None and journey.when is None}
    for journey, report in journeys:
        _check_once(journey.steps, frozenset(), once, report)


def hand_overs(journey: Journey) -> list[JourneyStep]:
    return [step for step in all_steps(journey.steps) if isinstance(step, JourneyStep)]


def _check_once(
    steps: tuple[Step, ...], before: frozenset[str], once: Collection[str], report: Report
) -> frozenset[str] | None:
    """Which of the journeys that take everybody in, but once, all have been handed to; None: all have ended.

    A second hand-over to one of them is reported.
    """
    for step in steps:
        if isinstance(step, EndStep):
            return None
        if isinstance(step, JourneyStep) and step.journey.value in once:
            before = _handed(step, before, report)
        inside = [_check_once(inner, before, once, report) for inner in step_lists(step)]
        on = [each for each in inside if each is not None]
        if inside and not on:
            return None
        before = frozenset.intersection(*on) if on else before
    return before


def _handed(step: JourneyStep, before: frozenset[str], report: Report) -> frozenset[str]:
    name = step.journey.value
    if name in before:
        message = (
            f"{quoted(name)} takes nobody in here, since all were handed over to it before and it has no "
            f'"again"; delete this step, or give {quoted(name)} an "again"'
        )
        report.add(step.journey.mark, "JF311", message)
    return before | {name}
