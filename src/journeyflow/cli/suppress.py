"""`suppress`: addresses that nothing is sent to."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.records import CHANNELS, RecordError
from journeyflow.audience.suppression import is_suppressed, lift, list_suppressed, parse_address
from journeyflow.audience.suppression import suppress as suppress_address
from journeyflow.cli.actor import actor
from journeyflow.cli.stores import migrated_store
from journeyflow.settings import load_settings
from journeyflow.store.audit import note

T = TypeVar("T")

_channel = click.argument("channel", type=click.Choice(CHANNELS))
_address = click.argument("address")


@click.group()
def suppress() -> None:
    """Addresses that nothing is sent to, whoever has them."""


@suppress.command("add")
@_channel
@_address
def add(channel: str, address: str) -> None:
    """Send nothing to ADDRESS on CHANNEL from now on."""
    parsed, now = _parse(channel, address), datetime.now(UTC)

    async def work(connection: AsyncConnection) -> None:
        await suppress_address(connection, channel, [parsed], "manual", now)
        await note(connection, now, actor(), "suppress", None, channel=channel, reason="manual")

    _run(work)
    click.echo(f"{channel}: nothing is sent to this address from now on")


@suppress.command("remove")
@_channel
@_address
def remove(channel: str, address: str) -> None:
    """Lift what was suppressed; consent is asked as always."""
    parsed, now = _parse(channel, address), datetime.now(UTC)

    async def work(connection: AsyncConnection) -> str | None:
        reason = await lift(connection, channel, parsed)
        if reason is not None:
            await note(connection, now, actor(), "lift", None, channel=channel, reason=reason)
        return reason

    reason = _run(work)
    if reason is None:
        raise click.ClickException(f"{channel}: this address is not suppressed")
    click.echo(f"{channel}: this address is not suppressed any more (it was: {reason})")


@suppress.command("check")
@_channel
@_address
def check(channel: str, address: str) -> None:
    """Say whether ADDRESS is suppressed, and why."""
    parsed = _parse(channel, address)
    reason = _run(lambda connection: is_suppressed(connection, channel, parsed))
    click.echo(f"{channel}: " + (f"suppressed ({reason})" if reason else "not suppressed"))


@suppress.command("list")
def list_() -> None:
    """Count by channel and reason, with the ids of the customers concerned; addresses are not kept."""
    for one in _run(list_suppressed):
        theirs = f": {', '.join(one.customers)}" if one.customers else ""
        click.echo(f"{one.channel} {one.reason} {one.addresses:,}{theirs}")


def _parse(channel: str, address: str) -> str:
    try:
        parsed = parse_address(channel, address)
    except RecordError as error:
        raise click.ClickException(str(error)) from None
    if not parsed:
        raise click.ClickException("the address is empty")
    return parsed


def _run(work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """In one transaction of the store."""

    async def opened() -> T:
        async with migrated_store(load_settings()) as store, store.writing() as connection:
            return await work(connection)

    return asyncio.run(opened())
