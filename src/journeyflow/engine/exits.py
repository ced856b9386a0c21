"""Leaving a journey while resting in it: by an event, or with a segment."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.engine.held import cancel_held
from journeyflow.store.passages import enrollments


async def leave(connection: AsyncConnection, ids: Sequence[int], reason: str, now: datetime) -> None:
    """Passages that this transaction has locked end; the cohort's workflow finds it out by itself."""
    if ids:
        values = {"state": "exited", "reason": reason, "step": None, "wake_at": None, "ended_at": now}
        await connection.execute(update(enrollments).where(enrollments.c.id.in_(ids)).values(**values))
        await cancel_held(connection, ids, "exited")
