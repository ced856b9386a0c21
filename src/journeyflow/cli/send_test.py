"""`journeyflow send-test`: one message for real, to an address that is typed."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from journeyflow.cli.letters import (
    customer_option,
    desks_of,
    event_of,
    event_option,
    locale_option,
    person_of,
    root_option,
)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from journeyflow.delivery.channels.base import Outcome, Outgoing
    from journeyflow.preview.letters import Desk, Draft
    from journeyflow.settings import Settings
    from journeyflow.store.database import Store


@click.command("send-test")
@click.argument("template")
@click.option(
    "--to", required=True, metavar="ADDRESS", help="An e-mail address, or a number as in +46701740605."
)
@click.option("--channel", type=click.Choice(["email", "sms"]), help="Without it, ADDRESS tells.")
@customer_option
@locale_option
@event_option
@root_option
@click.pass_context
def send_test(
    ctx: click.Context,
    template: str,
    to: str,
    channel: str | None,
    key: str | None,
    locale: str | None,
    event: str | None,
    root: Path | None,
) -> None:
    """Send TEMPLATE once to ADDRESS, through the channel that is set up.

    No consent is asked and no journey knows of it; the subject begins with "[test]". The files of the
    programme are read, not what was applied. Links to a customer's own pages lead to nobody's. Exits with 1
    unless the provider has accepted it.
    """
    # Imported late, so that the command line's help does not wait for it.
    from journeyflow.bootstrap import links_of
    from journeyflow.settings import load_settings

    settings = load_settings()
    channel = channel or ("email" if "@" in to else "sms")
    address = _parsed(channel, to)
    desk = _desk(desks_of(root or settings.root, template, links_of(settings)), template, channel)
    outcome = asyncio.run(_send(settings, desk, address, locale, key, event_of(event)))
    told, is_accepted = _told(outcome)
    click.echo(told, err=not is_accepted)
    ctx.exit(0 if is_accepted else 1)


def _parsed(channel: str, to: str) -> str:
    from journeyflow.audience.records import RecordError
    from journeyflow.audience.suppression import parse_address

    try:
        address = parse_address(channel, to)
    except RecordError as error:
        raise click.BadParameter(str(error), param_hint="--to") from None
    if not address:
        raise click.BadParameter("the address is empty", param_hint="--to")
    return address


def _desk(desks: "list[Desk]", template: str, channel: str) -> "Desk":
    for desk in desks:
        if any(version.channel == channel for version in desk.versions.values()):
            return desk
    raise click.ClickException(f'the template "{template}" has no file for the channel "{channel}"')


async def _send(
    settings: "Settings",
    desk: "Desk",
    address: str,
    locale: str | None,
    key: str | None,
    event: dict[str, Any] | None,
) -> "Outcome":
    from journeyflow.bootstrap import channel_of
    from journeyflow.cli.stores import migrated_store
    from journeyflow.preview.letters import Person, drafted
    from journeyflow.store.installation import name_of

    now = datetime.now(UTC)
    async with migrated_store(settings) as store:
        person = await person_of(store, key, event) if key else Person(event=event)
        tag = locale or (person.customer or {}).get("locale") or desk.policy.defaults.locale
        draft = drafted(desk, tag, person)
        channel = channel_of(settings, draft.template.channel, await name_of(store))
        try:
            return await channel.send(await _written(store, draft, address, now))
        finally:
            await channel.close()


async def _written(store: "Store", draft: "Draft", address: str, now: datetime) -> "Outgoing":
    """In one transaction with the note of who sends it, so that what is not sent leaves nothing behind.

    Its number is another one for each test, as providers know it by that.
    """
    from journeyflow.cli.actor import actor
    from journeyflow.delivery.short_links import keep
    from journeyflow.store.audit import note
    from journeyflow.store.short_links import number_of_test

    number, template = number_of_test(now), draft.template
    async with store.writing() as connection:
        await _refuse_suppressed(connection, template.channel, address)
        ids = await keep(connection, {number: draft.short_targets})
        sent = draft.finished(now, ids.get(number, {})).outgoing
        await note(connection, now, actor(), "send test", template.name, channel=template.channel)
    subject = None if sent.subject is None else f"[test] {sent.subject}"
    return replace(sent, message_id=number, to=address, subject=subject)


async def _refuse_suppressed(connection: "AsyncConnection", channel: str, address: str) -> None:
    from journeyflow.audience.suppression import is_suppressed

    reason = await is_suppressed(connection, channel, address)
    if reason is not None:
        raise click.ClickException(
            f"this address is suppressed ({reason}), so nothing is sent to it; use another one, or lift "
            f"that: journeyflow suppress remove {channel} ADDRESS"
        )


def _told(outcome: "Outcome") -> tuple[str, bool]:
    from journeyflow.delivery.channels.base import Accepted, Ambiguous, Rejected

    match outcome:
        case Accepted():
            return f"accepted: {outcome.provider_id}", True
        case Rejected():
            return f"rejected ({outcome.code}): {outcome.reason}", False
        case Ambiguous():
            return (
                f"nobody knows whether it went out: {outcome.reason}; look for it before you try again",
                False,
            )
        case _:
            return f"not sent: {outcome.reason}; try again in {outcome.retry_after:,.0f} seconds", False
