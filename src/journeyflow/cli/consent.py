"""`consent`: what a customer agreed to, and what they told the staff."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.consent import Basis, Choice, Standing, State, decide, history, standings
from journeyflow.audience.records import CHANNELS
from journeyflow.cli.actor import actor
from journeyflow.cli.stores import migrated_store
from journeyflow.engine.programme import Programme
from journeyflow.policy import Policy
from journeyflow.settings import load_settings
from journeyflow.store.audit import note
from journeyflow.store.customers import customers


@click.group()
def consent() -> None:
    """Look at the consents of one customer, or record one."""


@consent.command("show")
@click.argument("key")
def show(key: str) -> None:
    """Show what holds for the customer KEY, and everything that was ever decided."""
    standing, decisions = asyncio.run(_load(key))
    for (channel, topic), (state, at) in sorted(standing.rows.items()):
        click.echo(f"{_name(channel, topic)}: {state} since {at:%Y-%m-%d %H:%M} UTC")
    if not decisions:
        click.echo("nothing has been decided yet")
        return
    click.echo("decisions, times in UTC:")
    for row in decisions:
        click.echo(f"  {row.at:%Y-%m-%d %H:%M:%S}  {_name(row.channel, row.topic)} {row.state}{_basis(row)}")


@consent.command("record")
@click.argument("key")
@click.option("--channel", type=click.Choice(CHANNELS), required=True)
@click.option("--topic", default="", help="Of the policy; without it, the channel as a whole.")
@click.option("--state", type=click.Choice(["granted", "denied", "pending"]), required=True)
@click.option("--source", default="staff", show_default=True, help="How it was told: telephone, paper, ...")
@click.option("--wording", help="What the customer agreed to, word by word.")
@click.option("--wording-version", help="Of the wording.")
@click.option("--origin", help="Where from: an address, a number, a place.")
@click.option("--confirmed", is_flag=True, help="A double opt-in is not needed any more.")
def record(
    key: str,
    channel: str,
    topic: str,
    state: State,
    source: str,
    wording: str | None,
    wording_version: str | None,
    origin: str | None,
    confirmed: bool,
) -> None:
    """Record what the customer KEY told the staff. What may not be sent any more is cancelled."""
    basis = Basis(source, actor(), wording, wording_version, origin)
    changed = asyncio.run(_record(key, Choice(channel, topic, state), basis, confirmed))
    for choice in changed:
        click.echo(f"{_name(choice.channel, choice.topic)}: {choice.state}")
    if not changed:
        click.echo(f"{_name(channel, topic)}: nothing has changed")


async def _load(key: str) -> tuple[Standing, list[Row[Any]]]:
    async with migrated_store(load_settings()) as store, store.reading() as connection:
        customer = await _number(connection, key)
        return (await standings(connection, [customer]))[customer], await history(connection, customer)


async def _record(key: str, choice: Choice, basis: Basis, confirmed: bool) -> list[Choice]:
    now = datetime.now(UTC)
    async with migrated_store(load_settings()) as store, store.writing() as connection:
        policy = await Programme().policy(connection)
        _refuse_unknown_topic(policy, choice.topic)
        customer = await _number(connection, key)
        changed = await decide(connection, policy, customer, [choice], basis, now, confirmed)
        for one in changed:
            said = {"channel": one.channel, "topic": one.topic, "state": one.state}
            await note(connection, now, basis.actor, "consent", str(customer), **said)
        return changed


def _refuse_unknown_topic(policy: Policy, topic: str) -> None:
    if topic and topic not in policy.topics:
        known = ", ".join(policy.topics) or "none"
        raise click.ClickException(f'the policy in force has no topic "{topic}"; it has: {known}')


async def _number(connection: AsyncConnection, key: str) -> int:
    found = (await connection.execute(select(customers.c.id).where(customers.c.key == key))).scalar()
    if found is None:
        raise click.ClickException(f'no customer has the id "{key}"')
    return int(found)


def _name(channel: str, topic: str) -> str:
    return f"{channel} {topic}" if topic else channel


def _basis(row: Row[Any]) -> str:
    version = f" (version {row.wording_version})" if row.wording_version else ""
    wording = f', "{row.wording}"{version}' if row.wording else ""
    origin = f", from {row.origin}" if row.origin else ""
    return f" by {row.source} ({row.actor}){wording}{origin}"
