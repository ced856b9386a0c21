"""Where everyone is, in numbers: one report for each journey."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.engine.programme import Programme
from journeyflow.store.database import Store
from journeyflow.store.experiments import experiments, exposures
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments
from journeyflow.store.programme import journey_versions, journeys


@dataclass(frozen=True, slots=True)
class Resting:
    """Members at one stop of one version."""

    version: str  # the digest
    step: str  # its path in the YAML
    kind: str
    members: int
    first_due: datetime | None
    last_due: datetime | None


@dataclass(frozen=True, slots=True)
class Tried:
    """An experiment since it was started, or started anew."""

    name: str
    exposed: int  # customers
    decided_at: datetime | None  # None: it goes on
    winner: str | None


@dataclass(slots=True)
class JourneyStatus:
    name: str
    version: str  # the digest of the version in force
    enabled: bool
    title: str
    paused_at: datetime | None
    entered: int = 0
    inside: int = 0
    finished: int = 0
    failed: int = 0
    reached_goal: int = 0
    exited: Counter[str] = field(default_factory=Counter)  # by rule
    resting: list[Resting] = field(default_factory=list)
    experiments: list[Tried] = field(default_factory=list)
    messages: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # (channel, state, reason)


async def status(store: Store, programme: Programme, journey: str | None = None) -> list[JourneyStatus]:
    """By name, or of one alone; journeys without a file any more are there too, if they were ever applied."""
    async with store.reading() as connection:
        found = await _journeys(connection, programme, journey)
        versions = await _versions(connection, found)
        await _count_enrollments(connection, versions, found)
        await _count_resting(connection, programme, versions, found)
        await _count_exposed(connection, found)
        await _count_messages(connection, versions, found)
    return sorted(found.values(), key=lambda one: one.name)


async def _journeys(
    connection: AsyncConnection, programme: Programme, journey: str | None
) -> dict[str, JourneyStatus]:
    query = select(journeys) if journey is None else select(journeys).where(journeys.c.name == journey)
    found = {}
    for row in (await connection.execute(query)).all():
        plan = await programme.plan(connection, row.version_id)
        found[row.name] = JourneyStatus(row.name, plan.digest, row.enabled, plan.title, row.paused_at)
    return found


async def _versions(connection: AsyncConnection, found: dict[str, JourneyStatus]) -> list[int]:
    query = select(journey_versions.c.id).where(journey_versions.c.journey.in_(list(found)))
    return list((await connection.execute(query)).scalars())


async def _count_enrollments(
    connection: AsyncConnection, versions: list[int], found: dict[str, JourneyStatus]
) -> None:
    kinds = (enrollments.c.journey, enrollments.c.state, enrollments.c.reason)
    counts = (func.count().label("members"), func.count(enrollments.c.goal_at).label("goals"))
    query = select(*kinds, *counts).where(enrollments.c.version_id.in_(versions)).group_by(*kinds)
    for row in await connection.execute(query):
        one = found[row.journey]
        one.entered += row.members
        one.reached_goal += row.goals
        match row.state:
            case "active":
                one.inside += row.members
            case "finished":
                one.finished += row.members
            case "failed":
                one.failed += row.members
            case "exited":
                one.exited[row.reason] += row.members


async def _count_resting(
    connection: AsyncConnection, programme: Programme, versions: list[int], found: dict[str, JourneyStatus]
) -> None:
    query = (
        select(
            enrollments.c.journey,
            enrollments.c.version_id,
            enrollments.c.step,
            func.count().label("members"),
            func.min(enrollments.c.wake_at).label("first_due"),
            func.max(enrollments.c.wake_at).label("last_due"),
        )
        .where(enrollments.c.version_id.in_(versions), enrollments.c.state == "active")
        .group_by(enrollments.c.journey, enrollments.c.version_id, enrollments.c.step)
        .order_by(enrollments.c.version_id, enrollments.c.step)
    )
    for row in (await connection.execute(query)).all():
        plan = await programme.plan(connection, row.version_id)
        step = None if row.step is None else plan.steps[row.step]
        path, kind = ("start", "start") if step is None else (step.path, step.kind)
        resting = Resting(plan.digest, path, kind, row.members, row.first_due, row.last_due)
        found[row.journey].resting.append(resting)


async def _count_exposed(connection: AsyncConnection, found: dict[str, JourneyStatus]) -> None:
    mine = (exposures.c.experiment == experiments.c.name, exposures.c.generation == experiments.c.generation)
    exposed = select(func.count()).select_from(exposures).where(*mine).scalar_subquery()
    query = select(experiments, exposed.label("exposed")).where(experiments.c.journey.in_(list(found)))
    for row in await connection.execute(query.order_by(experiments.c.name)):
        found[row.journey].experiments.append(Tried(row.name, row.exposed, row.decided_at, row.winner))


async def _count_messages(
    connection: AsyncConnection, versions: list[int], found: dict[str, JourneyStatus]
) -> None:
    kinds = (journey_versions.c.journey, messages.c.channel, messages.c.state, messages.c.reason)
    query = (
        select(*kinds, func.count().label("number"))
        .join_from(messages, journey_versions, journey_versions.c.id == messages.c.version_id)
        .where(messages.c.version_id.in_(versions))
        .group_by(*kinds)
    )
    for row in await connection.execute(query):
        found[row.journey].messages[row.channel, row.state, row.reason or ""] += row.number
