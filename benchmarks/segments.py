"""Segments on PostgreSQL: asking everybody, one customer's way at a branch, and following customers at once.

    python -m benchmarks.segments [--customers 1000000] [--events 10000000] [--store postgresql://user@host/name]

Without `--store` it runs a PostgreSQL server of its own, with the server's defaults and without fsync, and
makes the customers. The plans of the statements, as the engine sent them, are left in `docs/plans/`.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from sqlalchemy import event, func, insert, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.databases import create_database, postgresql_binaries, postgresql_server

from benchmarks.crowd import gather
from benchmarks.stage import table
from journeyflow.engine.leg import Leg, Member
from journeyflow.engine.programme import Programme
from journeyflow.engine.refreshing import refresh_all
from journeyflow.engine.route import route
from journeyflow.engine.steps import branch
from journeyflow.folder import apply_folder, read_folder
from journeyflow.members import enrollment_id, place_of
from journeyflow.plan import Branch, Plan
from journeyflow.policy import Policy
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.migrate import upgrade
from journeyflow.store.passages import cohorts, enrollments
from journeyflow.store.programme import journey_versions, journeys
from journeyflow.store.segments import touch

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
_SEGMENTS = {
    "buyers": """
        - {attribute: tier, in: [gold, platinum]}
        - {event: order.completed, within: 90 days, count: {at_least: 2}}
        - {consent: email}
    """,
    "lapsed": """
        - {event: order.completed, count: {at_least: 3}}
        - {not: {event: order.completed, within: 90 days}}
        - {consent: email}
    """,
}
JOURNEY = """
journey: branching
enter: {manual: true}
steps:
  - branch:
      - when: {segment: %s}
        then: [{update: {reached: true}}]
  - end
"""
DECISIONS = 1_000  # customers at a branch, one after the other
TOUCHED = 2_000  # customers whom the router follows in one turn
PLANS = Path("docs/plans")


async def main(people: int, happened: int, url: str | None) -> None:
    async with _store(people, happened, url) as store:
        counted = await _count(store)
        rows = [("count(*) of the events", f"{counted:.2f} s", "", "")]
        for name in _SEGMENTS:
            await _apply(store, name)
            rows += [*await _refresh(store, name, counted), await _decide(store, name)]
        await _apply(store, *_SEGMENTS)
        rows.append(await _follow(store))
    sys.stdout.write(f"PostgreSQL, {people:,} customers, {happened:,} events\n")
    table(("what", "took", "goal", "in the same run"), rows)


@asynccontextmanager
async def _store(people: int, happened: int, url: str | None) -> AsyncIterator[Store]:
    """With the customers in it; one that is given and has them is taken as it is."""
    if url is None:
        binaries = postgresql_binaries()
        assert binaries is not None
        with postgresql_server(binaries) as server:
            await create_database(server, "benchmark")
            async with _store(people, happened, server.url("benchmark")) as store:
                yield store
        return
    store = Store.open(url)
    await upgrade(store)
    async with store.reading() as connection:
        is_empty = (await connection.execute(select(func.max(customers.c.id)))).scalar() is None
    if is_empty:
        with _timed() as filling:
            await gather(store, people, happened, NOW)
        sys.stderr.write(f"made in {filling.seconds:.0f} s\n")
    yield store
    await store.close()


async def _count(store: Store) -> float:
    """Seconds that the plainest look at all events takes, to compare with."""
    async with store.reading() as connection:
        with _timed() as counting:
            await connection.execute(select(func.count()).select_from(events))
    return counting.seconds


async def _apply(store: Store, *names: str) -> None:
    """Only these segments, new to the store, and a journey that asks for the first."""
    async with store.writing() as connection:
        await connection.execute(text("TRUNCATE segments, segment_members"))
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder, "journeys"), names)
        await apply_folder(store, read_folder(Path(folder)), NOW)


def _write(journeys: Path, names: Sequence[str]) -> None:
    journeys.mkdir()
    (journeys / "branching.yaml").write_text(JOURNEY % names[0])
    texts = (f"{name}:\n    all:{_SEGMENTS[name]}\n" for name in names)
    (journeys / "segments.yaml").write_text("".join(texts))


async def _refresh(store: Store, name: str, counted: float) -> list[tuple[str, str, str, str]]:
    """For the first time, when all members join, and a day later."""
    rows = []
    for turn, at in (("first", NOW), ("a day later", NOW + DAY)):
        with _timed() as asking:
            done = await refresh_all(store, Programme(), partial(_same, at))
        what = f"{name}: everybody asked, {turn} ({done.joined:,} joined, {done.left:,} left)"
        rows.append((what, f"{asking.seconds:.2f} s", "30 s", f"{asking.seconds / counted:.1f} count(*)"))
    with _plans(store, f"refresh-{name}"):
        await refresh_all(store, Programme(), partial(_same, NOW + 2 * DAY))
    return rows


def _same(at: datetime) -> datetime:
    return at


async def _decide(store: Store, name: str) -> tuple[str, str, str, str]:
    """Each customer is a cohort of one, as when they come alone, and what was seen is kept as always."""
    legs = await _enrolled(store)
    processor = process_time()
    took = [await _at_branch(store, leg) for leg in legs]
    processor = (process_time() - processor) * 1000 / len(legs)
    with _plans(store, f"branch-{name}"):
        await _at_branch(store, legs[0])
    median, p99 = _median_and_p99([decided for decided, _ in took])
    plainest, _ = _median_and_p99([asked for _, asked in took])
    what = f"{name}: one customer at a branch, median and p99 ({processor:.1f} ms of the processor's time)"
    return what, f"{median:.1f}, {p99:.1f} ms", "5 ms", f"{median / plainest:.1f} SELECT 1"


async def _at_branch(store: Store, leg: Leg) -> tuple[float, float]:
    """Milliseconds of the step in its leg's transaction, which is rolled back, and of the plainest query."""
    step = leg.plan.steps[0]
    assert isinstance(step, Branch)
    async with store.writing() as leg.connection:
        savepoint = await leg.connection.begin_nested()
        with _timed() as asking:
            await leg.connection.execute(select(literal(1)))
        with _timed() as deciding:
            await branch.run(leg, 0, step, 1)
        await savepoint.rollback()
    return deciding.seconds * 1000, asking.seconds * 1000


def _median_and_p99(took: list[float]) -> tuple[float, float]:
    took = sorted(took)
    return took[len(took) // 2], took[int(len(took) * 0.99)]


async def _enrolled(store: Store) -> list[Leg]:
    """Customers from all over the list, each with a cohort of their own that stands before the branch."""
    async with store.writing() as connection:
        version, plan = await _version(connection)
        await connection.execute(text("TRUNCATE cohorts, enrollments CASCADE"))
        people = list((await connection.execute(_SPREAD, {"number": DECISIONS})).scalars())
        made = [{"version_id": version, "size": 1, "created_at": NOW} for _ in people]
        ids = (await connection.execute(insert(cohorts).returning(cohorts.c.id), made)).scalars()
        members = [
            Member(0, enrollment_id(cohort, 0), one, f"c{one}", None)
            for cohort, one in zip(ids, people, strict=True)
        ]
        rows = [_enrollment(version, plan.journey, member) for member in members]
        await connection.execute(insert(enrollments), rows)
        return [
            Leg(connection, NOW, row["cohort_id"], 0, version, plan, Policy(), {0: member})
            for row, member in zip(rows, members, strict=True)
        ]


_SPREAD = text("SELECT id FROM customers ORDER BY id * 7919 % 1000003 LIMIT :number")


async def _version(connection: AsyncConnection) -> tuple[int, Plan]:
    in_force = journeys.c.version_id == journey_versions.c.id
    query = select(journey_versions.c.id, journey_versions.c.plan).join_from(
        journeys, journey_versions, in_force
    )
    row = (await connection.execute(query)).one()
    return row.id, Plan.from_json(row.plan)


def _enrollment(version: int, journey: str, member: Member) -> dict[str, Any]:
    return {
        "id": member.enrollment, "cohort_id": place_of(member.enrollment)[0], "version_id": version,
        "journey": journey, "customer_id": member.customer, "occasion": f"benchmark:{member.customer}",
        "entered_at": NOW, "since": NOW, "reached_at": NOW, "state": "active",
    }  # fmt: skip


async def _follow(store: Store) -> tuple[str, str, str, str]:
    """The router's turn, from the rows that tell of the change to the memberships."""
    with _timed() as following:
        await _touched(store)
    with _plans(store, "follow"):
        await _touched(store)
    each = following.seconds * 1000 / TOUCHED
    what = f"{len(_SEGMENTS)} segments follow {TOUCHED:,} customers, {each:.2f} ms each"
    return what, f"{following.seconds:.2f} s", "", ""


async def _touched(store: Store) -> None:
    async with store.writing() as connection:
        ids = (await connection.execute(_SPREAD, {"number": TOUCHED})).scalars().all()
        await touch(connection, ids, "everything")
    assert await route(store, Programme(), NOW) == len(ids)


@dataclass(slots=True)
class _Time:
    seconds: float = 0.0


@contextmanager
def _timed() -> Iterator[_Time]:
    time, begun = _Time(), perf_counter()
    yield time
    time.seconds = perf_counter() - begun


@contextmanager
def _plans(store: Store, name: str) -> Iterator[None]:
    """The first two statements that look at events are explained before they run.

    All others are the same again, about other customers.
    """
    explained: dict[str, str] = {}

    def explain(_c: Any, cursor: Any, statement: str, parameters: Any, _x: Any, _many: bool) -> None:
        is_new = statement not in explained and len(explained) < 2
        if is_new and statement.startswith("SELECT") and "FROM events" in statement:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", parameters)
            explained[statement] = "\n".join(row[0] for row in cursor.fetchall())

    event.listen(store.engine.sync_engine, "before_cursor_execute", explain)
    yield
    event.remove(store.engine.sync_engine, "before_cursor_execute", explain)
    PLANS.mkdir(exist_ok=True)
    parts = [f"{statement}\n\n{plan}\n" for statement, plan in explained.items()]
    (PLANS / f"{name}.txt").write_text("\n\n".join(parts))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--store", default=None, help="a PostgreSQL database, empty or filled by this before")
    given = parser.parse_args()
    asyncio.run(main(given.customers, given.events, given.store))
