"""What came of each arm of an experiment, out of exposures and what the customers did after them.

The clock starts at exposure, never at sending, and a customer counts once the whole time for the outcome has
passed: else an arm that writes later would have had less time. Everybody stays in the arm that was drawn,
also who was capped, held back or has unsubscribed since.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    Select,
    Subquery,
    and_,
    case,
    cast,
    distinct,
    func,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.conditions import matches
from journeyflow.audience.json_sql import number_at
from journeyflow.experiments.verdict import Counts
from journeyflow.plan import Decide, Metric
from journeyflow.store.customers import consent_log, events
from journeyflow.store.experiments import exposures
from journeyflow.store.spans import day_of, seconds_between

COMPLAINED = "email.complained"
_RARE = 0.001  # of the customers: what they spend beyond all others counts as much as the least of them


class Arms(Protocol):
    """Customers in arms, each with the moment from which the arms can differ."""

    @property
    def shares(self) -> dict[str, int]:
        """Of each arm, in hundredths of a percent."""

    @property
    def metric(self) -> Metric | None:
        """None: only who was exposed is counted."""

    @property
    def people(self) -> Subquery:
        """Has `customer_id`, once each, `arm` and `at`."""


@dataclass(frozen=True, slots=True)
class Run:
    """One generation of an experiment."""

    experiment: str
    generation: int
    shares: dict[str, int]
    metric: Metric | None
    until: datetime | None = None  # who is exposed later does not count; None: everybody counts

    @property
    def people(self) -> Subquery:
        query = select(exposures.c.customer_id, exposures.c.arm, exposures.c.at).where(
            exposures.c.experiment == self.experiment, exposures.c.generation == self.generation
        )
        if self.until is not None:
            query = query.where(exposures.c.at <= self.until)
        return query.subquery("exposed")


@dataclass(frozen=True, slots=True)
class Day:
    """Of one arm: those who were exposed on one day of UTC."""

    arm: str
    day: date
    exposed: int
    matured: int = 0
    converted: int = 0
    total: float = 0.0
    squares: float = 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """Of the exposures of a run, in all arms."""

    first: datetime | None = None
    last: datetime | None = None


async def exposed_from(connection: AsyncConnection, arms: Arms, now: datetime) -> Span:
    people = arms.people
    query = select(func.min(people.c.at), func.max(people.c.at)).where(people.c.at <= now)
    return Span(*(await connection.execute(query)).one())


def at_its_look(run: Run, decide: Decide, first: datetime | None) -> Run:
    """A fixed test is about those who were exposed in the time that was agreed on: whoever came later would
    make a second look of it."""
    if decide.method != "fixed" or decide.stop_after is None or first is None:
        return run
    return replace(run, until=first + timedelta(seconds=decide.stop_after))


def is_over(metric: Metric, decide: Decide, first: datetime | None, now: datetime) -> bool:
    """Whether `stop_after` has passed, and the outcomes of all who were exposed by then are known."""
    if first is None or decide.stop_after is None:
        return False
    return now >= first + timedelta(seconds=decide.stop_after + metric.within)


async def outcomes(connection: AsyncConnection, arms: Arms, now: datetime) -> list[Counts]:
    """Of every arm, in the order of the shares."""
    return await with_harm(connection, arms, now, await by_day(connection, arms, now))


async def by_day(connection: AsyncConnection, arms: Arms, now: datetime) -> list[Day]:
    """By the day of exposure, then by arm."""
    found = {(row.arm, row.day): row for row in await connection.execute(_exposed(arms, now))}
    matured = sum(row.matured for row in found.values())
    hits = await _sums(connection, arms, _begin(day for _, day in found), now, matured) if matured else {}
    none = (0, 0.0, 0.0)
    days = [
        Day(arm, date.fromisoformat(day), row.exposed, row.matured, *hits.get((arm, day), none))
        for (arm, day), row in found.items()
    ]
    return sorted(days, key=lambda one: (one.day, one.arm))


async def with_harm(
    connection: AsyncConnection, arms: Arms, now: datetime, days: Sequence[Day]
) -> list[Counts]:
    """All days together, with who unsubscribed and complained."""
    counted = totals(arms, days)
    if arms.metric is None or not any(one.matured for one in counted):
        return counted
    since = _begin(one.day.isoformat() for one in days)
    unsubscribed = await _by_arm(connection, _unsubscribed(arms.people, arms.metric, since, now))
    complained = await _by_arm(connection, _complained(arms.people, arms.metric, since, now))
    return [
        replace(one, unsubscribed=unsubscribed.get(one.arm, 0), complained=complained.get(one.arm, 0))
        for one in counted
    ]


def totals(arms: Arms, days: Iterable[Day]) -> list[Counts]:
    by_arm: dict[str, list[Day]] = defaultdict(list)
    for one in days:
        by_arm[one.arm].append(one)
    return [_total(arm, share, by_arm[arm]) for arm, share in arms.shares.items()]


def _total(arm: str, share: int, days: Sequence[Day]) -> Counts:
    return Counts(
        arm,
        share,
        sum(one.exposed for one in days),
        sum(one.matured for one in days),
        sum(one.converted for one in days),
        sum(one.total for one in days),
        sum(one.squares for one in days),
    )


async def _by_arm(connection: AsyncConnection, query: Select[Any]) -> dict[str, int]:
    return {row[0]: row[1] for row in await connection.execute(query)}


def _begin(days: Iterable[str]) -> datetime:
    return datetime.combine(date.fromisoformat(min(days)), time(), UTC)


def _exposed(arms: Arms, now: datetime) -> Select[Any]:
    people = arms.people
    matured = case((_has_matured(people, arms.metric, now), 1), else_=0) if arms.metric else literal(0)
    columns = (people.c.arm, day_of(people.c.at).label("day"))
    counts = (func.count().label("exposed"), func.sum(matured).label("matured"))
    return select(*columns, *counts).where(people.c.at <= now).group_by(*columns)


async def _sums(
    connection: AsyncConnection, arms: Arms, since: datetime, now: datetime, matured: int
) -> dict[tuple[str, str], tuple[int, float, float]]:
    """By arm and day: how many converted, the sum of their values and that of the squares."""
    if arms.metric is None:
        return {}
    found = _hits(arms.people, arms.metric, since, now)
    hits = found.cte("hits").prefix_with("MATERIALIZED", dialect="postgresql")
    value, columns = _bounded(hits, arms.metric, matured), (hits.c.arm, hits.c.day)
    query = select(
        *columns, func.count(), func.sum(value).label("total"), func.sum(value * value).label("squares")
    )
    rows = await connection.execute(query.group_by(*columns))
    return {(arm, day): (number, float(total), float(squares)) for arm, day, number, total, squares in rows}


def _hits(people: FromClause, metric: Metric, since: datetime, now: datetime) -> Select[Any]:
    """A row for each customer who converted. `since`, before all of it, spares older months of events."""
    worth = number_at(events.c.properties, metric.value) if metric.value else literal(0.0, Float)
    theirs = and_(events.c.customer_id == people.c.customer_id, matches(metric.match, events))
    value = func.coalesce(cast(func.sum(worth), Float), 0.0)
    return (
        select(people.c.arm, day_of(people.c.at).label("day"), value.label("value"))
        .join_from(people, events, theirs)
        .where(
            events.c.at >= since, _has_matured(people, metric, now), *_in_time(people, metric, events.c.at)
        )
        .group_by(people.c.customer_id, people.c.arm, people.c.at)
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
        most = rest.scalar_subquery()  # NULL, no bound, where so few have converted
    return case((hits.c.value > most, most), else_=hits.c.value)


def _unsubscribed(people: FromClause, metric: Metric, since: datetime, now: datetime) -> Select[Any]:
    """Who said no to a channel or a topic."""
    said_no = and_(consent_log.c.state == "denied", consent_log.c.at >= since)
    return _harmed(people, metric, now, consent_log, said_no)


def _complained(people: FromClause, metric: Metric, since: datetime, now: datetime) -> Select[Any]:
    complained = and_(events.c.name == COMPLAINED, events.c.at >= since)
    return _harmed(people, metric, now, events, complained)


def _harmed(
    people: FromClause, metric: Metric, now: datetime, happened: FromClause, is_meant: ColumnElement[bool]
) -> Select[Any]:
    """How many in each arm; they count once, however often it happened."""
    return (
        select(people.c.arm, func.count(distinct(people.c.customer_id)))
        .join_from(people, happened, happened.c.customer_id == people.c.customer_id)
        .where(is_meant, _has_matured(people, metric, now), *_in_time(people, metric, happened.c.at))
        .group_by(people.c.arm)
    )


def _has_matured(people: FromClause, metric: Metric, now: datetime) -> ColumnElement[bool]:
    return people.c.at <= now - timedelta(seconds=metric.within)


def _in_time(people: FromClause, metric: Metric, at: ColumnElement[Any]) -> Sequence[ColumnElement[bool]]:
    return at > people.c.at, seconds_between(people.c.at, at) <= metric.within
