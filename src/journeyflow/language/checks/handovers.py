"""Journeys that customers are handed over to: each is there, and none comes back to where it began."""

from collections.abc import Sequence

from journeyflow.language.checks.circles import circles
from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.definition import Journey, JourneyStep
from journeyflow.language.problems import Report, nearest, quoted
from journeyflow.language.walk import all_steps


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


def hand_overs(journey: Journey) -> list[JourneyStep]:
    return [step for step in all_steps(journey.steps) if isinstance(step, JourneyStep)]
