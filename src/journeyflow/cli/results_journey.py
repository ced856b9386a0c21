"""What a journey and its messages bring beside the programme's holdout, for people and for programs."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from journeyflow.cli.results_tables import Told
from journeyflow.experiments.figures import difference_data
from journeyflow.experiments.goals import Effect, JourneyEffects
from journeyflow.experiments.sentence import more_in_words, number_in_words
from journeyflow.experiments.verdict import Counts
from journeyflow.inference.differences import Difference
from journeyflow.plan import Metric

NOBODY = (
    "hardly anybody of this journey has been held out and has had the time for its goal, or hardly "
    'anybody has reached it, so nothing can be compared; "holdout: 5%" in journeys/policy.yaml leaves a part '
    "of the customers alone"
)


def effect_sentences(found: JourneyEffects) -> Iterator[str]:
    whole, rate = found.effects[0], replace(found.metric, value=None)
    yield f"{_sentence(f'The journey {found.journey}', whole.conversions, rate)}."
    if whole.value is not None:
        yield f"{_sentence('It', whole.value, found.metric)}."


def effect_table(effects: Sequence[Effect]) -> Told:
    headings = (
        "of",
        "held out",
        "reached it",
        "written to",
        "reached it",
        "more of 100",
        "more per customer",
    )
    rows = tuple(
        (one.about or "the whole journey", *_reached(one.held_out), *_reached(one.written), *_more(one))
        for one in effects
    )
    note = "Customers whose time for the goal is over. The bounds hold at every look, for each line."
    return Told("With and without messages", headings, rows, note)


def effect_data(effect: Effect) -> dict[str, Any]:
    return {
        "message": effect.about or None,
        "held_out": _counts(effect.held_out),
        "written_to": _counts(effect.written),
        "conversions": difference_data(effect.conversions),
        "value": difference_data(effect.value) if effect.value else None,
    }


def _sentence(who: str, found: Difference, metric: Metric) -> str:
    return f"{who} brings {more_in_words(found.interval, metric)} than no messages at all"


def _reached(counts: Counts) -> tuple[str, str]:
    return f"{counts.matured:,}", f"{counts.converted:,}"


def _more(effect: Effect) -> tuple[str, str]:
    return _interval(effect.conversions, 100), _interval(effect.value, 1)


def _interval(found: Difference | None, factor: int) -> str:
    if found is None or not math.isfinite(found.interval.width):
        return "-"
    low, high = (number_in_words(bound * factor) for bound in (found.interval.low, found.interval.high))
    return f"{number_in_words(found.absolute * factor)} (between {low} and {high})"


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "customers": counts.exposed,
        "matured": counts.matured,
        "converted": counts.converted,
        "value": counts.total,
    }
