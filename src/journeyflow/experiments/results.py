"""One experiment: figures, verdict, how the difference went over time, and how long it still takes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.experiments.fates import Fate, fates
from journeyflow.experiments.outcomes import (
    Arms,
    Day,
    Span,
    at_its_look,
    by_day,
    exposed_from,
    is_over,
    totals,
    with_harm,
)
from journeyflow.experiments.running import Experiment
from journeyflow.experiments.verdict import (
    HOLDOUT,
    Comparison,
    Counts,
    Rules,
    State,
    Verdict,
    assess,
    likely,
)

_LATELY = timedelta(days=14)  # whose pace is taken for that of the days to come
_POINTS = 60  # of the trend, at most
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Look:
    """What would have been found at an earlier time, with the bound for values as it is now."""

    at: datetime
    comparisons: tuple[Comparison, ...]  # the other variants with the first one


@dataclass(frozen=True, slots=True)
class Results:
    experiment: Experiment
    now: datetime
    span: Span
    counts: tuple[Counts, ...]  # the holdout first, where there is one
    days: tuple[Day, ...]
    verdict: Verdict | None = None  # None: it has no metric
    likely: dict[str, float] | None = None  # by variant: how likely it is the best
    trend: tuple[Look, ...] = ()
    days_left: float | None = (
        None  # at the pace of the last days; None: it cannot be said, or none are needed
    )
    fates: tuple[Fate, ...] = ()

    @property
    def state(self) -> State | None:
        """Of one that has ended it is the one in which it ended, whatever is known by now."""
        if self.verdict is None:
            return None
        if self.experiment.decided_at is None:
            return self.verdict.state
        return self._end.state if self._end else "decided"

    @property
    def when_it_ended(self) -> "Results":
        """With the figures by which a rule ended it, if one has: they may look otherwise by now."""
        if self._end is None:
            return self
        counts = _counts_then(self.experiment)
        return replace(self, counts=counts, verdict=self._end)

    @property
    def _end(self) -> Verdict | None:
        decision, rules = self.experiment.decision, self.experiment.rules
        if rules is None or decision is None or not self.experiment.is_ended_by_rule:
            return None
        found = assess(_counts_then(self.experiment), rules, is_over=True)
        return replace(found, state=decision["state"], winner=decision["winner"], more=None)

    @property
    def is_telling(self) -> bool:
        """Whether intervals and chances may be looked at: those of a fixed test not before its end."""
        if self.verdict is None or self.verdict.state == "blocked":
            return False
        is_fixed = self.experiment.split.decide.method == "fixed"
        return not is_fixed or self.verdict.state not in ("early", "running")


def _counts_then(experiment: Experiment) -> tuple[Counts, ...]:
    """By which a rule ended it."""
    return tuple(Counts(**one) for one in (experiment.decision or {})["counts"])


async def standing(connection: AsyncConnection, experiment: Experiment, now: datetime) -> Results:
    """All but the trend and the fates, which cost more and decide nothing."""
    experiment = experiment.as_of(now)
    run = experiment.run
    span = await exposed_from(connection, run, now)
    run = at_its_look(run, experiment.split.decide, span.first)
    days = tuple(await by_day(connection, run, now))
    counts = tuple(await with_harm(connection, run, now, days))
    rules = experiment.rules
    if rules is None:
        return Results(experiment, now, span, counts, days)
    verdict = assess(counts, rules, is_over(rules.metric, rules.decide, span.first, now))
    has_ended = experiment.decided_at is not None
    verdict = replace(verdict, more=None) if has_ended else verdict
    left = _days_left(verdict, rules, span, days, now)
    return Results(experiment, now, span, counts, days, verdict, likely(counts, rules.metric), days_left=left)


async def full_results(connection: AsyncConnection, experiment: Experiment, now: datetime) -> Results:
    found = await standing(connection, experiment, now)
    run = at_its_look(experiment.run, experiment.split.decide, found.span.first)
    lost = await fates(connection, run, experiment.journey, now)
    looks = trend(run, experiment.rules, found.days, now) if experiment.rules and found.is_telling else []
    return replace(found, trend=tuple(looks), fates=tuple(lost))


def trend(arms: Arms, rules: Rules, days: Sequence[Day], now: datetime) -> list[Look]:
    """By the days of exposure, each seen when the time of all who came by its end was over."""
    known = sorted({one.day for one in days if one.matured})
    every = max(1, -(-len(known) // _POINTS))
    chosen = known[::-every][::-1]  # with the last one
    looks = []
    for day in chosen:
        verdict = assess(totals(arms, (one for one in days if one.day <= day)), rules, is_over=False)
        looks.append(Look(_end(day, rules, now), verdict.against_first))
    return looks


def _end(day: date, rules: Rules, now: datetime) -> datetime:
    return min(now, _midnight(day) + _DAY + timedelta(seconds=rules.metric.within))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _days_left(
    verdict: Verdict, rules: Rules, span: Span, days: Iterable[Day], now: datetime
) -> float | None:
    """Outcomes become known at the pace at which people came in, from when the first one's time is over."""
    if verdict.more is None or span.first is None:
        return None
    begin = max(span.first, _midnight((now - _LATELY).date()))
    lately = [one for one in days if one.arm != HOLDOUT and one.day >= begin.date()]
    pace = sum(one.exposed for one in lately) / max(1.0, (now - begin) / _DAY)  # a day
    if not pace:
        return None
    waiting = max(timedelta(), span.first + timedelta(seconds=rules.metric.within) - now)
    return waiting / _DAY + verdict.more / pace
