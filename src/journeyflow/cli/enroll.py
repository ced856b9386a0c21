"""`enroll`: customers into a journey, by hand."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import click

from journeyflow.cli.actor import actor
from journeyflow.cli.stores import migrated_store
from journeyflow.engine.requests import request_entry
from journeyflow.settings import load_settings


@click.command()
@click.argument("journey")
@click.argument("customers", nargs=-1, required=True)
def enroll(journey: str, customers: tuple[str, ...]) -> None:
    """Ask for CUSTOMERS (their ids) to enter JOURNEY, whatever its "enter" is.

    A worker brings them in. Its "when" and "again" are asked as always, so some may stay outside.
    """
    asyncio.run(_enroll(journey, customers))
    number = len(set(customers))
    click.echo(f"{journey}: asked for {number:,} {'customer' if number == 1 else 'customers'}")


async def _enroll(journey: str, customers: tuple[str, ...]) -> None:
    async with migrated_store(load_settings()) as store:
        await request_entry(store, journey, customers, datetime.now(UTC), uuid4().hex, actor())
