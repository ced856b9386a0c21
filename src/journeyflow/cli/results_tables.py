"""The figures of an experiment as tables, the same on the terminal and on the page."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from journeyflow.experiments.figures import per_customer
from journeyflow.experiments.results import Results
from journeyflow.experiments.sentence import arm_in_words, number_in_words
from journeyflow.experiments.verdict import Comparison, Counts
from journeyflow.inference.differences import Interval
from journeyflow.language.durations import in_words
from journeyflow.language.shares import percent
from journeyflow.plan import Decide, Metric

_UNKNOWN = "-"
_HOLD = {
    "sequential": "The bounds hold at every look.",
    "fixed": "The bounds hold at the one look at the end, and say nothing before.",
    "bandit": "The bounds hold at every look; as the shares change, so may the kind of customers in an arm.",
}


@dataclass(frozen=True, slots=True)
class Told:
    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def about(results: Results) -> str:
    """One line: where it is, since when, what it measures and how it is decided."""
    experiment = results.experiment
    parts = [f"In the journey {experiment.journey}"]
    if experiment.generation > 1:
        parts.append(f"started anew, run {experiment.generation}")
    if results.span.first:
        parts.append(f"since {results.span.first:%Y-%m-%d}")
    if experiment.split.metric:
        parts.append(f"measures {metric_in_words(experiment.split.metric)}")
    return f"{', '.join(parts)}; {_decided(experiment.split.decide)}."


def metric_in_words(metric: Metric) -> str:
    what = f"{metric.value} of {metric.match.event}" if metric.value else metric.match.event
    return f"{what} within {in_words(metric.within)} of exposure"


def tables(results: Results) -> list[Told]:
    found = [_arms(results)]
    if results.verdict is not None and results.is_telling:
        compared = (*results.verdict.against_first, *results.verdict.against_holdout)
        found += [_differences(compared, results)] if compared else []
    if any(fate.sent or fate.lost for fate in results.fates):
        found.append(_lost(results))
    return found


def _decided(decide: Decide) -> str:
    level = percent(decide.alpha)
    match decide.method:
        case "sequential":
            return f"may be looked at every day (errors at most {level})"
        case "fixed":
            return f"is looked at once, at its end (errors at most {level})"
        case "bandit":
            return "a bandit, which gives more to what does better"


def _arms(results: Results) -> Told:
    metric = results.experiment.split.metric
    headings = ("arm", "share", "exposed")
    if metric is None:
        return Told("Arms", headings, tuple(_counted(one) for one in results.counts))
    each = "of 100" if metric.value is None else "per customer"
    outcome = ("time over", metric.match.event, each, "likely best", "unsubscribed", "complained")
    rows = tuple((*_counted(one), *_outcome(one, metric, results)) for one in results.counts)
    note = "Figures are of those whose time is over: later ones could still do something."
    return Told("Arms", (*headings, *outcome), rows, note)


def _counted(one: Counts) -> tuple[str, ...]:
    return arm_in_words(one.arm), percent(one.share), f"{one.exposed:,}"


def _outcome(one: Counts, metric: Metric, results: Results) -> tuple[str, ...]:
    each = per_customer(one, metric)
    factor = 100 if metric.value is None else 1
    likely = (results.likely or {}).get(one.arm) if results.is_telling else None
    return (
        f"{one.matured:,}",
        f"{one.converted:,}",
        _UNKNOWN if each is None else number_in_words(each * factor),
        _UNKNOWN if likely is None else f"{likely:.0%}",
        f"{one.unsubscribed:,}",
        f"{one.complained:,}",
    )


def _differences(compared: Iterable[Comparison], results: Results) -> Told:
    metric = results.experiment.split.metric
    factor = 100 if metric is not None and metric.value is None else 1
    rows = []
    for one in compared:
        found = one.difference
        names = (arm_in_words(one.arm), arm_in_words(one.control))
        difference = (number_in_words(found.absolute * factor), _between(found.interval, factor))
        relative = _UNKNOWN if found.relative is None else f"{found.relative:+.0%}"
        rows.append((*names, *difference, relative, _lift(found.relative_interval)))
    headings = ("arm", "against", "more", "between", "lift", "lift between")
    each = "of 100 customers" if factor == 100 else "per customer"
    note = f"More {each}. {_HOLD[results.experiment.split.decide.method]}"
    return Told("Differences", headings, tuple(rows), note)


def _between(interval: Interval, factor: int) -> str:
    if not math.isfinite(interval.width):
        return _UNKNOWN
    return f"{number_in_words(interval.low * factor)} and {number_in_words(interval.high * factor)}"


def _lift(interval: Interval | None) -> str:
    return _UNKNOWN if interval is None else f"{interval.low:+.0%} and {interval.high:+.0%}"


def _lost(results: Results) -> Told:
    ends = sorted({end for fate in results.fates for end in fate.lost})
    rows = tuple(
        (arm_in_words(fate.arm), f"{fate.sent:,}", *(f"{fate.lost.get(end, 0):,}" for end in ends))
        for fate in results.fates
    )
    note = "Customers by what became of a message of the journey; everybody stays in the arm."
    return Told("Messages", ("arm", "sent", *ends), rows, note)
