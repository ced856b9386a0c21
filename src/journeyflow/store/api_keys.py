"""Keys to the HTTP API. Of a key only its hash is kept, and what it may do."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, Row, Table, Text, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.types import BigId, Json, UtcDateTime, metadata

SCOPES = ("ingest", "read", "manage", "erase")

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Text, nullable=False),  # whose it is; several keys may share it while one replaces another
    Column("hash", Text, nullable=False, unique=True),  # SHA-256, which is enough for 32 bytes of chance
    Column("scopes", Json, nullable=False),  # of SCOPES
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),  # to the hour
    Column("revoked_at", UtcDateTime),
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: int
    name: str
    scopes: frozenset[str]
    last_used_at: datetime | None


def hash_of(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


async def add_key(connection: AsyncConnection, name: str, key: str, scopes: list[str], now: datetime) -> int:
    row = {"name": name, "hash": hash_of(key), "scopes": scopes, "created_at": now}
    return int((await connection.execute(insert(api_keys).values(row).returning(api_keys.c.id))).scalar_one())


async def find_key(connection: AsyncConnection, hashed: str) -> ApiKey | None:
    """None: nobody was ever given it, or it was revoked."""
    query = select(api_keys).where(api_keys.c.hash == hashed, api_keys.c.revoked_at.is_(None))
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else ApiKey(row.id, row.name, frozenset(row.scopes), row.last_used_at)


async def mark_used(connection: AsyncConnection, id: int, now: datetime) -> None:
    await connection.execute(update(api_keys).where(api_keys.c.id == id).values(last_used_at=now))


async def list_keys(connection: AsyncConnection) -> list[Row[Any]]:
    return list(await connection.execute(select(api_keys).order_by(api_keys.c.id)))


async def revoke_key(connection: AsyncConnection, id: int, now: datetime) -> bool:
    """False: there is no such key, or it was revoked before."""
    live = update(api_keys).where(api_keys.c.id == id, api_keys.c.revoked_at.is_(None))
    return bool((await connection.execute(live.values(revoked_at=now))).rowcount)
