"""Every address of the API needs a key with the scope that its description names, and lets in nobody else."""

import re
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute

from journeyflow.api.app import Limits, create_app
from journeyflow.api.problem import PROGRAMS
from journeyflow.store.api_keys import SCOPES
from journeyflow.store.database import Store
from tests.api.ingest.calling import KEYS, LINKS, NOW, Caller, calling


def _routes(store: Store) -> list[APIRoute]:
    """All that programs reach."""
    routes: list[Any] = list(create_app(store, LINKS, lambda: NOW).routes)
    found = [
        one for route in routes for one in getattr(route, "original_router", APIRouter(routes=[route])).routes
    ]
    return [one for one in found if isinstance(one, APIRoute) and one.path.startswith(PROGRAMS)]


def _address(route: APIRoute) -> str:
    return re.sub(r"{\w+}", "x", route.path)


def _scope(route: APIRoute) -> str | None:
    ways = (route.openapi_extra or {}).get("security", [])
    named = {scope for way in ways for scopes in way.values() for scope in scopes}
    return named.pop() if len(named) == 1 else None


async def test_only_a_key_with_the_scope_opens_a_call(sqlite_caller: Caller) -> None:
    described = [route for route in _routes(sqlite_caller.store) if route.include_in_schema]
    assert len(described) > 15
    for route in described:
        scope, path, [method] = _scope(route), _address(route), sorted(route.methods or ())
        assert scope in SCOPES, f"{method} {path} does not say which scope it needs"
        assert (await sqlite_caller.http.request(method, path)).status_code == 401, (method, path)
        for other, key in KEYS.items():
            answer = await sqlite_caller.http.request(method, path, auth=(key, ""))
            assert (answer.status_code == 403) == (other != scope), (method, path, other)


async def test_what_is_not_described_tells_nobody_anything(sqlite_caller: Caller) -> None:
    for route in _routes(sqlite_caller.store):
        for method in () if route.include_in_schema else sorted(route.methods or ()):
            answer = await sqlite_caller.http.request(method, _address(route))
            assert answer.status_code in (204, 401, 405), (method, route.path)


async def test_head_needs_what_get_needs_and_other_methods_are_refused(sqlite_caller: Caller) -> None:
    await sqlite_caller.ask("HEAD", "/v1/journeys", "read")
    await sqlite_caller.ask("HEAD", "/v1/journeys", "ingest", 403)
    for path, allowed in (
        ("/v1/customers/x", "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("/v1/journeys/x/pause", "POST, OPTIONS"),
    ):
        answer = await sqlite_caller.http.options(path)
        assert (answer.status_code, answer.headers["allow"], answer.content) == (204, allowed, b"")
        answer = await sqlite_caller.ask("PUT", path, "manage", 405)
        assert answer.headers["allow"] == allowed
        assert answer.headers["content-type"] == "application/problem+json"


async def test_reading_costs_a_share_as_well(sqlite_store: Store) -> None:
    async with calling(sqlite_store, Limits(rate=0.01)) as caller:
        await caller.ask("GET", "/v1/journeys")
        for path in ("/v1/journeys", "/v1/messages", "/v1/customers/x"):
            answer = await caller.ask("GET", path, status=429)
            assert int(answer.headers["retry-after"]) > 0
