"""What a journey brings, and each of its messages: customers whom it wrote to beside those whom the
programme's holdout kept it from writing to.

Both are customers to whom the gate would have written, from the moment when it said so for the first time:
that is where they part. Whoever bought is not asked what they clicked last. Whoever a cap stopped afterwards
stays among those written to.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.errors import JourneyflowError
from journeyflow.experiments.outcomes import outcomes
from journeyflow.experiments.verdict import HOLDOUT, Counts, sample
from journeyflow.inference.differences import Difference, Radius, at_every_look, difference
from journeyflow.language.problems import instead
from journeyflow.plan import Metric, Plan
from journeyflow.policy import Policy
from journeyflow.store.ledger import BEFORE_HOLDOUT, HELD_BY, messages
from journeyflow.store.programme import journey_versions, journeys, policies

WRITTEN = "written to"
_REASON = "holdout"  # the gate's rule
_EVERYBODY, _ALPHA = 10_000, 0.05
_MINIMUM = 100  # of each side, as of an experiment's arms; fewer are too few for intervals


@dataclass(frozen=True, slots=True)
class Effect:
    """`value` is of the goal's value, if it has one."""

    about: str  # the message's template; "": the whole journey
    held_out: Counts
    written: Counts
    conversions: Difference
    value: Difference | None


@dataclass(frozen=True, slots=True)
class JourneyEffects:
    journey: str
    metric: Metric
    effects: tuple[Effect, ...]  # of the journey, then of its messages by name


@dataclass(frozen=True, slots=True)
class _Addressed:
    """Those whom a journey, or one message of it, was about to write to; see `outcomes.Arms`."""

    journey: str
    template: str  # "": any
    shares: dict[str, int]
    metric: Metric

    @property
    def people(self) -> Subquery:
        """By the first decision about each, of those since somebody was held out at all."""
        arm = case((messages.c.reason == _REASON, HOLDOUT), else_=WRITTEN).label("arm")
        order = func.row_number().over(
            partition_by=messages.c.customer_id, order_by=(messages.c.at, messages.c.id)
        )
        columns = (messages.c.customer_id, arm, messages.c.at, order.label("place"))
        decided = select(*columns).where(*self._asked()).subquery("decided")
        people = select(decided.c.customer_id, decided.c.arm, decided.c.at).where(decided.c.place == 1)
        return people.subquery("exposed")

    def _asked(self) -> Sequence[ColumnElement[bool]]:
        other = messages.alias("other")
        held_out = (other.c.journey == self.journey, other.c.state == "dropped", other.c.reason == _REASON)
        first, last = (select(of(other.c.at)).where(*held_out) for of in (func.min, func.max))
        asked = [
            messages.c.journey == self.journey,
            # Later on there may be no holdout any more, and so nobody to compare with.
            messages.c.at.between(first.scalar_subquery(), last.scalar_subquery()),
            case(
                (messages.c.state.in_(("dropped", "held")), messages.c.reason.not_in(BEFORE_HOLDOUT)),
                (messages.c.state == "cancelled", _had_passed()),
                else_=True,
            ),
        ]
        return [*asked, messages.c.template == self.template] if self.template else asked


def _had_passed() -> ColumnElement[bool]:
    """Of what was cancelled. Whoever buys while a message waits often leaves the journey by it, so leaving
    these out would leave out buyers, and only of those written to."""
    held_by = func.coalesce(messages.c.detail[HELD_BY].as_string(), "")
    # One that was queued when the holdout grew is of neither side.
    return and_(messages.c.reason != _REASON, held_by.not_in(BEFORE_HOLDOUT))


async def effects_of(connection: AsyncConnection, journey: str, now: datetime) -> JourneyEffects:
    """Raises JourneyflowError where there is no such journey, or it has no goal that ends."""
    plan = await _plan(connection, journey)
    metric = _metric(plan)
    held_out = await _holdout(connection)
    shares = {HOLDOUT: held_out, WRITTEN: _EVERYBODY - held_out}
    templates = sorted({step.template for step in plan.steps if step.kind == "send"})
    asked = [_Addressed(journey, template, shares, metric) for template in ("", *templates)]
    found = [_effect(one, await outcomes(connection, one, now)) for one in asked]
    return JourneyEffects(journey, metric, tuple(found))


def _effect(addressed: _Addressed, counts: Sequence[Counts]) -> Effect:
    held_out, written = counts
    metrics = [replace(addressed.metric, value=None), addressed.metric]
    found = [difference(sample(written, one), sample(held_out, one), _radius(counts)) for one in metrics]
    value = found[1] if addressed.metric.value else None
    return Effect(addressed.template, held_out, written, found[0], value)


def _radius(counts: Sequence[Counts]) -> Radius:
    if min(one.matured for one in counts) < _MINIMUM:
        return lambda _: math.inf
    return at_every_look(_ALPHA)


async def _plan(connection: AsyncConnection, journey: str) -> Plan:
    query = select(journeys.c.name, journey_versions.c.plan).join_from(
        journeys, journey_versions, journeys.c.version_id == journey_versions.c.id
    )
    plans: dict[str, Any] = {row.name: row.plan for row in await connection.execute(query)}
    if journey not in plans:
        way_out = instead(journey, list(plans)) if plans else "none has been applied yet"
        raise JourneyflowError(f'no journey is called "{journey}"; {way_out}')
    return Plan.from_json(plans[journey])


def _metric(plan: Plan) -> Metric:
    goal = plan.goal
    if goal is None or goal.within is None:
        lacks = "no goal" if goal is None else 'a goal without "within"'
        raise JourneyflowError(
            f'the journey "{plan.journey}" has {lacks}, so there is nothing to compare; write one as in '
            '"goal: {event: order.completed, within: 30 days}"'
        )
    return Metric(goal.match, goal.within, goal.value)


async def _holdout(connection: AsyncConnection) -> int:
    query = select(policies.c.body).order_by(policies.c.id.desc()).limit(1)
    body = (await connection.execute(query)).scalar()
    return Policy.from_json(body).holdout if body is not None else 0
