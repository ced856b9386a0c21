"""`journeyflow apply`: the programme in a folder is checked, compiled and put into force."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click
from temporalio.service import RPCError

from journeyflow.bootstrap import connect, settle_schedules
from journeyflow.cli.actor import actor
from journeyflow.cli.stores import migrated_store
from journeyflow.engine.pausing import paused_journeys
from journeyflow.errors import ConfigurationError
from journeyflow.experiments.starting import Settled, told_spoilt
from journeyflow.folder import Folder, FolderError, Outcome, apply_folder, read_folder, try_folder
from journeyflow.settings import Settings, load_settings
from journeyflow.store.coupons import stocks
from journeyflow.store.database import Store
from journeyflow.store.installation import namespace_of


@click.command()
@click.argument("root", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only tell what would be different, and change nothing.")
@click.option(
    "--restart-experiment",
    "restart",
    multiple=True,
    metavar="NAME",
    help="Start this experiment anew: all customers are drawn again. May be given several times.",
)
@click.pass_context
def apply(ctx: click.Context, root: Path | None, dry_run: bool, restart: tuple[str, ...]) -> None:
    """Put the journeys, templates and policy below ROOT into force, all or none.

    Customers inside a journey keep the version they entered. Applying the same again changes nothing. What
    would spoil an experiment that is running is refused. ROOT is JOURNEYFLOW_ROOT, or this folder, when it
    is left out.
    """
    settings = load_settings()
    try:
        folder = read_folder(root or settings.root)
    except FolderError as error:
        click.echo("\n".join([*error.problems, "", "nothing was changed"]), err=True)
        ctx.exit(1)
    if dry_run:
        outcome = asyncio.run(_try(settings, folder, restart))
        click.echo("\n".join([_told(outcome), *_refusals(outcome.experiments), "nothing was changed"]))
        ctx.exit(1 if outcome.experiments.spoilt else 0)
    outcome, empty, paused, schedules = asyncio.run(_apply(settings, folder, restart))
    click.echo(_told(outcome))
    for name in paused:
        click.echo(f"{name} is paused; nobody enters it until: journeyflow journey resume {name}")
    for pool in empty:
        click.echo(f'the pool "{pool}" has no coupons; run: journeyflow coupons import {pool} FILE')
    for line in schedules:
        click.echo(line)


async def _try(settings: Settings, folder: Folder, restart: tuple[str, ...]) -> Outcome:
    async with migrated_store(settings) as store:
        return await try_folder(store, folder, datetime.now(UTC), restart)


async def _apply(
    settings: Settings, folder: Folder, restart: tuple[str, ...]
) -> tuple[Outcome, list[str], list[str], list[str]]:
    """Also the pools that a template names and that have no code, the journeys that are paused, and what was
    done to schedules."""
    async with migrated_store(settings) as store:
        outcome = await apply_folder(store, folder, datetime.now(UTC), actor(), restart)
        async with store.reading() as connection:
            paused = await paused_journeys(connection)
        return outcome, await _empty_pools(store, folder), paused, await _settle(store)


async def _settle(store: Store) -> list[str]:
    """Where no worker has been started yet, the first one makes the schedules, wherever it runs."""
    if await namespace_of(store) is None:
        return []
    try:
        settled = await settle_schedules(store, await connect())
    except (ConfigurationError, RPCError) as error:
        later = "the next worker that starts puts them right, or: journeyflow schedules --mend"
        return [f"the schedules are as before: {error}; {later}"]
    return [f"schedule {one.line}" for one in settled]


async def _empty_pools(store: Store, folder: Folder) -> list[str]:
    named = {one.coupon for one in folder.templates if one.coupon}
    if not named:
        return []
    async with store.reading() as connection:
        found = await stocks(connection, datetime.now(UTC))
    return sorted(named - {one.pool for one in found if one.free})


def _told(outcome: Outcome) -> str:
    applied, experiments = outcome.applied, outcome.experiments.changes
    width = max(map(len, applied.journeys), default=0)
    lines = [f"{name:<{width}}  {change}" for name, change in sorted(applied.journeys.items())]
    lines.append(f"policy {'changed' if applied.policy_changed else 'unchanged'}")
    lines.append(f"templates: {applied.templates_changed} changed, {applied.templates_removed} removed")
    if any(moved := (len(applied.segments.changed), len(applied.segments.removed))):
        lines.append(f"segments: {moved[0]} changed, {moved[1]} removed")
    lines += [f"experiment {name}: {change}" for name, change in experiments.items()]
    return "\n".join(lines)


def _refusals(settled: Settled) -> list[str]:
    return [told_spoilt(name, changes) for name, changes in settled.spoilt.items()]
