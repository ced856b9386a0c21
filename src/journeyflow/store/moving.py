"""Moving a whole store from SQLite to PostgreSQL, so that everybody goes on there.

One transaction on each side. The target's commits first, with a mark that it has not arrived; then the
source's, with a mark that it has moved; then the target's mark is removed. Whatever stops it in between, at
most one of the two can be used, and moving again comes to the end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat
from typing import Any, Literal

from sqlalchemy import Row, Table, Text, cast, exists, func, inspect, or_, select, text, update
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.errors import ConfigurationError, JourneyflowError
from journeyflow.store.audit import note
from journeyflow.store.copying import Copied, Told, copy_table, sum_up
from journeyflow.store.customers import events
from journeyflow.store.database import Store
from journeyflow.store.installation import draw, installation
from journeyflow.store.migrate import pending, upgrade
from journeyflow.store.months import Expected
from journeyflow.store.tables import metadata

Phase = Literal["copying", "comparing"]
Watch = Callable[[Phase, str, int], Told]  # phase, table, how many rows it has

_ENOUGH = 10_000  # events of a month, for it to have its own place


@dataclass(frozen=True, slots=True)
class Moved:
    to: str
    rows: dict[str, int]  # by table; empty: only what an earlier move had left over was done
    replaced: dict[str, int]  # values whose characters PostgreSQL cannot keep, by table


async def move(source: Store, target: Store, actor: str, now: datetime, watch: Watch, again: bool) -> Moved:
    """`source` is opened alone and has the newest schema. With `again`, what an earlier move that did not
    come to its end has left in the target is removed first.

    Raises ConfigurationError when the target cannot take it, JourneyflowError when a row cannot go over.
    """
    await _prepare(target)
    to = named(target)
    async with source.writing() as here:
        await draw(here)
        if (ours := await _installation(here)).moved_to is not None:
            moved = Moved(to, {}, {})
            await _require_rest(target, ours)
        else:
            await note(here, now, actor, "move", None, to=to)
            await _make_months(here, target, now)
            moved = await _copy(here, named(source), target, watch, again)
            await here.execute(update(installation).values(moved_to=to))
    await _outlast_a_crash(source)
    async with target.writing() as there:
        await there.execute(update(installation).values(arriving_from=None))
        await there.execute(text("ANALYZE"))  # else it plans its queries for empty tables
    return moved


def named(store: Store) -> str:
    """Its URL without password and options."""
    url = store.engine.url
    shown = URL.create(
        url.get_backend_name(), url.username, host=url.host, port=url.port, database=url.database
    )
    return shown.render_as_string()


async def _outlast_a_crash(source: Store) -> None:
    """SQLite's commit alone may be undone by a crash of the machine; then both stores could be used."""
    async with source.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _prepare(target: Store) -> None:
    """Gives a database without any table the newest schema, and refuses one with an older schema."""
    async with target.reading() as there:
        is_new = not await there.run_sync(lambda sync: inspect(sync).get_table_names())
    if is_new:
        await upgrade(target)
    elif await pending(target):
        raise ConfigurationError(
            f"the target {named(target)} has tables of another version or of another program; name an empty "
            "database, or run `journeyflow store upgrade` on this one if it is an empty store"
        )


async def _require_rest(target: Store, ours: Row[Any]) -> None:
    async with target.reading() as there:
        theirs = await _installation(there)
    if theirs is None or theirs.name != ours.name or theirs.arriving_from is None:
        raise ConfigurationError(f"the store has moved to {ours.moved_to} already; nothing was done")


async def _make_months(here: AsyncConnection, target: Store, now: datetime) -> None:
    """So that events are copied to where they belong, and need not be moved once more."""
    month = func.substr(cast(events.c.at, Text), 1, 7)
    found = await here.execute(select(func.min(events.c.at), func.count()).group_by(month))
    times = chain.from_iterable(repeat(at, min(number, _ENOUGH)) for at, number in found)
    await Expected().make(target, times, now)


async def _copy(here: AsyncConnection, origin: str, target: Store, watch: Watch, again: bool) -> Moved:
    rows: dict[str, int] = {}
    replaced: dict[str, int] = {}
    async with target.writing() as there:
        await there.execute(text("SET LOCAL synchronous_commit = on"))  # whatever the database has
        await there.execute(text("LOCK TABLE installation IN ACCESS EXCLUSIVE MODE"))  # no two move here
        await _empty(there, (await _installation(here)).name, named(target), again)
        for table in metadata.sorted_tables:
            copied = await _copy_one(here, there, table, watch)
            rows[table.name] = copied.sum.rows
            replaced[table.name] = copied.replaced
            await _continue_numbers(here, there, table)
        await there.execute(update(installation).values(arriving_from=origin))
    return Moved(named(target), rows, {name: number for name, number in replaced.items() if number})


async def _empty(there: AsyncConnection, name: str, shown: str, again: bool) -> None:
    """Raises ConfigurationError when the target holds anything but what an earlier move left."""
    theirs = await _installation(there)
    if await _holds_rows(there) or (theirs is not None and theirs.namespace is not None):
        if theirs is None or theirs.name != name or theirs.arriving_from is None:
            raise ConfigurationError(
                f"the target {shown} is not empty, and a store moves only into an empty one; "
                "name another database"
            )
        if not again:
            raise ConfigurationError(
                f"the target {shown} holds what an earlier move left when it was cut short; "
                "with --again that is removed, and everything copied anew"
            )
    names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
    await there.execute(text(f"TRUNCATE {names}"))


async def _holds_rows(there: AsyncConnection) -> bool:
    """Beside the name that every new store is given."""
    tables = [table for table in metadata.sorted_tables if table is not installation]
    return bool((await there.execute(select(or_(*(exists(select(table)) for table in tables))))).scalar())


async def _copy_one(here: AsyncConnection, there: AsyncConnection, table: Table, watch: Watch) -> Copied:
    """Raises JourneyflowError when what arrived is not what was there."""
    rows = (await here.execute(select(func.count()).select_from(table))).scalar_one()
    copied = await copy_table(here, there, table, watch("copying", table.name, rows))
    arrived = await sum_up(there, table, watch("comparing", table.name, rows))
    if arrived != copied.sum or arrived.rows != rows:
        raise JourneyflowError(
            f'of the table "{table.name}" {arrived.rows:,} rows arrived, where {rows:,} were sent, or their '
            "sums differ; the store is as it was, and the target takes nothing over; please report this"
        )
    return copied


async def _continue_numbers(here: AsyncConnection, there: AsyncConnection, table: Table) -> None:
    """Where SQLite would have gone on: also a number whose row is gone is never given to another one."""
    if "id" not in table.c:
        return
    given = text("SELECT max(seq) FROM sqlite_sequence WHERE name = :name")
    last = (await here.execute(given, {"name": table.name})).scalar()
    if last is None:
        last = (await here.execute(select(func.max(table.c.id)))).scalar()
    if isinstance(last, int) and last > 0:
        follow = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)")
        await there.execute(follow, {"name": table.name, "last": last})


async def _installation(connection: AsyncConnection) -> Any:
    return (await connection.execute(select(installation))).one_or_none()
