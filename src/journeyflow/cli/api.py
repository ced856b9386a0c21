"""`api`: customers' own pages and the API by which events come in, as a web server."""

import asyncio
import logging
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import timedelta

import click
import uvicorn
import uvloop
from pydantic import SecretStr

from journeyflow.api.app import Limits, create_app
from journeyflow.api.ingest.items import Span
from journeyflow.api.webhooks import Providers
from journeyflow.api.webhooks.sendgrid import SendGrid
from journeyflow.api.webhooks.twilio import Twilio
from journeyflow.bootstrap import links_of
from journeyflow.cli.stores import migrated_store
from journeyflow.errors import ConfigurationError
from journeyflow.settings import Settings, load_settings, split
from journeyflow.store.database import Store


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=int, default=8080, show_default=True, help="0: any that is free.")
def api(host: str, port: int) -> None:
    """Serve the API for events and the pages of customers, until interrupted."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(host, port))


async def _run(host: str, port: int) -> None:
    settings = load_settings()
    async with migrated_store(settings) as store:
        with closing(listen(host, port)) as at:
            async with serving(settings, store, at) as pages:
                click.echo(f"the pages answer at {address(at)}; Ctrl-C ends it")
                await asyncio.wait([pages])


def with_links(settings: Settings, public_url: str) -> Settings:
    """Where no secret is set: with one for the life of this process, and a word about it."""
    if settings.link_secrets is not None:
        return settings
    click.echo(
        "JOURNEYFLOW_LINK_SECRETS is not set: the links in messages are signed with a secret that was drawn "
        "just now, and lead nowhere once this ends"
    )
    drawn = SecretStr(secrets.token_hex(32))
    return settings.model_copy(update={"public_url": public_url, "link_secrets": drawn})


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None of its own: whoever started it ends it, before the store is closed."""
        yield


@asynccontextmanager
async def serving(settings: Settings, store: Store, at: socket.socket) -> AsyncIterator[asyncio.Task[None]]:
    """Serves the pages as long as the block lasts; who is being answered then is answered to the end."""
    server = _page_server(settings, store)
    task = asyncio.create_task(server.serve(sockets=[at]))
    try:
        yield task
    finally:
        server.should_exit = True
        await task


def _page_server(settings: Settings, store: Store) -> uvicorn.Server:
    """Raises ConfigurationError when there is no secret to read links with."""
    links = links_of(settings)
    if links is None:
        raise ConfigurationError(
            "there is nothing to read the links of messages with; set JOURNEYFLOW_PUBLIC_URL and "
            "JOURNEYFLOW_LINK_SECRETS as for the workers"
        )
    proxies = split(settings.trusted_proxies)
    config = uvicorn.Config(
        create_app(store, links, providers=_providers(settings, links.public_url), limits=_limits(settings)),
        access_log=False,  # the address of a page is the key to it
        log_config=None,
        lifespan="off",
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    return _Server(config)


def _limits(settings: Settings) -> Limits:
    past = None if settings.max_past is None else timedelta(seconds=settings.max_past)
    return Limits(settings.api_rate, Span(timedelta(seconds=settings.max_future), past))


def _providers(settings: Settings, public_url: str) -> Providers:
    """Those that the settings say how to know."""
    tokens = settings.twilio_auth_tokens
    keys = split(settings.sendgrid_webhook_keys)
    return Providers(
        Twilio.of(public_url, split(tokens.get_secret_value())) if tokens else None,
        SendGrid.of(keys) if keys else None,
    )


def listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigurationError(
            f'the pages cannot listen at "{host}", port {port} ({error.strerror}); name another port'
        ) from None


def address(at: socket.socket) -> str:
    host, port = at.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
