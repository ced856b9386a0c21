"""`journeyflow apply`: the programme in a folder is checked, compiled and put into force."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from journeyflow.cli.stores import migrated_store
from journeyflow.compiler import compile_journey
from journeyflow.language.problems import ProgrammeError
from journeyflow.language.programme import Programme, load
from journeyflow.messages.templates import Template, TemplateProblem, load_templates
from journeyflow.settings import Settings, load_settings
from journeyflow.store.applying import Applied, PlannedJourney, StoredTemplate, apply_programme


@click.command()
@click.argument("root", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_context
def apply(ctx: click.Context, root: Path | None) -> None:
    """Put the journeys, templates and policy below ROOT into force, all or none.

    Customers inside a journey keep the version they entered. Applying the same again changes nothing.
    ROOT is JOURNEYFLOW_ROOT, or this folder, when it is left out.
    """
    settings = load_settings()
    programme, templates, problems = _read(root or settings.root)
    if programme is None or problems:
        click.echo("\n".join([*problems, "", "nothing was changed"]), err=True)
        ctx.exit(1)
    applied = asyncio.run(_apply(settings, programme, templates))
    click.echo(_told(applied))


def _read(root: Path) -> tuple[Programme | None, list[Template], list[str]]:
    """The programme, its templates, and everything that is wrong with either."""
    templates, faults = load_templates(root / "templates" / "messages")
    told = [str(fault) for fault in faults]
    known = {(template.name, template.channel) for template in templates} | set(map(_key_of, faults))
    try:
        return load(root, templates=known), templates, told
    except ProgrammeError as error:
        return None, templates, [*map(str, error.problems), *told]


def _key_of(fault: TemplateProblem) -> tuple[str, str]:
    """The template with the fault: it is there, so that nobody is told that it is missing."""
    path = Path(fault.file)
    return path.parent.name, path.name.partition(".")[0]


async def _apply(settings: Settings, programme: Programme, templates: list[Template]) -> Applied:
    planned = []
    for journey in programme.journeys:
        plan = compile_journey(journey, programme.segments)
        planned.append(PlannedJourney(plan.journey, plan.digest, plan.to_json(), journey.source))
    texts = [
        StoredTemplate(one.name, one.channel, one.locale, one.digest, one.to_json()) for one in templates
    ]
    async with migrated_store(settings) as store:
        return await apply_programme(store, programme.policy.to_json(), texts, planned, datetime.now(UTC))


def _told(applied: Applied) -> str:
    width = max(map(len, applied.journeys), default=0)
    lines = [f"{name:<{width}}  {change}" for name, change in sorted(applied.journeys.items())]
    lines.append(f"policy {'changed' if applied.policy_changed else 'unchanged'}")
    lines.append(f"templates: {applied.templates_changed} changed, {applied.templates_removed} removed")
    return "\n".join(lines)
