"""Where everyone is, in numbers: one report for each journey."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.engine.programme import Programme
from journeyflow.store.database import Store
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


@dataclass(slots=True)
class JourneyStatus:
    name: str
    version: str  # the digest of the version in force
    enabled: bool
    entered: int = 0
    inside: int = 0
    finished: int = 0
    failed: int = 0
    reached_goal: int = 0
    exited: Counter[str] = field(default_factory=Counter)  # by rule
    resting: list[Resting] = field(default_factory=list)
    messages: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # (channel, state, reason)


async def status(store: Store, programme: Programme) -> list[JourneyStatus]:
    """By name; journeys without a file any more are there too, as long as they were ever applied."""
    async with store.reading() as connection:
        found = await _journeys(connection)
        await _count_enrollments(connection, found)
        await _count_resting(connection, programme, found)
        await _count_messages(connection, found)
    return sorted(found.values(), key=lambda one: one.name)


async def _journeys(connection: AsyncConnection) -> dict[str, JourneyStatus]:
    query = select(journeys.c.name, journey_versions.c.digest, journeys.c.enabled).join_from(
        journeys, journey_versions, journey_versions.c.id == journeys.c.version_id
    )
    return {row.name: JourneyStatus(*row) for row in await connection.execute(query)}


async def _count_enrollments(connection: AsyncConnection, found: dict[str, JourneyStatus]) -> None:
    query = select(
        enrollments.c.journey,
        enrollments.c.state,
        enrollments.c.reason,
        func.count().label("members"),
        func.count(enrollments.c.goal_at).label("goals"),
    ).group_by(enrollments.c.journey, enrollments.c.state, enrollments.c.reason)
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
    connection: AsyncConnection, programme: Programme, found: dict[str, JourneyStatus]
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
        .where(enrollments.c.state == "active")
        .group_by(enrollments.c.journey, enrollments.c.version_id, enrollments.c.step)
        .order_by(enrollments.c.version_id, enrollments.c.step)
    )
    for row in (await connection.execute(query)).all():
        plan = await programme.plan(connection, row.version_id)
        step = None if row.step is None else plan.steps[row.step]
        path, kind = ("start", "start") if step is None else (step.path, step.kind)
        resting = Resting(plan.digest, path, kind, row.members, row.first_due, row.last_due)
        found[row.journey].resting.append(resting)


async def _count_messages(connection: AsyncConnection, found: dict[str, JourneyStatus]) -> None:
    kinds = (journey_versions.c.journey, messages.c.channel, messages.c.state, messages.c.reason)
    query = (
        select(*kinds, func.count().label("number"))
        .join_from(messages, journey_versions, journey_versions.c.id == messages.c.version_id)
        .group_by(*kinds)
    )
    for row in await connection.execute(query):
        found[row.journey].messages[row.channel, row.state, row.reason or ""] += row.number
