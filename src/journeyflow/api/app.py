"""The web application: pages that customers reach by the links in their messages, and what providers tell."""

from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import FastAPI

from journeyflow.api import confirm, preferences, redirect, register, unsubscribe, webhooks
from journeyflow.api.guard import Guard
from journeyflow.api.site import Site
from journeyflow.api.unreadable import explain
from journeyflow.api.webhooks import Providers
from journeyflow.messages.links import Links
from journeyflow.store.database import Store


def create_app(
    store: Store,
    links: Links,
    clock: Callable[[], datetime] | None = None,
    providers: Providers | None = None,
) -> FastAPI:
    """Pages for everybody who has a link; nothing else is told. The clock is the machine's by default."""
    app = FastAPI(title="journeyflow", docs_url=None, redoc_url=None, openapi_url=None)
    site = Site(store, links, clock or (lambda: datetime.now(UTC)))
    for part in (unsubscribe, preferences, confirm, register, redirect):
        app.include_router(part.router(site))
    app.include_router(webhooks.router(site, providers or Providers()))

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        async with store.reading() as connection:
            await site.policy(connection)
        return {"status": "ok"}

    explain(app, site)
    app.add_middleware(Guard)
    return app
