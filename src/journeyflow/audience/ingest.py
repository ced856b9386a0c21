"""Recording customers and events: a batch is one transaction, and recording it again changes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.records import COLUMNS, CustomerRow, EventRow
from journeyflow.store.customers import consent_log, consents, customers, events
from journeyflow.store.database import Store, insert_ignoring, locked, upsert

Outcome = Literal["new", "changed", "unchanged"]
_WHOLE_CHANNEL = ""  # the topic of a consent for everything on a channel


async def record_customers(
    store: Store, rows: Sequence[CustomerRow], now: datetime, source: str
) -> list[Outcome]:
    """Create or update customers by key, some thousands at most; the outcome of each row, in their order.

    A row overwrites the columns it gives and merges its attributes (None removes one). Consents are
    logged with `source`, and only when they change.
    """
    async with store.writing() as connection:
        created = await _create_customers(connection, (row.key for row in rows), now)
        known = await _load(connection, {row.key for row in rows})
        outcomes: list[Outcome] = []
        for row in rows:
            changed = known[row.key].take(row)
            outcomes.append("new" if row.key in created else "changed" if changed else "unchanged")
            created.discard(row.key)  # further rows of this key meet an existing customer
        await _save(connection, known.values(), now)
        await _save_consents(connection, known.values(), now, source)
        return outcomes


async def record_events(store: Store, rows: Sequence[EventRow], now: datetime) -> list[Outcome]:
    """Add the events whose key is new; the outcome of each row, in their order.

    A customer nobody has told of yet is created with nothing but the key. Events get their numbers in the
    order of their times, which is the order in which they are routed.
    """
    async with store.writing() as connection:
        keys = {row.customer for row in rows}
        await _create_customers(connection, keys, now)
        ids = await _customer_ids(connection, keys)
        created = await _add_events(connection, rows, ids, now)
        outcomes: list[Outcome] = []
        for row in rows:
            outcomes.append("new" if row.key in created else "unchanged")
            created.discard(row.key)
        return outcomes


@dataclass(slots=True)
class _Customer:
    """A customer as stored, and what the rows so far make of it."""

    id: int
    columns: dict[str, str | None]
    attributes: dict[str, Any]
    consents: dict[str, str]
    changed: bool = False
    decided: set[str] | None = None  # channels whose consent changed

    def take(self, row: CustomerRow) -> bool:
        columns = {**self.columns, **row.columns}
        merged = {**self.attributes, **row.attributes}
        attributes = {name: value for name, value in merged.items() if value is not None}
        decided = {name for name, state in row.consents.items() if self.consents.get(name) != state}
        changed = columns != self.columns or _comparable(attributes) != _comparable(self.attributes)
        self.columns, self.attributes = columns, attributes
        self.consents.update(row.consents)
        self.changed = self.changed or changed
        self.decided = (self.decided or set()) | decided
        return changed or bool(decided)


def _comparable(value: Any) -> Any:
    """For Python True equals 1; as attributes they differ. 1 and 1.0 are the same number in both."""
    match value:
        case dict():
            return {name: _comparable(item) for name, item in value.items()}
        case list():
            return [_comparable(item) for item in value]
        case bool():
            return "true" if value else "false", bool
        case _:
            return value


async def _create_customers(connection: AsyncConnection, keys: Iterable[str], now: datetime) -> set[str]:
    # In one order for everybody, so that two batches with the same customers cannot wait for each other.
    rows = [{"key": key, "attributes": {}, "created_at": now, "updated_at": now} for key in sorted(set(keys))]
    if not rows:
        return set()
    statement = insert_ignoring(connection, customers).returning(customers.c.key)
    return set((await connection.execute(statement, rows)).scalars())


async def _customer_ids(connection: AsyncConnection, keys: Iterable[str]) -> dict[str, int]:
    query = select(customers.c.key, customers.c.id).where(customers.c.key.in_(list(keys)))
    return {row.key: row.id for row in await connection.execute(query)}


async def _load(connection: AsyncConnection, keys: Iterable[str]) -> dict[str, _Customer]:
    query = select(customers).where(customers.c.key.in_(list(keys))).order_by(customers.c.id)
    found = {
        row.key: _Customer(row.id, {name: row._mapping[name] for name in COLUMNS}, row.attributes, {})
        for row in await connection.execute(locked(connection, query, of=customers))
    }
    by_id = {customer.id: customer for customer in found.values()}
    given = select(consents).where(
        consents.c.customer_id.in_(list(by_id)), consents.c.topic == _WHOLE_CHANNEL
    )
    given = given.order_by(consents.c.customer_id, consents.c.channel)
    for row in await connection.execute(locked(connection, given, of=consents)):
        by_id[row.customer_id].consents[row.channel] = row.state
    return found


async def _save(connection: AsyncConnection, known: Iterable[_Customer], now: datetime) -> None:
    rows = [
        {"number": one.id, **one.columns, "attributes": one.attributes, "updated_at": now}
        for one in known
        if one.changed
    ]
    if rows:
        names = (*COLUMNS, "attributes", "updated_at")
        statement = update(customers).where(customers.c.id == bindparam("number"))
        await connection.execute(statement.values({name: bindparam(name) for name in names}), rows)


async def _save_consents(
    connection: AsyncConnection, known: Iterable[_Customer], now: datetime, source: str
) -> None:
    rows = [
        {
            "customer_id": one.id,
            "channel": channel,
            "topic": _WHOLE_CHANNEL,
            "state": one.consents[channel],
            "at": now,
        }
        for one in known
        for channel in sorted(one.decided or ())
    ]
    if rows:
        keys = ["customer_id", "channel", "topic"]
        await connection.execute(upsert(connection, consents, keys, ["state", "at"]), rows)
        await connection.execute(consent_log.insert(), [{**row, "source": source} for row in rows])


async def _add_events(
    connection: AsyncConnection, rows: Sequence[EventRow], ids: Mapping[str, int], now: datetime
) -> set[str]:
    values = [
        {
            "key": row.key,
            "customer_id": ids[row.customer],
            "name": row.name,
            "at": row.at,
            "received_at": now,
            "properties": dict(row.properties),
        }
        for row in sorted(rows, key=lambda row: (row.at, row.key))
    ]
    if not values:
        return set()
    statement = insert_ignoring(connection, events).returning(events.c.key)
    return set((await connection.execute(statement, values)).scalars())
