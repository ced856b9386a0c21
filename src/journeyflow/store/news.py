"""Waiting until there may be something to route: PostgreSQL tells of it, on SQLite somebody has to look.

On PostgreSQL, triggers notify the channel of whatever the router waits for, in the transaction that adds it.
So nobody who adds something can forget to, and nobody hears of it before it is committed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Protocol

import psycopg

from journeyflow.store.database import Store

AT_LATEST = 1.0  # seconds: what becomes due by time alone tells nobody, and a connection may be lost
_POLL = (0.01, 0.1)  # seconds between two looks on SQLite: at least, at most
_GATHER = 0.01  # seconds: what comes within them is routed together
_CHANNEL = "journeyflow"  # as in the triggers; see migration 0006

_log = logging.getLogger(__name__)


class News(Protocol):
    async def wait(self, quiet: timedelta) -> None:
        """Comes back soon after something was committed, and now and then anyway. `quiet` says for how long
        there has been nothing."""


@asynccontextmanager
async def news_of(store: Store, at_latest: float = AT_LATEST) -> AsyncIterator[News]:
    """Look after the block has begun, then wait, then look again: so nothing is missed."""
    if store.is_sqlite:
        yield _Looking()
        return
    listening = _Listening(store, at_latest)
    await listening.connect()
    try:
        yield listening
    finally:
        await listening.close()


class _Looking:
    async def wait(self, quiet: timedelta) -> None:
        """A tenth of the time it has been quiet, so that an idle installation costs little."""
        shortest, longest = _POLL
        await asyncio.sleep(min(longest, max(shortest, quiet.total_seconds() / 10)))


class _Listening:
    def __init__(self, store: Store, at_latest: float) -> None:
        self._store = store
        self._at_latest = at_latest
        self._connection: psycopg.AsyncConnection | None = None

    async def wait(self, quiet: timedelta) -> None:
        if self._connection is None:
            await asyncio.sleep(self._at_latest)
            await self.connect()
            return  # something may have come before anybody listened
        try:
            async with aclosing(self._connection.notifies(timeout=self._at_latest, stop_after=1)) as told:
                async for _ in told:
                    await asyncio.sleep(_GATHER)
                    break
        except psycopg.Error:
            _log.warning("PostgreSQL no longer tells what is new; we look every %g s", self._at_latest)
            await self.close()

    async def connect(self) -> None:
        """A connection of its own, since it is held for long and is never inside a transaction."""
        positional, named = self._store.engine.dialect.create_connect_args(self._store.engine.url)
        try:
            self._connection = await psycopg.AsyncConnection.connect(*positional, autocommit=True, **named)
            await self._connection.execute(f"LISTEN {_CHANNEL}")
        except psycopg.Error:
            await self.close()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
