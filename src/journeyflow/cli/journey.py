"""`journey`: pausing a journey, and resuming it."""

import asyncio
from datetime import UTC, datetime

import click

from journeyflow.cli.actor import actor
from journeyflow.cli.stores import migrated_store
from journeyflow.engine import pausing
from journeyflow.engine.pausing import Paused
from journeyflow.settings import load_settings


@click.group()
def journey() -> None:
    """Pause a journey, or resume it."""


@journey.command("pause")
@click.argument("name")
def pause(name: str) -> None:
    """Nobody enters the journey NAME and nothing of it is sent, until it is resumed.

    Who is inside rests at the next send. Exits and waits go on.
    """
    done = asyncio.run(_pause(name))
    already = "already " if done.before else ""
    click.echo(f"{name}: {already}paused since {done.since:%Y-%m-%d %H:%M:%S} UTC")


@journey.command("resume")
@click.argument("name")
def resume(name: str) -> None:
    """Let the journey NAME take people in and send again. Who rested because of the pause goes on."""
    resting = asyncio.run(_resume(name))
    if resting is None:
        click.echo(f"{name}: is not paused")
        return
    click.echo(f"{name}: resumed; {resting:,} rested because of the pause")


async def _pause(name: str) -> Paused:
    async with migrated_store(load_settings()) as store:
        return await pausing.pause(store, name, datetime.now(UTC), actor())


async def _resume(name: str) -> int | None:
    async with migrated_store(load_settings()) as store:
        return await pausing.resume(store, name, datetime.now(UTC), actor())
