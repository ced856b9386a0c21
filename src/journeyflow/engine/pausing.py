"""Pausing a journey: nobody enters it, and nothing of it is sent until somebody resumes it.

Who comes to a send in the meantime rests there. Resuming wakes them as an event would, in one transaction.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, Select, case, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.errors import JourneyflowError
from journeyflow.members import STRIDE
from journeyflow.store.audit import note
from journeyflow.store.database import Store, locked
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments, wakeups
from journeyflow.store.programme import journey_versions, journeys
from journeyflow.store.types import UtcDateTime

REASON = "paused"  # in the ledger
REST = timedelta(days=1)  # at a send, unless it is resumed before: a stop less often than that costs nothing
RETRY = timedelta(minutes=1)  # of what was queued already
_NO_EVENT = 0


class UnknownJourney(JourneyflowError):
    """None with this name was ever applied."""


@dataclass(frozen=True, slots=True)
class Paused:
    since: datetime
    before: bool  # it was paused already


def paused_at(journey: str) -> ScalarSelect[datetime | None]:
    return select(journeys.c.paused_at).where(journeys.c.name == journey).scalar_subquery()


async def still_paused(connection: AsyncConnection, journey: str) -> datetime | None:
    """Since when. Whoever resumes the journey waits for this transaction, and then finds whom it holds."""
    query = select(journeys.c.paused_at).where(journeys.c.name == journey)
    since: datetime | None = (await connection.execute(locked(connection, query, of=journeys))).scalar()
    return since


async def pause(store: Store, journey: str, now: datetime, actor: str) -> Paused:
    """What is being handed over at this moment goes out. Raises UnknownJourney."""
    async with store.writing() as connection:
        since = await _lock(connection, journey)
        if since is not None:
            return Paused(since, before=True)
        await _put(connection, journey, now)
        await note(connection, now, actor, "pause", journey)
        return Paused(now, before=False)


async def resume(store: Store, journey: str, now: datetime, actor: str) -> int | None:
    """How many rested because of the pause, and go on now; None: it was not paused. Raises UnknownJourney."""
    async with store.writing() as connection:
        since = await _lock(connection, journey)
        if since is None:
            return None
        await _put(connection, journey, None)
        columns = ["cohort_id", "member", "step", "event_id", "event_at"]
        wake = insert(wakeups).from_select(columns, _resting(journey, now))
        woken = await connection.execute(wake.execution_options(preserve_rowcount=True))
        await note(connection, now, actor, "resume", journey, since=since.isoformat(), members=woken.rowcount)
        return woken.rowcount


async def paused_journeys(connection: AsyncConnection) -> list[str]:
    query = select(journeys.c.name).where(journeys.c.paused_at.is_not(None)).order_by(journeys.c.name)
    return list((await connection.execute(query)).scalars())


async def _lock(connection: AsyncConnection, journey: str) -> datetime | None:
    """Since when it is paused."""
    query = select(journeys.c.paused_at).where(journeys.c.name == journey)
    found = (await connection.execute(locked(connection, query, of=journeys))).scalars().all()
    if not found:
        names = (await connection.execute(select(journeys.c.name).order_by(journeys.c.name))).scalars().all()
        there = f"applied are: {', '.join(names)}" if names else "none has been applied yet"
        raise UnknownJourney(f'no journey is called "{journey}"; {there}')
    since: datetime | None = found[0]
    return since


async def _put(connection: AsyncConnection, journey: str, since: datetime | None) -> None:
    await connection.execute(update(journeys).where(journeys.c.name == journey).values(paused_at=since))


def _resting(journey: str, now: datetime) -> Select[tuple[int, int, int, int, datetime]]:
    """Wake-ups of the members whom the pause holds at a send.

    A cohort takes none from before it came there, so not from before the gate was asked, by whatever clock.
    """
    moment = literal(now, UtcDateTime)
    versions = select(journey_versions.c.id).where(journey_versions.c.journey == journey)
    return (
        select(
            enrollments.c.cohort_id,
            enrollments.c.id - enrollments.c.cohort_id * STRIDE,
            enrollments.c.step,
            literal(_NO_EVENT),
            case((messages.c.at > moment, messages.c.at), else_=moment),
        )
        .join_from(enrollments, messages, messages.c.enrollment_id == enrollments.c.id)
        .where(enrollments.c.version_id.in_(versions), enrollments.c.state == "active")
        .where(messages.c.step == enrollments.c.step, messages.c.state == "held", messages.c.reason == REASON)
        .order_by(enrollments.c.id)
    )
