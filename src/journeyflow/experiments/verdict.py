"""What the figures of an experiment allow to be said, and whether it is over.

Every pair of variants is compared. A variant wins when it is better than every other one that breaks no
guardrail, so a breach may decide as well; that of a bandit wins at its end. The level is shared out
(Bonferroni) among the pairs and, for each guardrail, the variants that are held against the first: `alpha`
bounds the chance that any of these is called different, or harmful, without being so. It does at every look
for `sequential`, and at the one look after `stop_after` for `fixed`, before which nothing is said. What is
said of the holdout decides nothing; each of those comparisons holds at the same level for itself.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

from journeyflow.inference.balance import is_off
from journeyflow.inference.best import chances
from journeyflow.inference.differences import Difference, Radius, at_every_look, difference, needed, once
from journeyflow.inference.samples import Sample, of_conversions, of_sums
from journeyflow.plan import Decide, Guardrail, Metric

State = Literal["blocked", "early", "running", "decided", "no-difference"]
HOLDOUT = ""  # the arm of who gets nothing
_EVERYBODY = 10_000


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one arm. All but `exposed` are about customers whose time for the outcome is over."""

    arm: str
    share: int  # hundredths of a percent
    exposed: int
    matured: int = 0
    converted: int = 0
    total: float = 0.0  # of the value
    squares: float = 0.0
    unsubscribed: int = 0
    complained: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    metric: Metric
    guardrails: tuple[Guardrail, ...] = ()
    decide: Decide = field(default_factory=Decide)


@dataclass(frozen=True, slots=True)
class Comparison:
    arm: str
    control: str
    difference: Difference
    is_better: bool  # beyond doubt; of a fixed test before its look nothing is
    is_worse: bool


@dataclass(frozen=True, slots=True)
class Breach:
    arm: str
    guardrail: Guardrail
    difference: Difference  # of the rates, against the first variant


@dataclass(frozen=True, slots=True)
class Verdict:
    state: State
    winner: str | None
    against_first: tuple[Comparison, ...]  # the other variants
    against_holdout: tuple[Comparison, ...]  # every variant; empty without a holdout
    breaches: tuple[Breach, ...]
    more: int | None  # about how many customers are still needed in the variants; None: cannot be said


def sample(counts: Counts, metric: Metric) -> Sample:
    if metric.value is None:
        return of_conversions(counts.matured, counts.converted)
    return of_sums(counts.matured, counts.total, counts.squares, counts.converted)


def assess(counted: Sequence[Counts], rules: Rules, is_over: bool) -> Verdict:
    """`counted` has the variants in their order, and the holdout if there is one. `is_over`: `stop_after` has
    passed since the first exposure, and the outcomes of all who were exposed by then are known."""
    variants = [one for one in counted if one.arm != HOLDOUT]
    held_out = [one for one in counted if one.arm == HOLDOUT and one.share]
    radius = _radius(rules, len(variants))
    breaches = _breaches(variants, rules, radius) if is_over or rules.decide.method != "fixed" else []
    counts_now = is_over or rules.decide.method == "sequential"
    pairs = [_compared(a, b, rules, radius, counts_now) for a, b in combinations(variants, 2)]
    winner = _winner([one.arm for one in variants], {one.arm for one in breaches}, pairs)
    state = _state(counted, variants, rules.decide, winner, is_over)
    return Verdict(
        state=state,
        winner=winner if state == "decided" else None,
        against_first=tuple(_compared(one, variants[0], rules, radius, counts_now) for one in variants[1:]),
        against_holdout=tuple(
            _compared(one, other, rules, radius, counts_now) for other in held_out for one in variants
        ),
        breaches=tuple(breaches),
        more=_more(variants, held_out, rules, radius) if state in ("early", "running") else None,
    )


def likely(counted: Sequence[Counts], metric: Metric) -> dict[str, float]:
    """How likely each variant is to be the best one."""
    variants = [one for one in counted if one.arm != HOLDOUT]
    found = chances([sample(one, metric) for one in variants], _better(metric))
    return dict(zip((one.arm for one in variants), found, strict=True))


def _radius(rules: Rules, variants: int) -> Radius:
    decide, others = rules.decide, variants - 1
    comparisons = math.comb(variants, 2) + len(rules.guardrails) * others
    alpha = decide.alpha / _EVERYBODY / max(1, comparisons)
    return once(alpha) if decide.method == "fixed" else at_every_look(alpha)


def _better(metric: Metric) -> int:
    return 1 if metric.better == "more" else -1


def _compared(one: Counts, other: Counts, rules: Rules, radius: Radius, counts_now: bool) -> Comparison:
    found = difference(sample(one, rules.metric), sample(other, rules.metric), radius)
    known = counts_now and found.interval.excludes_zero
    is_more = found.absolute * _better(rules.metric) > 0
    return Comparison(one.arm, other.arm, found, known and is_more, known and not is_more)


def _breaches(variants: Sequence[Counts], rules: Rules, radius: Radius) -> list[Breach]:
    """What a guardrail forbids is worse than allowed, beyond doubt."""
    found = []
    for guardrail in rules.guardrails:
        for one in variants[1:]:
            rates = [
                of_conversions(arm.matured, int(getattr(arm, guardrail.about))) for arm in (one, variants[0])
            ]
            worse = difference(rates[0], rates[1], radius)
            if worse.interval.low > guardrail.at_most / _EVERYBODY:
                found.append(Breach(one.arm, guardrail, worse))
    return found


def _winner(arms: Sequence[str], broken: set[str], pairs: Sequence[Comparison]) -> str | None:
    beaten = {arm: set[str]() for arm in arms}
    for pair in pairs:
        if pair.is_better:
            beaten[pair.arm].add(pair.control)
        if pair.is_worse:
            beaten[pair.control].add(pair.arm)
    fit = [arm for arm in arms if arm not in broken]
    for arm in fit:
        if len(arms) > 1 and beaten[arm] >= set(fit) - {arm}:
            return arm
    return None


def _state(
    counted: Sequence[Counts],
    variants: Sequence[Counts],
    decide: Decide,
    winner: str | None,
    is_over: bool,
) -> State:
    # The shares of a bandit change, so the numbers in its arms say nothing about losses.
    if decide.method != "bandit" and is_off([c.exposed for c in counted], [c.share for c in counted]):
        return "blocked"
    if min(one.matured for one in variants) < decide.minimum:
        return "no-difference" if is_over else "early"
    if winner is not None and (is_over or decide.method != "bandit"):
        return "decided"
    return "no-difference" if is_over else "running"


def _more(variants: Sequence[Counts], held_out: Sequence[Counts], rules: Rules, radius: Radius) -> int | None:
    """Until the two that look best can be told apart, if they go on as they are. A single variant is held
    against the holdout."""
    fit = [one for one in variants if one.share]  # a bandit gives nothing to what does harm
    ranked = sorted(fit, key=lambda one: sample(one, rules.metric).mean * _better(rules.metric))
    pair = ranked[-2:] if len(ranked) > 1 else [*ranked, *held_out]
    if len(pair) < 2:
        return None
    both = needed(sample(pair[-1], rules.metric), sample(pair[-2], rules.metric), radius)
    if both is None:
        return None
    missing = max(0, both - sum(one.matured for one in pair)) / sum(one.share for one in pair)
    lacking = [(rules.decide.minimum - one.matured) / one.share for one in ranked]
    return math.ceil(max(missing, *lacking) * sum(one.share for one in ranked))
