"""The calls as the OpenAPI description tells of them. The calls themselves read their bodies on their own."""

from typing import Any

from journeyflow.api.description import answer, body, problems, security

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
_REFUSALS = (400, 401, 403, 413, 415, 422, 429, 503)


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


def _item(kind: str) -> dict[str, Any]:
    _, own, required = _OWN[kind]
    return _schema({"type": {"const": kind}, **_COMMON, **own}, ["type", *required])


def _schema(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": properties}
    return found | ({"required": required} if required else {})


def _route(about: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": about,
        "responses": {200: answer("It is kept.", _TAKEN), **problems(_REFUSALS)},
        "openapi_extra": {"requestBody": body(schema), "security": security("ingest")},
    }
