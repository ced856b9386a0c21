"""Whom `preview` and `send-test` write to, and what they write from."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from journeyflow.cli.obstacles import needing_files

if TYPE_CHECKING:
    from journeyflow.messages.links import Links
    from journeyflow.preview.letters import Desk, Person
    from journeyflow.store.database import Store


def _tag(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    from journeyflow.audience.records import RecordError, parse_locale

    try:
        return parse_locale(text)
    except RecordError as error:
        raise click.BadParameter(str(error)) from None


customer_option = click.option("--customer", "key", metavar="ID", help="Write to this customer of the store.")
locale_option = click.option("--locale", callback=_tag, help='The reader\'s language, as in "sv" or "en-GB".')
event_option = click.option(
    "--event",
    metavar="JSON|@FILE",
    help="Properties of the event that brings the customer in, as JSON or in a file.",
)
root_option = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder that holds journeys/ and templates/; JOURNEYFLOW_ROOT, or this folder, without it.",
)


def event_of(text: str | None) -> dict[str, Any] | None:
    """The properties that were typed, or that stand in the file behind "@"."""
    if text is None:
        return None
    if text.startswith("@"):
        with needing_files():
            text = Path(text[1:]).read_text(encoding="utf-8")
    try:
        event = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"this is not JSON: {error}", param_hint="--event") from None
    if not isinstance(event, dict):
        raise click.BadParameter('should be an object, such as {"total": 120}', param_hint="--event")
    return event


def desks_of(root: Path, template: str, links: "Links | None") -> "list[Desk]":
    """By channel. Prints all problems there are with the template or the policy, and ends the command."""
    from journeyflow.folder import FolderError
    from journeyflow.language.problems import ProgrammeError
    from journeyflow.preview.letters import desks

    try:
        return desks(root, template, links)
    except (FolderError, ProgrammeError) as error:
        click.echo(str(error), err=True)
        raise click.exceptions.Exit(1) from None


async def person_of(store: "Store", key: str, event: dict[str, Any] | None) -> "Person":
    """The customer as templates are given them."""
    from sqlalchemy import select

    from journeyflow.delivery.claim import known_of
    from journeyflow.preview.letters import Person
    from journeyflow.store.customers import customers

    async with store.reading() as connection:
        row = (await connection.execute(select(customers).where(customers.c.key == key))).one_or_none()
    if row is None:
        raise click.ClickException("the store has no customer with this id")
    return Person(known_of(row), event, row.country)
