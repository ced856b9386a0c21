"""All families of checks, in the order in which they are asked."""

from collections.abc import Sequence

from journeyflow.language.checks import (
    arms,
    conditions,
    consent,
    experiments,
    flow,
    handovers,
    pressure,
    purchases,
    references,
    resends,
    scope,
    variables,
)
from journeyflow.language.checks import messages as sends
from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.checks.ways import ways
from journeyflow.language.definition import Journey
from journeyflow.language.problems import Report

_OF_ALL = (references.check, purchases.check, handovers.check, flow.check_reach, scope.check)
_OF_SOUND = (
    resends.check,
    variables.check,
    sends.check,
    conditions.check,
    arms.check,
    flow.check_waits,
    experiments.check,
)
_ON_WAYS = (flow.check, pressure.check, consent.check)


def check(journey: Journey, around: Surroundings, report: Report, is_sound: bool) -> None:
    """`is_sound`: the journey was read without problems, so that what it means can be judged."""
    for family in (*_OF_ALL, *(_OF_SOUND if is_sound else ())):
        family(journey, around, report)
    if is_sound and around.policy is not None:
        places = ways(journey, around.policy)
        for each in _ON_WAYS:
            each(journey, places, around.policy, around, report)


def check_together(journeys: Sequence[tuple[Journey, Report]], around: Surroundings) -> None:
    """What journeys do to each other; each problem goes into the report of the journey that has it."""
    handovers.check_together(journeys)
    experiments.check_together(journeys)
    variables.check_together(journeys, around)
    pressure.check_together(journeys, around)
