"""`audit`: who did what to the programme and to customers' data."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Row, select

from journeyflow.cli.stores import migrated_store
from journeyflow.settings import load_settings
from journeyflow.store.audit import audit_log


@click.command()
@click.option("--since", type=click.DateTime(), help="Only from this moment on (UTC).")
@click.option("--action", help="Only apply, enroll, export, erase, suppress, lift, purge, ...")
def audit(since: datetime | None, action: str | None) -> None:
    """Show who did what: the audit log, which names customers by their numbers alone."""
    table = Table(show_edge=False)
    for heading in ("when (UTC)", "who", "what", "to", ""):
        table.add_column(heading, overflow="fold", no_wrap=heading == "when (UTC)")
    for row in asyncio.run(_load(since.replace(tzinfo=UTC) if since else None, action)):
        cells = (f"{row.at:%Y-%m-%d %H:%M:%S}", row.actor, row.action, row.subject or "", _told(row.detail))
        table.add_row(*map(Text, cells))
    Console().print(table)


async def _load(since: datetime | None, action: str | None) -> list[Row[Any]]:
    query = select(audit_log).order_by(audit_log.c.id)
    if since is not None:
        query = query.where(audit_log.c.at >= since)
    if action is not None:
        query = query.where(audit_log.c.action == action)
    async with migrated_store(load_settings()) as store, store.reading() as connection:
        return list(await connection.execute(query))


def _told(detail: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in detail.items())


def _value(value: Any) -> str:
    match value:
        case dict():
            return "(" + ", ".join(f"{name} {inner}" for name, inner in value.items()) + ")"
        case list():
            return " ".join(map(str, value))
        case _:
            return str(value)
