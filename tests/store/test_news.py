"""Whoever waits for something to route hears of it at once on PostgreSQL, also after a lost connection."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from journeyflow.audience.ingest import record_events
from journeyflow.audience.records import EventRow
from journeyflow.store.database import Store
from journeyflow.store.news import News, news_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEVER = 3_600.0  # seconds: longer than any test, so that only news ends the wait
LISTENING = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"


async def comes_back(news: News) -> None:
    await asyncio.wait_for(news.wait(timedelta()), timeout=60)


async def tell(store: Store, key: str) -> None:
    await record_events(store, [EventRow(key, "ann", "looked", NOW, {})], NOW)


async def test_an_event_ends_the_wait(postgresql_store: Store) -> None:
    async with news_of(postgresql_store, at_latest=NEVER) as news:
        waiting = asyncio.create_task(comes_back(news))
        await tell(postgresql_store, "e1")
        await waiting


async def test_what_came_since_the_last_look_is_heard_of(postgresql_store: Store) -> None:
    async with news_of(postgresql_store, at_latest=NEVER) as news:
        await tell(postgresql_store, "e1")
        await comes_back(news)


async def test_whoever_lost_the_connection_looks_and_listens_again(postgresql_store: Store) -> None:
    async with news_of(postgresql_store, at_latest=0.01) as news:
        async with postgresql_store.writing() as connection:
            cut = await connection.scalar(text(f"SELECT pid {LISTENING} AND pg_terminate_backend(pid)"))
        assert cut is not None
        again = text(f"SELECT pid {LISTENING} AND pid != {cut}")
        listening = None
        while listening is None:  # first it hears of the loss, then it connects
            await comes_back(news)
            async with postgresql_store.reading() as connection:
                listening = await connection.scalar(again)


async def test_without_anything_new_it_comes_back_all_the_same(store: Store) -> None:
    async with news_of(store, at_latest=0.01) as news:
        await comes_back(news)


async def test_all_that_the_router_looks_for_is_told(postgresql_store: Store) -> None:
    query = "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'news' AND NOT tgisinternal"
    async with postgresql_store.reading() as connection:
        telling = set((await connection.execute(text(query))).scalars())
    assert telling == {"events", "touched", "reports", "starts", "wakeups"}
