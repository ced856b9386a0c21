"""Row locks on PostgreSQL, in one order: a cohort, enrollments, customers, messages, each by id.

On SQLite the whole transaction is exclusive, so nothing is done there.
"""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.customers import customers
from journeyflow.store.database import locked
from journeyflow.store.lists import among
from journeyflow.store.passages import enrollments


async def lock_customers(connection: AsyncConnection, ids: Iterable[int]) -> None:
    """Whoever changes these customers, or asks for their last place under a cap, waits for us."""
    if connection.dialect.name != "sqlite":
        query = (
            select(customers.c.id).where(among(connection, customers.c.id, set(ids))).order_by(customers.c.id)
        )
        await connection.execute(locked(connection, query, of=customers))


async def lock_enrollments(connection: AsyncConnection, ids: Iterable[int]) -> None:
    if connection.dialect.name != "sqlite":
        query = select(enrollments.c.id).where(among(connection, enrollments.c.id, set(ids)))
        await connection.execute(locked(connection, query.order_by(enrollments.c.id), of=enrollments))


async def lock_enrollments_of(connection: AsyncConnection, ids: Iterable[int]) -> None:
    """All enrollments of these customers."""
    if connection.dialect.name != "sqlite":
        query = select(enrollments.c.id).where(among(connection, enrollments.c.customer_id, set(ids)))
        await connection.execute(locked(connection, query.order_by(enrollments.c.id), of=enrollments))
