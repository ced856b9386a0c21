"""Events on PostgreSQL lie in months, which are made where there may already be some, and lose nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from journeyflow.audience.ingest import record_events
from journeyflow.audience.records import EventRow
from journeyflow.store import months
from journeyflow.store.database import Store
from journeyflow.store.months import Expected, Month, make_ahead, make_gathered

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
THIS_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
AHEAD = [Month(2026, 11), Month(2026, 12), Month(2027, 1)]


async def record(store: Store, *times: datetime) -> None:
    rows = [
        EventRow(f"{at.isoformat()}/{number}", "ann", "looked", at, {}) for number, at in enumerate(times)
    ]
    await record_events(store, rows, NOW)


async def made(store: Store) -> list[Month]:
    async with store.reading() as connection:
        return await months.months(connection)


async def where(store: Store) -> dict[str, int]:
    """How many events lie in which partition."""
    query = text("SELECT tableoid::regclass::text, count(*) FROM events GROUP BY 1")
    async with store.reading() as connection:
        rows = (await connection.execute(query)).all()
    return {row[0]: row[1] for row in rows}


async def test_this_month_and_the_next_are_made_once(postgresql_store: Store) -> None:
    assert await make_ahead(postgresql_store, NOW) == 3
    assert await make_ahead(postgresql_store, NOW) == 0
    assert await made(postgresql_store) == AHEAD


async def test_each_event_lies_in_its_month_or_with_all_others(postgresql_store: Store) -> None:
    await make_ahead(postgresql_store, NOW)
    begin = datetime(2026, 12, 1, tzinfo=UTC)
    await record(postgresql_store, begin - timedelta(microseconds=1), begin, datetime(1999, 1, 1, tzinfo=UTC))
    assert await where(postgresql_store) == {"events_2026_11": 1, "events_2026_12": 1, "events_other": 1}


async def test_what_was_there_before_its_month_moves_into_it(postgresql_store: Store) -> None:
    await record(postgresql_store, NOW, THIS_YEAR, NOW)
    await make_ahead(postgresql_store, NOW)
    assert await where(postgresql_store) == {"events_2026_11": 2, "events_other": 1}
    async with postgresql_store.reading() as connection:
        query = text("SELECT id FROM events WHERE customer_id = 1 AND routed_at IS NULL ORDER BY id")
        assert (await connection.execute(query)).scalars().all() == [1, 2, 3]


async def test_much_that_has_gathered_gets_a_month(
    postgresql_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(months, "_MANY", 2)
    spring, long_ago = THIS_YEAR + timedelta(days=100), datetime(2001, 1, 1, tzinfo=UTC)
    await record(postgresql_store, spring, spring, THIS_YEAR, long_ago, long_ago)
    await make_gathered(postgresql_store, NOW)
    assert await where(postgresql_store) == {"events_2026_04": 2, "events_other": 3}


async def test_an_import_makes_the_months_of_which_it_has_much(
    postgresql_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(months, "_SEVERAL", 3)
    expected = Expected()
    for _ in range(2):
        await expected.make(postgresql_store, [NOW, NOW, THIS_YEAR], NOW)
    assert await made(postgresql_store) == [Month(2026, 11)]


async def test_a_month_that_somebody_works_with_has_time(
    postgresql_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody queues up behind it: for today its events lie with all others."""
    monkeypatch.setattr(months, "_ATTEMPTS", 1)
    monkeypatch.setattr(months, "_AHEAD", 0)
    async with postgresql_store.writing() as connection:
        await connection.execute(text("LOCK TABLE events_other IN ROW EXCLUSIVE MODE"))
        assert await make_ahead(postgresql_store, NOW) == 0
    assert await make_ahead(postgresql_store, NOW) == 1


async def test_where_there_are_no_months_nothing_is_made(sqlite_store: Store) -> None:
    assert await make_ahead(sqlite_store, NOW) + await make_gathered(sqlite_store, NOW) == 0


def test_months_count_on_over_years() -> None:
    assert [Month(2026, 11).plus(n) for n in (-11, 0, 2)] == [Month(2025, 12), *AHEAD[::2]]
