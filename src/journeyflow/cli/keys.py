"""`keys`: who may use the HTTP API, and for what."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.cli.actor import actor
from journeyflow.cli.stores import migrated_store
from journeyflow.settings import load_settings
from journeyflow.store.api_keys import SCOPES, add_key, list_keys, revoke_key
from journeyflow.store.audit import note

T = TypeVar("T")

_BYTES = 32  # of chance in a key
_LONGEST_NAME = 100


@click.group()
def keys() -> None:
    """Keys to the HTTP API. A name may have several, so that a new one can take the place of an old one."""


@keys.command("create")
@click.argument("name")
@click.option(
    "--scope", "scopes", type=click.Choice(SCOPES), multiple=True, required=True, help="May be given again."
)
def create(name: str, scopes: tuple[str, ...]) -> None:
    """Make a key for NAME and show it, this once.

    \b
    ingest  send events and customers      read    look at customers and journeys
    manage  change them                    erase   forget customers
    """
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise click.UsageError(f"NAME is a line of 1 to {_LONGEST_NAME} characters")
    key, now = f"jf_{secrets.token_urlsafe(_BYTES)}", datetime.now(UTC)
    allowed = [scope for scope in SCOPES if scope in scopes]

    async def work(connection: AsyncConnection) -> int:
        id = await add_key(connection, name, key, allowed, now)
        await note(connection, now, actor(), "create key", str(id), name=name, scopes=allowed)
        return id

    id = _run(work)
    click.echo(f'key {id} of "{name}" may {", ".join(allowed)}; it is not shown again:', err=True)
    click.echo(key)


@keys.command("list")
def list_() -> None:
    """Show the keys, without what only their owners know."""
    table = Table(show_edge=False)
    for heading in ("id", "name", "may", "made (UTC)", "used (UTC)", "revoked (UTC)"):
        table.add_column(heading, overflow="fold")
    for row in _run(list_keys):
        times = (
            f"{at:%Y-%m-%d %H:%M}" if at else "" for at in (row.created_at, row.last_used_at, row.revoked_at)
        )
        table.add_row(*(Text(cell) for cell in (str(row.id), row.name, ", ".join(row.scopes), *times)))
    Console().print(table)


@keys.command("revoke")
@click.argument("id", type=int)
def revoke(id: int) -> None:
    """Let the key with this ID open nothing any more, 10 seconds from now at the latest."""
    now = datetime.now(UTC)

    async def work(connection: AsyncConnection) -> bool:
        is_done = await revoke_key(connection, id, now)
        if is_done:
            await note(connection, now, actor(), "revoke key", str(id))
        return is_done

    if not _run(work):
        raise click.ClickException(f"no key that is in use has the id {id}; see `journeyflow keys list`")
    click.echo(f"key {id} is revoked")


def _run(work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """In one transaction of the store."""

    async def opened() -> T:
        async with migrated_store(load_settings()) as store, store.writing() as connection:
            return await work(connection)

    return asyncio.run(opened())
