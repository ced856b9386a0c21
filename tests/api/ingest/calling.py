"""Programs that send events: the real application with a key of each kind, on a real store."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import uvicorn
from sqlalchemy import Row, Select, func, select

from journeyflow.api.app import Limits, create_app
from journeyflow.messages.links import Links
from journeyflow.store.api_keys import add_key
from journeyflow.store.customers import consents, customers, events
from journeyflow.store.database import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINKS = Links("https://post.example.com", ["the secret of the pages, in tests only"])
KEYS = {scope: f"jf_test_{scope}" for scope in ("ingest", "read", "manage", "erase")}


@dataclass(slots=True)
class Caller:
    store: Store
    http: httpx2.AsyncClient

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx2.Response:
        """With the key as Segment's clients send it, unless `auth` says otherwise."""
        asked = {"auth": (KEYS["ingest"], "")} | ({"json": body} if body is not None else {}) | options
        return await self.http.post(path, **asked)

    async def ask(
        self, method: str, path: str, scope: str = "read", status: int = 200, **options: Any
    ) -> httpx2.Response:
        """With the key that has this scope alone; that it is answered so is asserted."""
        answer = await self.http.request(method, path, **({"auth": (KEYS[scope], "")} | options))
        assert answer.status_code == status, answer.text
        return answer

    async def batch(self, *items: dict[str, Any], **more: Any) -> httpx2.Response:
        return await self.post("/v1/batch", {"batch": list(items), **more})

    async def rows(self, query: Select[Any]) -> list[Row[Any]]:
        async with self.store.reading() as connection:
            return list(await connection.execute(query))

    async def customer(self, key: str) -> Row[Any]:
        [row] = await self.rows(select(customers).where(customers.c.key == key))
        return row

    async def keys(self) -> list[str]:
        return [row.key for row in await self.rows(select(customers.c.key).order_by(customers.c.key))]

    async def events(self, key: str) -> list[Row[Any]]:
        query = select(events).join(customers, customers.c.id == events.c.customer_id)
        return await self.rows(query.where(customers.c.key == key).order_by(events.c.id))

    async def count(self) -> int:
        return int((await self.rows(select(func.count()).select_from(events)))[0][0])

    async def consents(self, key: str) -> dict[tuple[str, str], str]:
        query = select(consents).join(customers, customers.c.id == consents.c.customer_id)
        return {
            (row.channel, row.topic): row.state
            for row in await self.rows(query.where(customers.c.key == key))
        }


@asynccontextmanager
async def calling(store: Store, limits: Limits | None = None) -> AsyncIterator[Caller]:
    await _add_keys(store)
    transport = httpx2.ASGITransport(create_app(store, LINKS, lambda: NOW, limits=limits))
    async with httpx2.AsyncClient(transport=transport, base_url="https://post.example.com") as http:
        yield Caller(store, http)


@asynccontextmanager
async def serving(store: Store) -> AsyncIterator[int]:
    """On a real port, by the machine's clock."""
    await _add_keys(store)
    config = uvicorn.Config(create_app(store, LINKS), log_config=None, lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    at = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve(sockets=[at]))
    try:
        yield int(at.getsockname()[1])
    finally:
        server.should_exit = True
        await task


def track(number: int = 1, user: str = "ada", **more: Any) -> dict[str, Any]:
    return {"type": "track", "userId": user, "event": "order.completed", "messageId": f"m-{number}"} | more


async def _add_keys(store: Store) -> None:
    async with store.writing() as connection:
        for scope, key in KEYS.items():
            await add_key(connection, scope, key, [scope], NOW)
