"""The one place that adds events: each once, whoever tells of it again and from wherever."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.plan import RESERVED
from journeyflow.store import months
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store, add_missing, insert_ignoring, locked
from journeyflow.store.lists import among
from journeyflow.store.types import UtcDateTime, metadata

SHORTEST = timedelta(days=30)  # that a key is known after it was told: what is sent again comes by then
_RENEWED = timedelta(days=7)  # old is a key when it is renewed, so not each time when it is told each night
COLUMNS = ("key", "customer_id", "name", "at", "received_at", "properties")
_SAME = ("customer_id", "name", "key", "at")  # by which an event is known that has lost its key
_FEW = 10_000  # rows of a transaction

# What has been told, so that it is not taken a second time. A key goes with its event, or before it; so
# whoever is erased leaves none behind. An event that is still there is then known by what it is.
event_keys = Table(
    "event_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column(
        "at", UtcDateTime, nullable=False, index=True
    ),  # when we were told, or what was told ahead happens
    sqlite_with_rowid=False,
)


async def add_events(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Add the events whose key is new, and number them in their order; gives these keys.

    Each row has all of `COLUMNS`. Of two with one key the first counts. An event that is there is not added
    again when its key was forgotten.
    """
    told: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        told.setdefault(row["key"], row)
    if not told:
        return set()
    if connection.dialect.name == "sqlite":
        added = await _add_on_sqlite(connection, told)
    else:
        await months.keep(connection, (row["at"] for row in told.values()))
        add = _ADD_OLD if any(map(_is_old, told.values())) else _ADD
        added = set((await connection.execute(add, {"rows": list(_in_json(told.values()))})).scalars())
    if known := told.keys() - added:
        await _renew(connection, known, max(row["received_at"] for row in rows))
    return added


async def add_event_where(
    connection: AsyncConnection, row: Mapping[str, Any], *conditions: ColumnElement[bool]
) -> None:
    """As `add_events`, where there is the customer and the conditions hold. The same statements run where
    there is not, so that nobody can tell from outside."""
    await months.keep(connection, [row["at"]])
    there = customers.c.id == row["customer_id"]
    known = select(literal(row["key"], Text), literal(row["received_at"], UtcDateTime))
    taken = insert_ignoring(connection, event_keys).returning(event_keys.c.key)
    taken = taken.from_select(["key", "at"], known.select_from(customers).where(there, *conditions))
    is_new = (await connection.execute(taken)).scalar() is not None
    values = select(*(literal(row[name], events.c[name].type) for name in COLUMNS)).select_from(customers)
    added = insert(events).from_select(list(COLUMNS), values.where(there, literal(is_new)))
    await connection.execute(added)


async def take_keys(connection: AsyncConnection, keys: Iterable[str], now: datetime) -> set[str]:
    """Of what is no event: those that nobody has told of. They are kept as hashes, since there is nothing by
    which one would find them who erases the customer."""
    # No sender's event is called so, which would bar a call.
    hashes = {RESERVED + sha256(key.encode()).hexdigest(): key for key in keys}
    rows = [{"key": hash, "at": now} for hash in sorted(hashes)]
    added = await add_missing(connection, event_keys, rows, "key")
    if known := hashes.keys() - added:
        await _renew(connection, known, now)
    return {hashes[hash] for hash in added}


async def forget_keys_of(connection: AsyncConnection, going: ColumnElement[bool]) -> None:
    """Of the events that are about to go."""
    theirs = select(events.c.key).where(going)
    await connection.execute(delete(event_keys).where(event_keys.c.key.in_(theirs)))


async def forget_keys(store: Store, before: datetime) -> int:
    """Those that nobody has told of since that time, give or take `_RENEWED`; gives how many. Bit by bit, so
    that nobody waits for long."""
    gone = 0
    while True:
        async with store.writing() as connection:
            few = (
                await connection.execute(delete(event_keys).where(event_keys.c.key.in_(_old(before))))
            ).rowcount
        gone += few
        if few < _FEW:
            return gone


def _is_old(row: Mapping[str, Any]) -> bool:
    """Its key may have been forgotten: none is before its event is as old."""
    return bool(row["at"] < row["received_at"] - SHORTEST)


def _old(before: datetime) -> Select[Any]:
    is_old = event_keys.c.at < before - _RENEWED
    return select(event_keys.c.key).where(is_old).order_by(event_keys.c.at).limit(_FEW)


async def _add_on_sqlite(connection: AsyncConnection, told: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """There is one writer: whatever is not known now is new."""
    known = select(event_keys.c.key).where(among(connection, event_keys.c.key, told))
    fresh = dict(told)
    for key in (await connection.execute(known)).scalars():
        del fresh[key]
    if fresh:
        keys = [{"key": row["key"], "at": max(row["received_at"], row["at"])} for row in fresh.values()]
        await connection.execute(insert(event_keys), keys)
        for key in (await connection.execute(_there_on_sqlite(filter(_is_old, fresh.values())))).scalars():
            del fresh[key]
    if fresh:
        await connection.execute(insert(events), list(fresh.values()))
    return set(fresh)


def _there_on_sqlite(rows: Iterable[Mapping[str, Any]]) -> Select[Any]:
    """The keys of those events whose key alone was forgotten."""
    told = [[*(row[name] for name in _SAME if name != "at"), _stored(row["at"])] for row in rows]
    given = func.json_each(bindparam(None, told, type_=JSON)).table_valued("value")
    same = (
        events.c[name] == func.json_extract(given.c.value, f"$[{position}]")
        for position, name in enumerate(_SAME)
    )
    return select(events.c.key).distinct().where(*same)


def _stored(at: datetime) -> str:
    """As SQLAlchemy writes it there."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


async def _renew(connection: AsyncConnection, keys: Iterable[str], now: datetime) -> None:
    """Where others are at it, they do it."""
    is_old = among(connection, event_keys.c.key, keys) & (event_keys.c.at < now - _RENEWED)
    old = locked(connection, select(event_keys.c.key).where(is_old), of=event_keys, skip_locked=True)
    await connection.execute(update(event_keys).where(event_keys.c.key.in_(old)).values(at=now))


def _in_json(rows: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for number, row in enumerate(rows):
        times = {name: row[name].isoformat() for name in ("at", "received_at")}
        yield {**row, **times, "number": number}


def _adding(*, with_old: bool) -> Any:
    """Keys and events in one statement, on PostgreSQL; the rows come as one parameter, since taking
    thousands of them apart costs more than all else. Without what `_is_old` no other month is looked at."""
    given = func.jsonb_to_recordset(bindparam("rows", type_=postgresql.JSONB))
    columns = [column(name, events.c[name].type) for name in COLUMNS]
    told = given.table_valued(column("number", Integer), *columns, name="given")
    rows = select(told.render_derived(with_types=True)).cte("told")
    # In one order for everybody, so that two who tell the same cannot wait for each other.
    keys = select(rows.c.key, func.greatest(rows.c.received_at, rows.c.at)).order_by(rows.c.key)
    fresh = postgresql.insert(event_keys).from_select(["key", "at"], keys).on_conflict_do_nothing()
    new = fresh.returning(event_keys.c.key).cte("fresh")
    chosen = select(*(rows.c[name] for name in COLUMNS)).join_from(rows, new, new.c.key == rows.c.key)
    if with_old:  # one look for each, whatever the planner thinks of the number of rows: events are many
        same = (events.c[name] == rows.c[name] for name in _SAME)
        there = select(literal(True)).where(*same).limit(1).correlate(rows).scalar_subquery()
        chosen = chosen.where(there.is_not(True))  # IS NULL is thought to be rare, and joined row by row
    ordered = chosen.order_by(rows.c.number)
    return insert(events).from_select(list(COLUMNS), ordered).returning(events.c.key)


_ADD, _ADD_OLD = _adding(with_old=False), _adding(with_old=True)
