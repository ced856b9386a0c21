"""A call of a program: where it is asked, which scope of a key it needs, and how it is described.

Here is the one place where these calls are let in: nothing answers that is not in the list of a router.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from journeyflow.api.calls.query import Parameter
from journeyflow.api.description import (
    ALWAYS,
    WITH_BODY,
    Schema,
    answer,
    body,
    parameter,
    problems,
    security,
)
from journeyflow.api.keyring import Keyring
from journeyflow.api.problem import PROGRAMS, Refused
from journeyflow.api.site import Site
from journeyflow.store.api_keys import ApiKey

Method = Literal["GET", "POST", "PATCH", "DELETE"]
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that was let in."""

    site: Site
    request: Request
    key: ApiKey

    def named(self, name: str) -> str:
        """A part of the path, whatever characters are in it."""
        try:
            return unquote_to_bytes(self.request.path_params[name]).decode()
        except UnicodeDecodeError:
            raise Refused(404, f"the {name} in the address is no text in UTF-8") from None


@dataclass(frozen=True, slots=True)
class Call:
    method: Method
    path: str
    scope: str
    about: str  # one sentence
    answer: Callable[[Asked], Awaitable[Response]]
    gives: Schema
    status: int = 200
    takes: Schema | None = None  # the body
    parameters: Sequence[Parameter] = ()
    headers: Sequence[tuple[str, str]] = ()  # name, and what it is for
    problems: Sequence[int] = field(default=())  # besides those that all have


def router(site: Site, keyring: Keyring, calls: Iterable[Call], tag: str) -> APIRouter:
    routes = APIRouter(tags=[tag])
    by_path: dict[str, list[Call]] = {}
    for call in calls:
        by_path.setdefault(call.path, []).append(call)
    for path, here in by_path.items():
        for call in here:
            endpoint = _endpoint(site, keyring, call)
            routes.add_api_route(path, endpoint, methods=[call.method], **_described(call))
            if call.method == "GET":
                routes.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)
        _add_others(routes, path, here)
    return routes


def _endpoint(site: Site, keyring: Keyring, call: Call) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        key = await keyring.admit(request, call.scope)
        keyring.spend(key, 1)
        return await call.answer(Asked(site, request, key))

    return endpoint


def _add_others(routes: APIRouter, path: str, here: Iterable[Call]) -> None:
    """What else may be asked there is said to whoever asks for it or tries something else."""
    known = {"OPTIONS", *(call.method for call in here)}
    known |= {"HEAD"} if "GET" in known else set()
    allowed = ", ".join(method for method in _METHODS if method in known)

    async def others(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": allowed})
        raise Refused(405, f"this address knows {allowed}", Allow=allowed)

    methods = [method for method in _METHODS if method == "OPTIONS" or method not in known]
    routes.add_api_route(path, others, methods=methods, include_in_schema=False)


def _described(call: Call) -> dict[str, Any]:
    statuses = {
        *ALWAYS,
        *call.problems,
        *(WITH_BODY if call.takes else ()),
        *([422] if call.parameters else []),
    }
    named = [one.strip("{}") for one in call.path.split("/") if one.startswith("{")]
    extra: dict[str, Any] = {
        "security": security(call.scope),
        "parameters": [
            *(parameter(name, "path", _PATH[name], {"type": "string", "minLength": 1}) for name in named),
            *(parameter(one.name, "query", one.about, one.schema) for one in call.parameters),
            *(parameter(name, "header", about, {"type": "string"}) for name, about in call.headers),
        ],
    }
    if call.takes is not None:
        extra["requestBody"] = body(call.takes)
    return {
        "summary": call.about,
        "name": f"{call.method.lower()} {call.path}",
        "status_code": call.status,
        "response_class": Response,
        "responses": {call.status: answer("As asked.", call.gives), **problems(statuses)},
        "openapi_extra": extra,
    }


_PATH = {
    "id": "Your own id of the customer, or an anonymous one.",
    "name": "The journey's name.",
    "number": "The message's number.",
}


class AsSent:
    """Middleware: the path of a program's call as it was sent, so that a slash inside an id ends no part."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PROGRAMS) and scope.get("raw_path"):
            scope = {**scope, "path": scope["raw_path"].partition(b"?")[0].decode("latin-1")}
        await self._app(scope, receive, send)
