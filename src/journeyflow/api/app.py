"""The web application: customers' pages, what providers tell, and the API for programs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import FastAPI

from journeyflow.api import confirm, preferences, redirect, register, unsubscribe, webhooks
from journeyflow.api.calls import customers, journeys, messages
from journeyflow.api.calls.call import AsSent, router
from journeyflow.api.guard import Guard
from journeyflow.api.ingest import routes as ingest
from journeyflow.api.ingest.counter import Counter
from journeyflow.api.ingest.items import Span
from journeyflow.api.ingest.recorder import Recorder
from journeyflow.api.ingest.routes import Desk
from journeyflow.api.keyring import Keyring
from journeyflow.api.site import Site
from journeyflow.api.state import add_routes
from journeyflow.api.unreadable import explain
from journeyflow.api.webhooks import Providers
from journeyflow.messages.links import Links
from journeyflow.store.database import Store


@dataclass(frozen=True, slots=True)
class Limits:
    """Of what programs send; see the settings."""

    rate: float = 20_000
    span: Span = field(default_factory=Span)


def create_app(
    store: Store,
    links: Links,
    clock: Callable[[], datetime] | None = None,
    providers: Providers | None = None,
    limits: Limits | None = None,
) -> FastAPI:
    """Pages for everybody who has a link, and an API for programs with a key; nothing else is told.

    The clock is the machine's by default.
    """
    app = FastAPI(title="journeyflow", docs_url=None, redoc_url=None, openapi_url=None)
    site = Site(store, links, clock or (lambda: datetime.now(UTC)))
    limits = limits or Limits()
    keyring = Keyring(site.store, site.clock, limits.rate)
    desk = Desk(keyring, Recorder(site.store, site.clock), site.clock, limits.span)
    told = ingest.answers(desk)
    for part in (unsubscribe, preferences, confirm, register, redirect):
        app.include_router(part.router(site), include_in_schema=False)
    app.include_router(webhooks.router(site, providers or Providers()), include_in_schema=False)
    app.include_router(ingest.router(told))
    for tag, calls in (("customers", customers), ("journeys", journeys), ("messages", messages)):
        app.include_router(router(site, keyring, calls.CALLS, tag))
    add_routes(app, site)
    explain(app, site)
    app.add_middleware(AsSent)
    app.add_middleware(Counter, answers=told)
    app.add_middleware(Guard)
    return app
