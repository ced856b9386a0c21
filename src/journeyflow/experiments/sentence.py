"""The results in plain sentences for whoever has to decide, the most important first."""

import math
from typing import assert_never

from journeyflow.experiments.pairs import closest, is_any_known
from journeyflow.experiments.results import Results
from journeyflow.experiments.verdict import HOLDOUT, Breach, Comparison, Rules, Verdict
from journeyflow.inference.balance import missing
from journeyflow.inference.differences import Interval
from journeyflow.plan import Metric

_ALONE = "There is one variant only, so no winner is looked for; what it does shows beside the holdout"
_DAY, _YEAR = 86_400, 365  # seconds; days


def sentences(results: Results) -> list[str]:
    first, *rest = _found(results)
    return [first, *_standing(results), *rest]


def _found(results: Results) -> list[str]:
    rules, verdict = results.experiment.rules, results.verdict
    if rules is None or verdict is None:
        return ["Nothing is decided here: the experiment has no metric."]
    if results.span.first is None:
        return ["Nobody has come to this experiment yet."]
    ended = results.when_it_ended
    told = [_verdict(ended, rules, ended.verdict or verdict)]
    told += [_breach(breach) for breach in (ended.verdict or verdict).breaches]
    if verdict.state not in ("blocked", "early"):
        told += [_against_holdout(one, rules) for one in verdict.against_holdout]
    return told


def compared(one: Comparison, rules: Rules) -> str:
    """`evening brings between 0.4 and 2.1 more customers in 100 to order.completed than morning`"""
    brings = more_in_words(one.difference.interval, rules.metric)
    return f"{arm_in_words(one.arm)} brings {brings} than {arm_in_words(one.control)}"


def more_in_words(interval: Interval, metric: Metric) -> str:
    """`between 0.4 fewer and 2.1 more customers in 100 to order.completed`"""
    is_rate = metric.value is None
    factor = 100 if is_rate else 1
    low, high = interval.low * factor, interval.high * factor
    event = metric.match.event
    thing = f" customers in 100 to {event}" if is_rate else f" {metric.value} of {event} per customer"
    less = "fewer" if is_rate else "less"
    if not math.isfinite(interval.width):  # too few have converted for any bounds
        return f"an unknown number of{thing} more or {less}"
    if low > 0:
        return f"between {number_in_words(low)} and {number_in_words(high)} more{thing}"
    if high < 0:
        return f"between {number_in_words(-high)} and {number_in_words(-low)} {less}{thing}"
    if high == low == 0:
        return f"neither more nor {less}{thing}"
    return f"between {number_in_words(-low)} {less} and {number_in_words(high)} more{thing}"


def arm_in_words(arm: str) -> str:
    return "the holdout" if arm == HOLDOUT else arm


def number_in_words(number: float) -> str:
    size = abs(number)
    digits = 0 if size >= 100 else 1 if size >= 0.1 or not size else 2 if size >= 0.01 else 3
    return f"{round(number, digits):,.{digits}f}"


def _verdict(results: Results, rules: Rules, verdict: Verdict) -> str:
    if results.experiment.decided_at is not None and not results.experiment.is_ended_by_rule:
        return f"It was ended by hand{_meanwhile(results, rules, verdict)}."
    least = min(one.matured for one in results.counts if one.arm != HOLDOUT)
    few = f"in the smallest variant the time of {least:,} customers is over"
    match verdict.state:
        case "blocked":
            return _blocked(results)
        case "early":
            needed = f"{rules.decide.minimum:,} are needed"
            return f"Nothing can be said yet: {few}, and {needed}{_left(results)}."
        case "decided":
            ends = "" if results.experiment.decided_at else " You can end the test."
            return f"{_capital(_won(verdict, rules))}.{ends}"
        case "running":
            return _running(results, rules, verdict)
        case "no-difference" if least < rules.decide.minimum:
            return f"The test is over and found out nothing, since too few came: {few}."
        case "no-difference":
            return _undecided(results, rules, verdict)
        case _:
            assert_never(verdict.state)


def _blocked(results: Results) -> str:
    shortest = missing([one.exposed for one in results.counts], [one.share for one in results.counts])
    one = results.counts[shortest.place]
    came = f"{one.exposed:,} customers came into {arm_in_words(one.arm)}"
    return (
        f"These figures cannot be trusted: {came}, where {shortest.expected:,.0f} were to be expected by the "
        "shares. Nothing is decided until it is known why."
    )


def _running(results: Results, rules: Rules, verdict: Verdict) -> str:
    if rules.decide.method == "bandit" and results.likely:
        best = max(results.likely, key=lambda arm: results.likely[arm] if results.likely else 0.0)
        return f"{_capital(best)} is the best of them with a probability of {results.likely[best]:.0%}."
    if rules.decide.method == "fixed":
        return f"Nothing is said before the end, as this test is looked at once{_end(results, rules)}."
    pair = closest(results.counts, rules, verdict)
    if pair is None:
        is_known = any(one.is_better or one.is_worse for one in verdict.against_holdout)
        return f"{_ALONE}{'' if is_known else _left(results)}."
    some = is_any_known(results.counts, rules, verdict)
    open_ = "No variant is better than all others yet" if some else "Nothing can be said yet"
    return f"{open_}: {compared(pair, rules)}{_left(results)}."


def _undecided(results: Results, rules: Rules, verdict: Verdict) -> str:
    """At its end."""
    pair = closest(results.counts, rules, verdict)
    if pair is None:
        return f"{_ALONE}."
    if is_any_known(results.counts, rules, verdict):
        choice = "Take whichever of these two you like better."
        return f"No variant is better than all others: {compared(pair, rules)}. {choice}"
    return f"No difference was found: {compared(pair, rules)}. Take whichever you like better."


def _meanwhile(results: Results, rules: Rules, verdict: Verdict) -> str:
    """What the figures say of one that no rule has ended."""
    pair = closest(results.counts, rules, verdict) if results.is_telling else None
    return "" if pair is None or verdict.state == "early" else f"; by now {compared(pair, rules)}"


def _won(verdict: Verdict, rules: Rules) -> str:
    """The winner against the first variant; where that is the winner, against the best of the others."""
    about = [one for one in verdict.against_first if one.arm == verdict.winner]
    if about:
        return compared(about[0], rules)
    broken = {breach.arm for breach in verdict.breaches}
    others = [one for one in verdict.against_first if one.arm not in broken]
    if not others:
        return f"{verdict.winner} is the one to take, as every other variant does more harm than is allowed"
    sign = 1 if rules.metric.better == "more" else -1
    second = max(others, key=lambda one: sign * one.difference.absolute)
    turned = Interval(-second.difference.interval.high, -second.difference.interval.low)
    return f"{second.control} brings {more_in_words(turned, rules.metric)} than {second.arm}"


def _standing(results: Results) -> list[str]:
    one = results.experiment
    if not one.is_kept:
        return ["It was applied by an earlier version, so no rule ends it; run: journeyflow apply"]
    if one.winner is None or one.decided_at is None:
        return []
    return [f"Since {one.decided_at:%Y-%m-%d} all newcomers get {one.winner}."]


def _breach(breach: Breach) -> str:
    what = {"unsubscribed": "unsubscribed", "complained": "complained"}[breach.guardrail.about]
    low, high = (100 * bound for bound in (breach.difference.interval.low, breach.difference.interval.high))
    return (
        f"{_capital(breach.arm)} cannot win: of 100 customers between {number_in_words(low)} and "
        f"{number_in_words(high)} more {what} than in the first variant, and "
        f"{number_in_words(breach.guardrail.at_most / 100)} are allowed."
    )


def _against_holdout(one: Comparison, rules: Rules) -> str:
    if not (one.is_better or one.is_worse):
        return f"Whether {one.arm} does more than no message at all is not known yet."
    brings = more_in_words(one.difference.interval, rules.metric)
    return f"{_capital(one.arm)} brings {brings} than no message at all (the holdout)."


def _left(results: Results) -> str:
    days = results.days_left
    if days is None:
        return "; how long it will take cannot be said"
    if days > _YEAR:
        return "; at this rate it would take more than a year to tell them apart"
    return f"; about {max(1, round(days)):,} more days at this rate"


def _end(results: Results, rules: Rules) -> str:
    assert results.span.first is not None
    if rules.decide.stop_after is None:
        return ""
    end = results.span.first.timestamp() + rules.decide.stop_after + rules.metric.within
    left = max(1, round((end - results.now.timestamp()) / _DAY))
    return f", in about {left:,} days"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
