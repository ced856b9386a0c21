"""The calls as the OpenAPI description tells of them. The calls themselves read their bodies on their own."""

from typing import Any

_TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
_FREE = {"type": "object", "additionalProperties": True}
_TIME = {"type": "string", "format": "date-time"}
_COMMON = {
    "userId": {**_TEXT, "description": "Your own id of the customer."},
    "anonymousId": {**_TEXT, "description": "Of a device, as long as nobody knows whose it is."},
    "messageId": {**_TEXT, "description": "What has been told under the same id before is not told again."},
    "timestamp": {**_TIME, "description": "When it happened; without it, now."},
    "sentAt": {**_TIME, "description": "When it was sent, by the same clock; corrects the timestamp."},
    "context": _FREE,
}
_OWN: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "track": ("A customer did something.", {"event": _TEXT, "properties": _FREE}, ["event"]),
    "identify": ("Who a customer is.", {"traits": _FREE}, []),
    "page": ("A customer looked at a page.", {"name": _TEXT, "category": _TEXT, "properties": _FREE}, []),
    "screen": ("A customer looked at a screen.", {"name": _TEXT, "category": _TEXT, "properties": _FREE}, []),
    "group": ("A customer belongs to a group.", {"groupId": _TEXT, "traits": _FREE}, ["groupId"]),
    "alias": ("An anonymous id is a customer's.", {"previousId": _TEXT}, ["previousId", "userId"]),
}
_PROBLEM = {
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
_TAKEN = {
    "type": "object",
    "required": ["success"],
    "properties": {
        "success": {"const": True},
        "results": {
            "type": "array",
            "description": "The items that were not taken; without any, there is no such list.",
            "items": {
                "type": "object",
                "required": ["index", "status", "error"],
                "properties": {
                    "index": {"type": "integer", "minimum": 0},
                    "status": {"type": "integer"},
                    "error": {"type": "string"},
                },
            },
        },
    },
}
_REFUSALS = {
    400: "The body is not JSON.",
    401: "There is no key, or none that is known.",
    403: "The key may not do this.",
    413: "The body is too large.",
    415: "The body is compressed with something else than gzip.",
    422: "What it says cannot be taken.",
    429: "The key has sent more than its share; Retry-After says when to try again.",
}


def of(call: str) -> dict[str, Any]:
    return _batch() if call == "batch" else _single(call)


def _batch() -> dict[str, Any]:
    items = {
        "type": "array",
        "minItems": 1,
        "maxItems": 2_500,
        "items": {"oneOf": [_item(kind) for kind in _OWN]},
    }
    schema = {"type": "object", "required": ["batch"], "properties": {"batch": items, "sentAt": _TIME}}
    return _route("Several calls at once. The good ones are taken, the bad ones are named.", schema) | {
        "name": "batch"
    }


def _single(kind: str) -> dict[str, Any]:
    about, own, required = _OWN[kind]
    return _route(about, _schema({**_COMMON, **own}, required)) | {"name": kind}


def _problems() -> dict[int | str, dict[str, Any]]:
    return {
        status: _answer(about, "application/problem+json", _PROBLEM) for status, about in _REFUSALS.items()
    }


def _item(kind: str) -> dict[str, Any]:
    _, own, required = _OWN[kind]
    return _schema({"type": {"const": kind}, **_COMMON, **own}, ["type", *required])


def _schema(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": properties}
    return found | ({"required": required} if required else {})


def _route(about: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": about,
        "responses": {200: _answer("It is kept.", "application/json", _TAKEN), **_problems()},
        "openapi_extra": {
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "security": [{"key": []}, {"bearer": []}],
        },
    }


def _answer(about: str, kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": about, "content": {kind: {"schema": schema}}}
