"""Who is in a segment now, some at a time."""

from collections.abc import AsyncIterator

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.segments import segment_members, segments


async def names(connection: AsyncConnection) -> list[str]:
    return list((await connection.execute(select(segments.c.name).order_by(segments.c.name))).scalars())


async def size(connection: AsyncConnection, segment: str) -> int:
    return (await connection.execute(select(func.count()).where(*_inside(segment)))).scalar_one()


async def members(store: Store, segment: str, batch: int) -> AsyncIterator[list[str]]:
    """The keys, in portions; each is read when it is wanted."""
    query = (
        select(customers.c.id, customers.c.key)
        .join_from(segment_members, customers, customers.c.id == segment_members.c.customer_id)
        .where(*_inside(segment))
        .order_by(customers.c.id)
        .limit(batch)
    )
    last = 0
    while True:
        async with store.reading() as connection:
            rows = (await connection.execute(query.where(customers.c.id > last))).all()
        if not rows:
            return
        last = rows[-1].id
        yield [row.key for row in rows]


def _inside(segment: str) -> tuple[ColumnElement[bool], ...]:
    return segment_members.c.segment == segment, segment_members.c.left_at.is_(None)
