"""What came of each arm of an experiment, out of exposures and what the customers did after them.

The clock starts at exposure, never at sending, and a customer counts once the whole time for the outcome has
passed: else an arm that writes later would have had less time. Everybody stays in the arm that was drawn,
also who was capped, held back or has unsubscribed since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    Select,
    and_,
    case,
    cast,
    distinct,
    exists,
    func,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.conditions import matches
from journeyflow.audience.json_sql import number_at
from journeyflow.experiments.verdict import Counts
from journeyflow.plan import Metric
from journeyflow.store.customers import consent_log, events
from journeyflow.store.experiments import exposures
from journeyflow.store.spans import seconds_between

COMPLAINED = "email.complained"
_RARE = 0.001  # of the customers: what they spend beyond all others counts as much as the least of them


@dataclass(frozen=True, slots=True)
class Run:
    """One generation of an experiment; `shares` by arm, in hundredths of a percent."""

    experiment: str
    generation: int
    shares: dict[str, int]
    metric: Metric


async def outcomes(connection: AsyncConnection, run: Run, now: datetime) -> list[Counts]:
    """Of every arm, in the order of the shares."""
    exposed = await _by_arm(connection, _exposed(run))
    matured = await _by_arm(connection, _exposed(run).where(_is_over(run, now)))
    sums = await _sums(connection, run, now, sum(matured.values()))
    unsubscribed = await _by_arm(connection, _unsubscribed(run, now))
    complained = await _by_arm(connection, _complained(run, now))
    return [
        Counts(
            arm,
            share,
            exposed.get(arm, 0),
            matured.get(arm, 0),
            *sums.get(arm, (0, 0.0, 0.0)),
            unsubscribed.get(arm, 0),
            complained.get(arm, 0),
        )
        for arm, share in run.shares.items()
    ]


async def _by_arm(connection: AsyncConnection, query: Select[Any]) -> dict[str, int]:
    return {row[0]: row[1] for row in await connection.execute(query)}


def _exposed(run: Run) -> Select[Any]:
    return select(exposures.c.arm, func.count()).where(*_of(run)).group_by(exposures.c.arm)


async def _sums(
    connection: AsyncConnection, run: Run, now: datetime, matured: int
) -> dict[str, tuple[int, float, float]]:
    """By arm: how many converted, the sum of their values and that of the squares."""
    hits = _hits(run, now).cte("hits").prefix_with("MATERIALIZED", dialect="postgresql")
    value = _bounded(hits, run.metric, matured)
    query = select(
        hits.c.arm, func.count(), func.sum(value).label("total"), func.sum(value * value).label("squares")
    )
    rows = await connection.execute(query.group_by(hits.c.arm))
    return {arm: (number, float(total), float(squares)) for arm, number, total, squares in rows}


def _hits(run: Run, now: datetime) -> Select[Any]:
    """A row for each customer who converted."""
    worth = number_at(events.c.properties, run.metric.value) if run.metric.value else literal(0.0, Float)
    theirs = and_(events.c.customer_id == exposures.c.customer_id, matches(run.metric.match, events))
    return (
        select(exposures.c.arm, func.coalesce(cast(func.sum(worth), Float), 0.0).label("value"))
        .join_from(exposures, events, theirs)
        .where(*_of(run), _is_over(run, now), *_after_exposure(run, events.c.at))
        .group_by(exposures.c.customer_id, exposures.c.arm)
    )


def _bounded(hits: FromClause, metric: Metric, matured: int) -> ColumnElement[float]:
    """The value, as far as one customer may count. Without a bound of the user's it is what all but one in a
    thousand customers, of all arms together, stay below."""
    if metric.value is None:
        return hits.c.value
    if metric.most is not None:
        most: ColumnElement[Any] = literal(metric.most, Float)
    else:
        rest = select(hits.c.value).order_by(hits.c.value.desc()).offset(int(matured * _RARE)).limit(1)
        most = rest.scalar_subquery()
    return case((hits.c.value > most, most), else_=hits.c.value)


def _unsubscribed(run: Run, now: datetime) -> Select[Any]:
    """Who said no to a channel or a topic."""
    theirs = exposures.c.customer_id == consent_log.c.customer_id
    return (
        select(exposures.c.arm, func.count(distinct(exposures.c.customer_id)))
        .join_from(consent_log, exposures, theirs)
        .where(consent_log.c.state == "denied", *_of(run), _is_over(run, now))
        .where(*_after_exposure(run, consent_log.c.at))
        .group_by(exposures.c.arm)
    )


def _complained(run: Run, now: datetime) -> Select[Any]:
    theirs = (events.c.customer_id == exposures.c.customer_id, events.c.name == COMPLAINED)
    told = exists().where(*theirs, *_after_exposure(run, events.c.at)).correlate(exposures)
    return _exposed(run).where(_is_over(run, now), told)


def _of(run: Run) -> Sequence[ColumnElement[bool]]:
    return exposures.c.experiment == run.experiment, exposures.c.generation == run.generation


def _is_over(run: Run, now: datetime) -> ColumnElement[bool]:
    return exposures.c.at <= now - timedelta(seconds=run.metric.within)


def _after_exposure(run: Run, at: ColumnElement[Any]) -> Sequence[ColumnElement[bool]]:
    return at > exposures.c.at, seconds_between(exposures.c.at, at) <= run.metric.within
