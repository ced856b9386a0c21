"""The classes of customers by their purchases, computed anew: who has moved is told as an event.

In batches, each a transaction with its events. Only what differs from what is stored is written, so it may be
cut short and run again: whoever has moved by then does not move a second time.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.rfm import STANDING, changes, figures, without_purchases
from journeyflow.engine.programme import Programme
from journeyflow.plan import RESERVED
from journeyflow.policy import Purchases
from journeyflow.rfm import MOVED_UP, RANKED, Class, moved
from journeyflow.store.customers import customers
from journeyflow.store.database import Store, locked, upsert
from journeyflow.store.events import add_events
from journeyflow.store.programme import policies
from journeyflow.store.segments import rfm, touch

_BATCH = 1_000  # customers of a transaction


@dataclass(frozen=True, slots=True)
class Computed:
    """How many customers got a row or another one, moved, or lost theirs."""

    changed: int = 0
    moved_up: int = 0
    moved_down: int = 0
    gone: int = 0

    def __add__(self, other: "Computed") -> "Computed":
        return Computed(**{name: value + getattr(other, name) for name, value in asdict(self).items()})


@dataclass(frozen=True, slots=True)
class Figures:
    """One class; what its customers have in the middle."""

    name: Class
    size: int
    days: int  # since the last purchase
    number: int  # of purchases
    paid: float


async def compute(store: Store, programme: Programme, now: datetime, limit: int = _BATCH) -> Computed:
    """Nothing is done where the policy has no `purchases`.

    Who has a class for the first time, or for the first time since the policy says something else about
    purchases, has not moved.
    """
    done = Computed()
    async with store.reading() as connection:
        purchases = (await programme.policy(connection)).purchases
        if purchases is None:
            return done
        since = await _in_force_since(connection, purchases)
        async for rows in _batches(connection, changes(purchases, now, since), limit):
            done += await _put(store, rows, since, now)
        async for rows in _batches(connection, without_purchases(purchases, now), limit):
            done += await _remove(store, [row.customer_id for row in rows], purchases, now)
    return done


async def classes(store: Store, programme: Programme, now: datetime) -> list[Figures] | None:
    """As they would be computed now, the best first; None where the policy has no `purchases`."""
    async with store.reading() as connection:
        purchases = (await programme.policy(connection)).purchases
        if purchases is None:
            return None
        rows = {row[0]: row[1:] for row in await connection.execute(figures(purchases, now))}
    found = ((name, rows[name]) for name in reversed(RANKED) if name in rows)
    return [Figures(name, size, days, number, float(paid)) for name, (size, days, number, paid) in found]


async def _in_force_since(connection: AsyncConnection, purchases: Purchases) -> datetime:
    """The time from which on every policy has said the same about purchases."""
    query = select(policies.c.body, policies.c.applied_at).order_by(policies.c.id.desc())
    rows = (await connection.execute(query)).all()
    since: datetime = rows[0].applied_at
    for row in rows:
        if row.body.get("purchases") != asdict(purchases):
            break
        since = row.applied_at
    return since


async def _batches(
    connection: AsyncConnection, query: Select[Any], limit: int
) -> AsyncIterator[Sequence[Row[Any]]]:
    """Read bit by bit, while others write."""
    async with connection.stream(query) as result:
        async for rows in result.partitions(limit):
            yield rows


async def _put(store: Store, rows: Sequence[Row[Any]], since: datetime, now: datetime) -> Computed:
    async with store.writing() as connection:
        there = await _locked(connection, [row.customer_id for row in rows])
        values = [{**row._mapping, "at": now} for row in rows if row.customer_id in there]
        if not values:
            return Computed()
        before = await _classes(connection, there, since)
        columns = [*STANDING[1:], "at"]
        await connection.execute(upsert(connection, rfm, ["customer_id"], columns), values)
        told = list(_moves(values, before, now))
        await add_events(connection, told)
        await touch(connection, there, "rfm")
    up = sum(row["name"] == MOVED_UP for row in told)
    return Computed(changed=len(values), moved_up=up, moved_down=len(told) - up)


async def _locked(connection: AsyncConnection, ids: Sequence[int]) -> set[int]:
    """Those who have not been erased meanwhile, nor will be before we are done."""
    query = select(customers.c.id).where(customers.c.id.in_(ids)).order_by(customers.c.id)
    return set((await connection.execute(locked(connection, query, of=customers))).scalars())


async def _classes(connection: AsyncConnection, ids: Iterable[int], since: datetime) -> dict[int, Class]:
    query = select(rfm.c.customer_id, rfm.c["class"]).where(rfm.c.customer_id.in_(ids), rfm.c.at >= since)
    return {row[0]: row[1] for row in await connection.execute(query)}


def _moves(
    values: Iterable[Mapping[str, Any]], before: Mapping[int, Class], now: datetime
) -> Iterable[dict[str, Any]]:
    for value in values:
        customer, after = value["customer_id"], value["class"]
        was = before.get(customer, after)
        if was != after:
            yield {
                "key": f"{RESERVED}rfm/{customer}/{now.isoformat()}",
                "customer_id": customer,
                "name": moved(was, after),
                "at": now,
                "received_at": now,
                "properties": {"from": was, "to": after},
            }


async def _remove(store: Store, ids: list[int], purchases: Purchases, now: datetime) -> Computed:
    async with store.writing() as connection:
        there = await _locked(connection, ids)
        again = without_purchases(purchases, now).where(rfm.c.customer_id.in_(there))
        gone = list((await connection.execute(again)).scalars())
        await connection.execute(delete(rfm).where(rfm.c.customer_id.in_(gone)))
        await touch(connection, gone, "rfm")
    return Computed(gone=len(gone))
