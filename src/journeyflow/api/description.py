"""What all calls have in common in the OpenAPI description: keys and their scopes, problems, parameters."""

from collections.abc import Iterable, Mapping
from typing import Any

Schema = dict[str, Any]

PROBLEM: Schema = {
    "type": "object",
    "required": ["title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "message": {"type": "string"},
    },
}
REFUSALS = {
    400: "The body is not JSON.",
    401: "There is no key, or none that is known.",
    403: "The key may not do this.",
    404: "There is none with this name.",
    409: "It cannot be done as things are.",
    413: "The body is too large.",
    415: "The body is compressed with something else than gzip.",
    422: "What it says cannot be taken.",
    429: "The key has sent more than its share; Retry-After says when to try again.",
    503: "The store is away or busy; ask again.",
}
WITH_BODY = (400, 413, 415, 422)
ALWAYS = (401, 403, 429, 503)


def answer(about: str, schema: Schema, kind: str = "application/json") -> dict[str, Any]:
    return {"description": about, "content": {kind: {"schema": schema}}}


def problems(statuses: Iterable[int]) -> dict[int | str, dict[str, Any]]:
    return {one: answer(REFUSALS[one], PROBLEM, "application/problem+json") for one in sorted(statuses)}


def security(scope: str) -> list[dict[str, list[str]]]:
    """A key with this scope, sent in either way; OpenAPI 3.1 calls it a role."""
    return [{"key": [scope]}, {"bearer": [scope]}]


def body(schema: Schema) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def parameter(name: str, where: str, about: str, schema: Schema) -> dict[str, Any]:
    return {
        "name": name, "in": where, "description": about, "schema": schema, "required": where == "path",
    }  # fmt: skip


def record(properties: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    """An object of an answer, which has all of these and no others."""
    left_out = set(optional)
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in left_out],
        "additionalProperties": False,
    }
