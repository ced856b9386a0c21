"""Putting the programme's segments into force, as a part of putting all of it into force."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow import digests
from journeyflow.store.database import locked, upsert
from journeyflow.store.segments import segment_members, segments


@dataclass(frozen=True, slots=True)
class PlannedSegment:
    """A segment as its row has it; see the table."""

    name: str
    condition: dict[str, Any]
    on_events: bool
    on_customers: bool
    on_consents: bool
    on_messages: bool
    on_rfm: bool
    on_time: bool

    @property
    def digest(self) -> str:
        """Of all but the name."""
        content = {key: value for key, value in asdict(self).items() if key != "name"}
        return digests.digest(content)


@dataclass(frozen=True, slots=True)
class SegmentChanges:
    changed: tuple[str, ...] = ()  # new ones among them
    removed: tuple[str, ...] = ()


NO_CHANGES = SegmentChanges()


async def put_segments(
    connection: AsyncConnection, planned: Sequence[PlannedSegment], now: datetime
) -> SegmentChanges:
    """One that is new or has another condition waits to be asked about everybody.

    Who was in one that is gone has left it, which is no reason to leave a journey.
    """
    query = locked(connection, select(segments).order_by(segments.c.name), of=segments)
    known = {row.name: row.digest for row in await connection.execute(query)}
    changed = [one for one in planned if known.get(one.name) != one.digest]
    if changed:
        rows = [asdict(one) | {"digest": one.digest, "applied_at": now} for one in changed]
        rewritten = [column for column in rows[0] if column != "name"]
        await connection.execute(
            upsert(connection, segments, ["name"], [*rewritten, "refreshed_at", "took"]), rows
        )
    removed = sorted(known.keys() - {one.name for one in planned})
    if removed:
        await _remove(connection, removed, now)
    return SegmentChanges(tuple(sorted(one.name for one in changed)), tuple(removed))


async def _remove(connection: AsyncConnection, names: Sequence[str], now: datetime) -> None:
    theirs = (segment_members.c.segment.in_(names), segment_members.c.left_at.is_(None))
    await connection.execute(update(segment_members).where(*theirs).values(left_at=now))
    await connection.execute(delete(segments).where(segments.c.name.in_(names)))
