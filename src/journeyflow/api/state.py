"""What watches over the server asks it, and the description of its API."""

import html
import json
from typing import Any

from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from journeyflow.api.problem import problem
from journeyflow.api.site import STYLE, Site
from journeyflow.errors import ConfigurationError
from journeyflow.store.migrate import pending


def add_routes(app: FastAPI, site: Site) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        async with site.store.reading() as connection:
            await site.policy(connection)
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        return await _readiness(site)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return JSONResponse(describe(app))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(_page(describe(app)))


async def _readiness(site: Site) -> Response:
    """Whether the store answers, and is what this version of journeyflow works with."""
    try:
        is_old = await pending(site.store)
    except ConfigurationError as error:
        return problem(503, str(error))
    except (SQLAlchemyError, OSError):
        return problem(503, "the store does not answer; look at JOURNEYFLOW_STORE")
    if is_old:
        return problem(503, "the store is of an older version; start journeyflow anew, which migrates it")
    return JSONResponse({"status": "ready"})


def describe(app: FastAPI) -> dict[str, Any]:
    """What programs may ask; the pages of customers are no part of it."""
    if app.openapi_schema is None:
        found = get_openapi(title="journeyflow", version="1", routes=app.routes)
        found.setdefault("components", {})["securitySchemes"] = {
            "key": {"type": "http", "scheme": "basic", "description": "The key as user name; no password."},
            "bearer": {"type": "http", "scheme": "bearer"},
        }
        app.openapi_schema = found
    return app.openapi_schema


def _page(description: dict[str, Any]) -> str:
    """Without any script: the server gives none out."""
    parts = [
        f"<h2>{method.upper()} {html.escape(path)}</h2>{_operation(one)}"
        for path, methods in description["paths"].items()
        for method, one in methods.items()
    ]
    head = f'<meta charset="utf-8"><title>journeyflow API</title><style>{STYLE}</style>'
    about = 'For programs, as OpenAPI: <a href="/openapi.json">openapi.json</a>'
    return (
        f'<!doctype html><html lang="en"><head>{head}</head><body><main><h1>journeyflow API</h1>'
        f"<p>{about}</p>{''.join(parts)}</main></body></html>"
    )


def _operation(one: dict[str, Any]) -> str:
    [scope] = one["security"][0]["key"]
    parts = [f"<p>{html.escape(one['summary'])} Needs a key with the scope <b>{scope}</b>.</p>"]
    for given in one.get("parameters", []):
        about = f"{given['name']} ({given['in']}): {given['description']}"
        parts.append(f"<p>{html.escape(about)}</p>")
    if "requestBody" in one:
        parts.append(f"<p>Takes:</p>{_schemas(one['requestBody'])}")
    for status, answer in sorted(one["responses"].items()):
        schemas = _schemas(answer) if status.startswith("2") else ""  # a problem always looks the same
        parts.append(f"<p>{status}: {html.escape(answer['description'])}</p>{schemas}")
    return "".join(parts)


def _schemas(described: dict[str, Any]) -> str:
    schemas = [one["schema"] for one in described["content"].values()]
    return "".join(f"<pre>{html.escape(json.dumps(one, indent=2))}</pre>" for one in schemas)
