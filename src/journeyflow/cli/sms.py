"""`sms receive`: a message from a customer, for gateways that call a command, and to try it by hand."""

import asyncio
import sys
from datetime import UTC, datetime
from uuid import uuid4

import click

from journeyflow.audience.inbound import Received, receive_sms
from journeyflow.cli.stores import migrated_store
from journeyflow.engine.programme import Programme
from journeyflow.settings import load_settings


class _AnyText(click.Command):
    """Takes "-STOP" and "--help" behind its options as a customer's text, not as options of ours."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        if arguments == ["--help"]:
            click.echo(self.get_help(context))
            context.exit()
        return super().parse_args(context, arguments)


@click.group()
def sms() -> None:
    """Take in what customers write."""


@sms.command(
    "receive", cls=_AnyText, add_help_option=False, context_settings={"ignore_unknown_options": True}
)
@click.option("--from", "sender", required=True, help="The customer's number, as in +46701740605.")
@click.option("--to", required=True, help="Our number.")
@click.option("--id", "message_id", required=True, help="The gateway's id of the message: each counts once.")
@click.argument("text")
def receive(sender: str, to: str, message_id: str, text: str) -> None:
    """Take in the message TEXT, and do at once what it asks for: STOP, START, YES, HELP or JOIN.

    TEXT is read from the standard input if it is "-". Write "--" before a text that could be
    one of the options.
    """
    said = _read() if text == "-" else text
    click.echo(_told(asyncio.run(_receive(sender, to, message_id, said))))


def _read() -> str:
    return sys.stdin.buffer.read().decode(errors="replace").rstrip("\r\n")


async def _receive(sender: str, to: str, message_id: str, text: str) -> Received:
    async with migrated_store(load_settings()) as store:
        async with store.reading() as connection:
            policy = await Programme().policy(connection)
        return await receive_sms(
            store,
            policy,
            sender=sender,
            to=to,
            text=text,
            message_id=message_id,
            newcomer=f"sms-{uuid4().hex}",
            now=datetime.now(UTC),
        )


def _told(received: Received) -> str:
    if received.repeated:
        return "this message has been taken in before"
    keyword = f"understood as {received.reading.keyword.upper()}" if received.reading else "no keyword"
    number = len(received.customers)
    people = f"{number:,} {'customer' if number == 1 else 'customers'}"
    changed = f", consent changed for {len(received.changed):,}" if received.changed else ""
    return f"{keyword}; from {people}{changed}"
