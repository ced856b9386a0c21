"""Whether experiments are over: the rule of each is applied to what is known now.

A winner takes all newcomers from the next leg on. What was decided is written once, with the figures that it
rests on; whoever decides by hand meanwhile is not overruled.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.assignment import SLOTS
from journeyflow.experiments.results import Results, standing
from journeyflow.experiments.running import Experiment, known_experiments
from journeyflow.experiments.verdict import HOLDOUT, Comparison, Verdict, sample
from journeyflow.inference.best import bandit_shares
from journeyflow.plan import Metric
from journeyflow.store.audit import note
from journeyflow.store.database import Store
from journeyflow.store.experiments import experiments

ACTOR = "journeyflow"  # whose work it is, in the audit log


@dataclass(frozen=True, slots=True)
class Decided:
    """How many experiments."""

    ended: int = 0
    shared: int = 0  # bandits whose shares are others now


async def decide_all(store: Store, now: datetime) -> Decided:
    async with store.reading() as connection:
        running = [one for one in await known_experiments(connection) if _is_running(one)]
        found = [await standing(connection, one, now) for one in running]
    ended = [await _end(store, one, now) for one in found]
    shared = [await _share(store, one) for one in found]
    return Decided(sum(ended), sum(shared))


def _is_running(one: Experiment) -> bool:
    return one.rules is not None and one.decided_at is None


async def _end(store: Store, found: Results, now: datetime) -> bool:
    """Not one that was opened again by hand, which has a decision and no end: its rule has had its say."""
    verdict, before = found.verdict, found.experiment.decision
    if verdict is None or before is not None or verdict.state not in ("decided", "no-difference"):
        return False
    decision = _figures(found, verdict)
    async with store.writing() as connection:
        values = {"winner": verdict.winner, "decided_at": now, "decision": decision}
        if not await _put(connection, found.experiment, values, experiments.c.decision.is_(None)):
            return False
        await note(connection, now, ACTOR, "experiment decided", found.experiment.name, **decision)
    return True


def _figures(found: Results, verdict: Verdict) -> dict[str, Any]:
    return {
        "by": "rule",
        "state": verdict.state,
        "method": found.experiment.split.decide.method,
        "winner": verdict.winner,
        "counts": [asdict(one) for one in found.counts],
        "against_first": [_difference(one) for one in verdict.against_first],
        "breaches": [{"arm": one.arm, "about": one.guardrail.about} for one in verdict.breaches],
    }


def _difference(one: Comparison) -> dict[str, Any]:
    """Without bounds where too few are known for any: JSON has no infinity."""
    interval = one.difference.interval
    low, high = (bound if math.isfinite(bound) else None for bound in (interval.low, interval.high))
    return {"arm": one.arm, "by": one.difference.absolute, "low": low, "high": high}


async def _share(store: Store, found: Results) -> bool:
    """Newcomers go to the variants of a bandit as likely as each is the best, but to none that does harm."""
    one, verdict = found.experiment, found.verdict
    if one.split.decide.method != "bandit" or verdict is None or verdict.state != "running":
        return False
    assert one.split.metric is not None  # else there were no verdict
    harmful = {breach.arm for breach in verdict.breaches}
    shares = _shares(found, one.split.metric, harmful)
    if shares == list(one.shares or one.split.shares):
        return False
    async with store.writing() as connection:
        return await _put(connection, one, {"shares": shares})


def _shares(found: Results, metric: Metric, harmful: Collection[str]) -> list[int]:
    split = found.experiment.split
    fit = [one for one in found.counts if one.arm != HOLDOUT and one.arm not in harmful]
    better = 1 if metric.better == "more" else -1
    rest = SLOTS - split.holdout
    parts = bandit_shares([sample(one, metric) for one in fit], split.decide.floor / rest, better)
    whole = _whole(parts, rest)
    shares = dict(zip((one.arm for one in fit), whole, strict=True))
    return [split.holdout, *(shares.get(variant.name, 0) for variant in split.variants)]


def _whole(parts: Sequence[float], total: int) -> list[int]:
    """Whole numbers in these proportions; what is left by rounding goes to those that lost most by it."""
    exact = [part * total for part in parts]
    rounded = [int(one) for one in exact]
    by_loss = sorted(range(len(exact)), key=lambda place: rounded[place] - exact[place])
    for place in by_loss[: total - sum(rounded)]:
        rounded[place] += 1
    return rounded


async def _put(
    connection: AsyncConnection, one: Experiment, values: dict[str, Any], *where: ColumnElement[bool]
) -> bool:
    """Unless it has ended or begun anew meanwhile."""
    still = (
        experiments.c.name == one.name,
        experiments.c.generation == one.generation,
        experiments.c.decided_at.is_(None),
        *where,
    )
    done = await connection.execute(update(experiments).where(*still).values(**values))
    return bool(done.rowcount)
