"""`worker`: journeys and deliveries, against the cluster that Temporal's own variables name."""

import asyncio
import logging

import click

from journeyflow.bootstrap import QUEUES, connect, working
from journeyflow.cli.stores import migrated_store
from journeyflow.settings import load_settings


@click.command()
@click.argument("queues", nargs=-1, type=click.Choice(QUEUES))
def worker(queues: tuple[str, ...]) -> None:
    """Work on QUEUES (journeys, email, sms, webhook), by default on all, until interrupted."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for talkative in ("alembic", "httpx2"):  # the latter has a line for each message, with a webhook's URL
        logging.getLogger(talkative).setLevel(logging.WARNING)
    asyncio.run(_work(queues or QUEUES))


async def _work(queues: tuple[str, ...]) -> None:
    settings = load_settings()
    async with migrated_store(settings) as store:
        client = await connect()
        async with working(settings, store, client, queues):
            click.echo(f"working on {', '.join(queues)}; Ctrl-C ends it")
            await asyncio.Event().wait()
