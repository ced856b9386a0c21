"""Hashes of addresses, computed by the database, so that a suppression outlives the address it is about.

SHA-256 over the installation's salt, the channel and the address in small letters (ASCII): the same on both
stores. The salt keeps a list of hashes from being compared with those of another installation.
"""

import hashlib
from typing import Any

from sqlalchemy import ColumnElement, Text, column, select, table
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

_SQLITE = "journeyflow_address_hash"
_SALT = select(table("installation", column("salt", Text)).c.salt).scalar_subquery()


class _AddressHash(FunctionElement[str]):
    """Arguments: salt, channel, address."""

    type = Text()
    inherit_cache = True


def address_hash(channel: ColumnElement[str], address: ColumnElement[str]) -> ColumnElement[str]:
    """NULL where the address is. Needs `installation.name_of` to have been asked once for this store."""
    return _AddressHash(_SALT, channel, address)


def register(connection: Any) -> None:
    """Gives a new SQLite connection the function it lacks."""
    connection.create_function(_SQLITE, 3, hash_of, deterministic=True)


def hash_of(salt: str | None, channel: str, address: str | None) -> str | None:
    if salt is None or address is None:
        return None
    small = address.encode().lower()  # bytes: ASCII letters only, as PostgreSQL does it below
    return hashlib.sha256(b":".join((salt.encode(), channel.encode(), small))).hexdigest()


@compiles(_AddressHash, "sqlite")
def _on_sqlite(element: _AddressHash, compiler: Any, **keywords: Any) -> str:
    return f"{_SQLITE}({compiler.process(element.clauses, **keywords)})"


@compiles(_AddressHash, "postgresql")
def _on_postgresql(element: _AddressHash, compiler: Any, **keywords: Any) -> str:
    salt, channel, address = (compiler.process(part, **keywords) for part in element.clauses)
    text = f"{salt} || ':' || {channel} || ':' || lower({address} COLLATE \"C\")"
    return f"encode(sha256(convert_to({text}, 'UTF8')), 'hex')"
