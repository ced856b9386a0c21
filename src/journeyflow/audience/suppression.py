"""Suppression: addresses that nothing is sent to, whoever has them. Only their hashes are kept."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, and_, delete, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.addresses import one_spelling
from journeyflow.audience.records import parse_customer
from journeyflow.store.customers import customers, suppressions
from journeyflow.store.database import insert_ignoring
from journeyflow.store.hashing import address_hash, hash_of
from journeyflow.store.installation import draw, installation

Reason = Literal["unknown-number", "bounced", "manual", "stopped", "complained", "erased"]
STOPPED: Final = "stopped"  # by SMS; refuses only what needs consent, see `permission.refused_by`
# The later ones replace the earlier ones: what a person asked for weighs more than what a provider told, and
# what refuses everything more than STOP.
_WEIGHTS: tuple[Reason, ...] = ("unknown-number", "bounced", "stopped", "manual", "complained", "erased")

_LOCK = 7_240_519_284  # any number, the same in every process; an advisory lock of this database alone

FIELDS = {"email": "email", "sms": "phone"}  # by channel: where a customer's address on it stands


@dataclass(frozen=True, slots=True)
class Suppressed:
    channel: str
    reason: str
    addresses: int
    customers: list[str]  # ids of those known who have one of these addresses


async def suppress(
    connection: AsyncConnection, channel: str, addresses: list[str], reason: Reason, now: datetime
) -> None:
    """An address that is suppressed for a weightier reason stays so. Waits as `between_claims` does."""
    await between_claims(connection)
    await draw(connection)
    salt = await _salt(connection)
    hashes = {hashed for address in addresses for hashed in hashes_of(salt, channel, address)}
    await suppress_hashes(connection, channel, hashes, reason, now)


async def suppress_hashes(
    connection: AsyncConnection, channel: str, addresses: Iterable[str], reason: Reason, now: datetime
) -> None:
    """As `suppress`, of addresses that are known by what `hashes_of` gives alone."""
    await between_claims(connection)
    hashes = sorted(set(addresses))
    if not hashes:
        return
    rows = [{"channel": channel, "hash": hashed, "reason": reason, "at": now} for hashed in hashes]
    await connection.execute(insert_ignoring(connection, suppressions), rows)
    lighter = suppressions.c.reason.not_in(_WEIGHTS[_WEIGHTS.index(reason) :])
    known = and_(suppressions.c.channel == channel, suppressions.c.hash.in_(hashes))
    await connection.execute(update(suppressions).where(known, lighter).values(reason=reason, at=now))


async def hold_still(connection: AsyncConnection) -> None:
    """No address becomes suppressed until this transaction ends. To be asked for before locks on rows."""
    await _lock(connection, func.pg_advisory_xact_lock_shared)


async def between_claims(connection: AsyncConnection) -> None:
    """Nobody claims a message until this transaction ends. To be asked for before locks on rows are taken."""
    await _lock(connection, func.pg_advisory_xact_lock)


async def lift(connection: AsyncConnection, channel: str, address: str) -> str | None:
    """The reason for which the address was suppressed; None when it was not."""
    statement = delete(suppressions).where(*await _known(connection, channel, address))
    return (await connection.execute(statement.returning(suppressions.c.reason))).scalars().first()


async def lift_stop(connection: AsyncConnection, customer: int) -> None:
    """Of the customer's number, because they asked for SMS in another way. Nothing if there is none."""
    number = select(customers.c.phone).where(customers.c.id == customer).scalar_subquery()
    theirs = suppressions.c.hash == address_hash(literal("sms"), number)
    stopped = (suppressions.c.channel == "sms", suppressions.c.reason == STOPPED, theirs)
    await connection.execute(delete(suppressions).where(*stopped))


async def is_suppressed(connection: AsyncConnection, channel: str, address: str) -> str | None:
    """The reason; None when it is not."""
    query = select(suppressions.c.reason).where(*await _known(connection, channel, address))
    return (await connection.execute(query)).scalars().first()


async def list_suppressed(connection: AsyncConnection) -> list[Suppressed]:
    """By channel and reason. Reads all customers, as a hash does not tell whose it is."""
    found: dict[tuple[str, str], list[str]] = {}
    for channel, field in FIELDS.items():
        theirs = address_hash(literal(channel), customers.c[field])
        query = (
            select(suppressions.c.reason, customers.c.key)
            .join_from(customers, suppressions, suppressions.c.hash == theirs)
            .where(suppressions.c.channel == channel)
            .order_by(customers.c.id)
        )
        for row in await connection.execute(query):
            found.setdefault((channel, row.reason), []).append(row.key)
    kinds = (suppressions.c.channel, suppressions.c.reason)
    counted = select(*kinds, func.count().label("addresses")).group_by(*kinds).order_by(*kinds)
    return [
        Suppressed(row.channel, row.reason, row.addresses, found.get((row.channel, row.reason), []))
        for row in await connection.execute(counted)
    ]


def hashes_of(salt: str | None, channel: str, address: str) -> set[str]:
    """Of the spellings in which a customer may have the address; `salt` is the store's own."""
    hashes = (hash_of(salt, channel, spelling) for spelling in _spellings(channel, address))
    return {hashed for hashed in hashes if hashed is not None}


def parse_address(channel: str, text: str) -> str:
    """As an import would take it. Raises RecordError."""
    field = FIELDS[channel]
    return parse_customer({"id": "address", field: text}).columns[field] or ""


async def _lock(connection: AsyncConnection, lock: Callable[[int], Any]) -> None:
    """A suppression concerns no row that both sides could lock. On SQLite transactions are exclusive."""
    if connection.dialect.name != "sqlite":
        await connection.execute(select(lock(_LOCK)))


async def _known(connection: AsyncConnection, channel: str, address: str) -> list[ColumnElement[bool]]:
    hashes = hashes_of(await _salt(connection), channel, address)
    return [suppressions.c.channel == channel, suppressions.c.hash.in_(hashes)]


async def _salt(connection: AsyncConnection) -> str | None:
    """None while the store has none, and so no suppression."""
    return (await connection.execute(select(installation.c.salt))).scalar()


def _spellings(channel: str, address: str) -> set[str]:
    """The one of imports, and this, in which an older version may have stored it."""
    if channel != "email":
        return {address}
    try:
        return {address, one_spelling(address)}
    except ValueError:  # an older version did not ask whether there can be such a domain
        return {address}
