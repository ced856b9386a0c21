"""The one place that adds events: each once, whoever tells of it again and from wherever."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    LargeBinary,
    Table,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store, insert_ignoring
from journeyflow.store.types import UtcDateTime, metadata

SHORTEST = timedelta(days=30)  # that a key is remembered: what is sent again comes within that time
COLUMNS = ("key", "customer_id", "name", "at", "received_at", "properties")
_LENGTH = 16  # bytes of a hash: no two of a thousand million keys are alike, by chance or on purpose
_FEW = 10_000  # rows of a statement: SQLite takes no more than 32,766 parameters

event_keys = Table(  # what has been told of, so that it is not taken a second time
    "event_keys",
    metadata,
    # A hash, so that the sender's id, which may name somebody, is nowhere but in the event.
    Column("key", LargeBinary, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),  # when we were told
    sqlite_with_rowid=False,
)


def hash_of(key: str) -> bytes:
    return sha256(key.encode()).digest()[:_LENGTH]


async def add_events(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Add the events whose key is new, and number them in their order; gives these keys.

    Each row has all of `COLUMNS`. Of two with one key the first counts.
    """
    told: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        told.setdefault(row["key"], row)
    if not told:
        return set()
    if connection.dialect.name == "sqlite":
        return await _add_on_sqlite(connection, told)
    return set((await connection.execute(_ADD, {"rows": list(_in_json(told.values()))})).scalars())


async def add_event_where(
    connection: AsyncConnection, row: Mapping[str, Any], *conditions: ColumnElement[bool]
) -> None:
    """As `add_events`, where there is the customer and the conditions hold. The same statements run where
    there is not, so that nobody can tell from outside."""
    there = customers.c.id == row["customer_id"]
    known = [literal(hash_of(row["key"]), LargeBinary), literal(row["received_at"], UtcDateTime)]
    taken = insert_ignoring(connection, event_keys).returning(event_keys.c.key)
    taken = taken.from_select(["key", "at"], select(*known).select_from(customers).where(there, *conditions))
    is_new = (await connection.execute(taken)).scalar() is not None
    values = select(*(literal(row[name], events.c[name].type) for name in COLUMNS)).select_from(customers)
    added = insert(events).from_select(list(COLUMNS), values.where(there, literal(is_new)))
    await connection.execute(added)


async def take_keys(connection: AsyncConnection, keys: Iterable[str], now: datetime) -> set[str]:
    """Those that nobody has told of. From now on they are known, until `forget_keys`."""
    by_hash = {hash_of(key): key for key in keys}
    if not by_hash:
        return set()
    if connection.dialect.name == "sqlite":
        known = await _known(connection, list(by_hash))
        fresh = [hash for hash in by_hash if hash not in known]
    else:  # in one order for everybody, so that two cannot wait for each other
        rows = [{"key": hash, "at": now} for hash in sorted(by_hash)]
        add = postgresql.insert(event_keys).on_conflict_do_nothing().returning(event_keys.c.key)
        return {by_hash[hash] for hash in (await connection.execute(add, rows)).scalars()}
    if fresh:
        await connection.execute(insert(event_keys), [{"key": hash, "at": now} for hash in fresh])
    return {by_hash[hash] for hash in fresh}


async def forget_keys_of(connection: AsyncConnection, customer: int) -> None:
    """Nothing is left of what somebody did who is erased, not even a hash."""
    keys = (await connection.execute(select(events.c.key).where(events.c.customer_id == customer))).scalars()
    hashes = [hash_of(key) for key in keys]
    for begin in range(0, len(hashes), _FEW):
        theirs = event_keys.c.key.in_(hashes[begin : begin + _FEW])
        await connection.execute(delete(event_keys).where(theirs))


async def forget_keys(store: Store, before: datetime) -> int:
    """Those told of before that time; gives how many. Bit by bit, so that nobody waits for long."""
    old = select(event_keys.c.key).where(event_keys.c.at < before).order_by(event_keys.c.at).limit(_FEW)
    gone = 0
    while True:
        async with store.writing() as connection:
            few = (await connection.execute(delete(event_keys).where(event_keys.c.key.in_(old)))).rowcount
        gone += few
        if few < _FEW:
            return gone


async def _add_on_sqlite(connection: AsyncConnection, told: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """There is one writer: whatever is not known now is new."""
    hashes = {hash_of(key): key for key in told}
    known = await _known(connection, list(hashes))
    fresh = {hash: told[key] for hash, key in hashes.items() if hash not in known}
    if fresh:
        keys = [{"key": hash, "at": row["received_at"]} for hash, row in fresh.items()]
        await connection.execute(insert(event_keys), keys)
        await connection.execute(insert(events), list(fresh.values()))
    return {row["key"] for row in fresh.values()}


async def _known(connection: AsyncConnection, hashes: list[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    for begin in range(0, len(hashes), _FEW):
        query = select(event_keys.c.key).where(event_keys.c.key.in_(hashes[begin : begin + _FEW]))
        found.update((await connection.execute(query)).scalars())
    return found


def _in_json(rows: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for number, row in enumerate(rows):
        times = {name: row[name].isoformat() for name in ("at", "received_at")}
        yield {**row, **times, "number": number, "hash": f"\\x{hash_of(row['key']).hex()}"}


def _adding() -> Any:
    """Keys and events in one statement, on PostgreSQL; the rows come as one parameter, since taking
    thousands of them apart costs more than all else."""
    given = func.jsonb_to_recordset(bindparam("rows", type_=postgresql.JSONB))
    columns = [column(name, events.c[name].type) for name in COLUMNS]
    table = given.table_valued(column("number", Integer), column("hash", LargeBinary), *columns, name="given")
    rows = select(table.render_derived(with_types=True)).cte("told")
    keys = select(rows.c.hash, rows.c.received_at).order_by(rows.c.hash)  # as in `take_keys`
    fresh = postgresql.insert(event_keys).from_select(["key", "at"], keys).on_conflict_do_nothing()
    new = fresh.returning(event_keys.c.key).cte("fresh")
    chosen = select(*(rows.c[name] for name in COLUMNS)).join_from(rows, new, new.c.key == rows.c.hash)
    ordered = chosen.order_by(rows.c.number)
    return insert(events).from_select(list(COLUMNS), ordered).returning(events.c.key)


_ADD = _adding()
