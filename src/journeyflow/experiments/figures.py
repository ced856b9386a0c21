"""The results as plain data for programs: names and units that do not change. Unknown is null."""

import math
from datetime import datetime
from typing import Any

from journeyflow.experiments.results import Look, Results
from journeyflow.experiments.sentence import sentences
from journeyflow.experiments.verdict import Breach, Comparison, Counts, Verdict
from journeyflow.inference.differences import Difference, Interval
from journeyflow.plan import Metric


def figures(results: Results) -> dict[str, Any]:
    experiment, verdict = results.experiment, results.verdict
    told = results.when_it_ended.verdict
    return {
        "experiment": experiment.name,
        "journey": experiment.journey,
        "generation": experiment.generation,
        "at": _time(results.now),
        "first_exposure": _time(results.span.first),
        "last_exposure": _time(results.span.last),
        "method": experiment.split.decide.method,
        "metric": _metric(experiment.split.metric),
        "state": results.state,
        "leader": told.winner if told else None,
        "winner": experiment.winner,
        "decided_at": _time(experiment.decided_at),
        "sentences": sentences(results),
        "arms": [_arm(one, results) for one in results.counts],
        "more_customers": verdict.more if verdict else None,
        "days_left": results.days_left,
        **(_verdict(verdict) if verdict else {"differences": [], "with_holdout": [], "breaches": []}),
        "trend": [_look(one) for one in results.trend],
    }


def difference_data(one: Difference) -> dict[str, Any]:
    return {
        "difference": one.absolute,
        **_interval(one.interval, ""),
        "relative": one.relative,
        **_interval(one.relative_interval, "relative_"),
    }


def per_customer(one: Counts, metric: Metric | None) -> float | None:
    """The rate, or the value of a customer; None: nobody's time is over."""
    if metric is None or not one.matured:
        return None
    return (one.converted if metric.value is None else one.total) / one.matured


def _metric(metric: Metric | None) -> dict[str, Any] | None:
    if metric is None:
        return None
    return {
        "event": metric.match.event,
        "within_seconds": metric.within,
        "value": metric.value,
        "at_most": metric.most,
        "better": metric.better,
    }


def _arm(one: Counts, results: Results) -> dict[str, Any]:
    fate = next((fate for fate in results.fates if fate.arm == one.arm), None)
    return {
        "arm": one.arm,
        "share_percent": one.share / 100,
        "exposed": one.exposed,
        "matured": one.matured,
        "converted": one.converted,
        "value": one.total,
        "per_customer": per_customer(one, results.experiment.split.metric),
        "unsubscribed": one.unsubscribed,
        "complained": one.complained,
        "likely_best": (results.likely or {}).get(one.arm),
        "sent": fate.sent if fate else 0,
        "not_sent": fate.lost if fate else {},
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "differences": [_comparison(one) for one in verdict.against_first],
        "with_holdout": [_comparison(one) for one in verdict.against_holdout],
        "breaches": [_breach(one) for one in verdict.breaches],
    }


def _comparison(one: Comparison) -> dict[str, Any]:
    return {
        "arm": one.arm,
        "than": one.control,
        **difference_data(one.difference),
        "is_better": one.is_better,
        "is_worse": one.is_worse,
    }


def _breach(one: Breach) -> dict[str, Any]:
    allowed = {"about": one.guardrail.about, "at_most": one.guardrail.at_most / 10_000}
    return {"arm": one.arm, **allowed, **difference_data(one.difference)}


def _look(one: Look) -> dict[str, Any]:
    return {"at": _time(one.at), "differences": [_comparison(each) for each in one.comparisons]}


def _interval(interval: Interval | None, before: str) -> dict[str, float | None]:
    """JSON knows no infinity."""
    low, high = (interval.low, interval.high) if interval else (math.inf, math.inf)
    return {f"{before}low": _finite(low), f"{before}high": _finite(high)}


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
