"""The experiments of a store: what each is about, as its journey says now, and how it stands.

One that has ended may be edited. It is then about what its journey said while it ran.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.experiments.designs import SPLIT
from journeyflow.experiments.outcomes import Run
from journeyflow.experiments.verdict import HOLDOUT, Rules
from journeyflow.plan import Plan, Split
from journeyflow.store.experiments import experiments
from journeyflow.store.programme import journey_versions, journeys


@dataclass(frozen=True, slots=True)
class Experiment:
    journey: str
    split: Split
    generation: int = 1
    winner: str | None = None  # the variant that all newcomers get
    decided_at: datetime | None = None
    decision: dict[str, Any] | None = None
    shares: tuple[int, ...] | None = None  # that a bandit has given, of the holdout and the variants
    is_kept: bool = True  # False: it came into force by an earlier version of the program

    @property
    def name(self) -> str:
        return self.split.experiment

    @property
    def rules(self) -> Rules | None:
        """None: it has no metric, so nothing is decided."""
        if self.split.metric is None:
            return None
        return Rules(self.split.metric, self.split.guardrails, self.split.decide)

    @property
    def is_ended_by_rule(self) -> bool:
        return self.decided_at is not None and (self.decision or {}).get("by") == "rule"

    def as_of(self, now: datetime) -> "Experiment":
        """Without a decision that came later."""
        if self.decided_at is None or self.decided_at <= now:
            return self
        return replace(self, winner=None, decided_at=None, decision=None)

    @property
    def run(self) -> Run:
        """As far as it has a generation and arms; all of it is given by the split."""
        arms = (HOLDOUT, *(variant.name for variant in self.split.variants))
        shares = dict(zip(arms, self.shares or self.split.shares, strict=True))
        if not self.split.holdout:
            del shares[HOLDOUT]
        return Run(self.name, self.generation, shares, self.split.metric)


async def known_experiments(connection: AsyncConnection) -> list[Experiment]:
    """By name: those of the programme in force, and those that were in it once."""
    kept = {row.name: row for row in await connection.execute(select(experiments))}
    found = {one.name: one for one in _in(await _plans_in_force(connection))}
    for name, row in kept.items():
        if name not in found or not _has_its_design(found[name], row):
            ran = await _as_it_ran(connection, row)
            found |= {name: ran} if ran else {}
    return [_standing(found[name], kept.get(name)) for name in sorted(found)]


def _in(plans: Iterable[Plan]) -> Iterable[Experiment]:
    for plan in plans:
        for step in plan.steps:
            if isinstance(step, Split):
                yield Experiment(plan.journey, step)


async def _plans_in_force(connection: AsyncConnection) -> list[Plan]:
    query = select(journey_versions.c.plan).join_from(
        journeys, journey_versions, journeys.c.version_id == journey_versions.c.id
    )
    return [Plan.from_json(plan) for plan in (await connection.execute(query)).scalars()]


async def _as_it_ran(connection: AsyncConnection, row: Any) -> Experiment | None:
    """By the newest version of this design; if there is none, by the newest that has the experiment."""
    newest = None
    async for one in _earlier(connection, row.name, row.journey):
        if _has_its_design(one, row):
            return one
        newest = newest or one
    return newest


def _has_its_design(one: Experiment, row: Any) -> bool:
    """Also where the design is not known, since it was compiled by an earlier version of the program."""
    kept = row.design.get(SPLIT)
    return one.split.design in ("", kept) or kept is None


async def _earlier(connection: AsyncConnection, name: str, journey: str) -> AsyncIterator[Experiment]:
    """As the versions of the journey had it, the newest first."""
    query = select(journey_versions.c.id).where(journey_versions.c.journey == journey)
    for version in (await connection.execute(query.order_by(journey_versions.c.id.desc()))).scalars().all():
        asked = select(journey_versions.c.plan).where(journey_versions.c.id == version)
        plan = Plan.from_json((await connection.execute(asked)).scalar_one())
        for one in _in([plan]):
            if one.name == name:
                yield one


def _standing(one: Experiment, row: Any) -> Experiment:
    if row is None:
        return replace(one, is_kept=False)
    # An earlier version of the journey may have other variants than the shares were made for.
    fits = row.shares is not None and len(row.shares) == len(one.split.shares)
    return Experiment(
        one.journey,
        one.split,
        row.generation,
        row.winner,
        row.decided_at,
        row.decision,
        tuple(row.shares) if fits else None,
    )
