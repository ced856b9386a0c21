"""`dev`: the whole system on this machine, with an embedded Temporal server that keeps its data in a file."""

import asyncio
import logging
from contextlib import closing
from pathlib import Path

import click
from temporalio.client import Client

from journeyflow.bootstrap import QUEUES, keep_going, working
from journeyflow.cli.api import address, listen, serving, with_links
from journeyflow.cli.stores import migrated_store
from journeyflow.errors import ConfigurationError
from journeyflow.settings import load_settings
from journeyflow.store.database import Store
from journeyflow.testing.servers import dev_server


@click.command()
@click.option("--port", type=int, default=7233, show_default=True, help="Of the embedded Temporal server.")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("temporal.db"),
    show_default=True,
    help="Where the server keeps its data.",
)
@click.option(
    "--api-port", type=int, default=8080, show_default=True, help="Of the pages for customers. 0: any."
)
def dev(port: int, database: Path, api_port: int) -> None:
    """Run the embedded Temporal server, all workers and the pages for customers, until interrupted."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(_run(port, database.absolute(), api_port))


async def _run(port: int, database: Path, api_port: int) -> None:
    # Without a build: nobody says here which one is current, so its workers would get nothing to do.
    settings = load_settings().model_copy(update={"build_id": None})
    with closing(listen("127.0.0.1", api_port)) as at:
        settings = with_links(settings, address(at))
        async with migrated_store(settings) as store, dev_server(database, port) as server:
            client = await Client.connect(server.address)
            await _keep_going(store, client, database)
            async with (
                working(settings, store, client, QUEUES),
                serving(settings, store, at) as pages,
            ):
                click.echo(
                    f"Temporal answers at {server.address}, the pages for customers at {address(at)}; "
                    f"messages go to {settings.outbox}; Ctrl-C ends it"
                )
                await asyncio.wait([pages])


async def _keep_going(store: Store, client: Client, database: Path) -> None:
    """As every worker does, but what does not fit together is named as it is called here."""
    try:
        await keep_going(store, client)
    except ConfigurationError:
        raise ConfigurationError(
            f'the server\'s file "{database}" and the store do not belong together; name the one that '
            "this store was used with (--database), or for a new store one that is not there yet"
        ) from None
