"""`/v1/messages`: what journeys wanted to send and what became of it. No address and no text is told."""

from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse

from journeyflow.api.calls import schemas
from journeyflow.api.calls.call import Asked, Call
from journeyflow.api.calls.customers import customer
from journeyflow.api.calls.query import (
    LARGEST,
    LIMIT,
    Parameter,
    choice,
    limit_of,
    moment,
    number,
    read,
    text,
)
from journeyflow.api.problem import Refused
from journeyflow.audience.records import RecordError
from journeyflow.engine.ledger import Entry, Wanted, entries, entry
from journeyflow.instants import written

_PATH = "/v1/messages"
_BEFORE = Parameter(
    "before", "The `next` of the page before.", {"type": "integer", "minimum": 1, "maximum": LARGEST}, number
)
_PARAMETERS = (
    text("customer", "Of this customer: your own id."),
    text("journey", "Of this journey."),
    text("template", "With this template."),
    choice("channel", "On this channel.", schemas.MEDIA),
    choice("state", "In this state.", schemas.STATES),
    moment("since", "Decided at this time or later."),
    moment("until", "Decided before this time."),
    LIMIT,
    _BEFORE,
)
_SAME = ("journey", "channel", "template", "category", "topic", "priority", "state", "reason", "provider_id")
_TIMES = ("claimed_at", "sent_at")


async def _list(asked: Asked) -> Response:
    wanted = dict(read(asked.request, _PARAMETERS))
    limit = limit_of(wanted)
    wanted.pop("limit", None)
    if "customer" in wanted:
        wanted["customer"] = (await customer(asked, wanted["customer"])).id
    async with asked.site.store.reading() as connection:
        found = await entries(connection, asked.site.programme, Wanted(**wanted), limit + 1)
    rest = str(found[limit - 1].message.id) if len(found) > limit else None
    return JSONResponse({"messages": [_message(one) for one in found[:limit]], "next": rest})


async def _show(asked: Asked) -> Response:
    try:
        wanted = number(asked.named("number"), "number")
    except RecordError:
        raise Refused(404, "no message has this number") from None
    async with asked.site.store.reading() as connection:
        found = await entry(connection, asked.site.programme, wanted)
    if found is None:
        raise Refused(404, "no message has this number")
    return JSONResponse(_message(found))


def _message(one: Entry) -> dict[str, Any]:
    row = one.message
    return {
        "number": row.id,
        "customer": row.key,
        "version": one.version,
        "step": one.step,
        **{name: row._mapping[name] for name in _SAME},
        "detail": row.detail or {},
        **written({"decided_at": row.at, **{name: row._mapping[name] for name in _TIMES}}),
    }


CALLS = (
    Call(
        "GET", _PATH, "read", "Messages, the newest first.", _list, schemas.MESSAGES,
        parameters=_PARAMETERS, problems=[404],
    ),
    Call(
        "GET", f"{_PATH}/{{number}}", "read", "One message.", _show, schemas.MESSAGE, problems=[404],
    ),
)  # fmt: skip
