"""Messages that are held rest with their passage, and end with it."""

from collections.abc import Collection

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.ledger import cancelled, messages


async def cancel_held(connection: AsyncConnection, enrollments: Collection[int], ended: str) -> None:
    """Of passages that this transaction has locked and ended: nobody will ask again for these messages.

    `ended` is how: exited or failed.
    """
    if enrollments:
        theirs = (messages.c.enrollment_id.in_(enrollments), messages.c.state == "held")
        await connection.execute(update(messages).where(*theirs).values(**cancelled(ended)))
