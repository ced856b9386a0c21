"""`/v1/customers/{id}`: what is known of a customer, changing it, and their rights."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any, NoReturn, TypeVar

from fastapi import Response
from fastapi.responses import JSONResponse
from sqlalchemy import Row

from journeyflow.api.calls import schemas
from journeyflow.api.calls.call import Asked, Call
from journeyflow.api.calls.moments import BEFORE, page
from journeyflow.api.calls.query import LIMIT, limit_of
from journeyflow.api.calls.query import read as read_query
from journeyflow.api.ingest.body import complaint, read
from journeyflow.api.problem import Refused
from journeyflow.audience import rights
from journeyflow.audience.patching import patch
from journeyflow.audience.records import COLUMNS, CustomerRow, RecordError, identifier, parse_customer
from journeyflow.engine.portrait import Portrait, find, portrait
from journeyflow.engine.timeline import story
from journeyflow.instants import written
from journeyflow.store.wiping import wipe

_PATH = "/v1/customers/{id}"
_PAGE = (LIMIT, BEFORE)
T = TypeVar("T")


async def _show(asked: Asked) -> Response:
    number = (await customer(asked, asked.named("id"))).id
    async with asked.site.store.reading() as connection:
        found = await portrait(connection, asked.site.programme, number)
    return JSONResponse(_portrait(_there(found)))


async def _change(asked: Asked) -> Response:
    number = (await customer(asked, asked.named("id"))).id
    said = await read(asked.request)
    async with asked.site.store.reading() as connection:
        policy = await asked.site.policy(connection)
    try:
        row = _row(said, policy.topics)
    except RecordError as error:
        raise Refused(422, str(error)) from None
    recorded = _there(await patch(asked.site.store, number, row, asked.site.clock(), asked.key.name))
    return JSONResponse({"outcome": recorded.outcomes[0], "consents_not_granted": dict(recorded.kept)})


async def _erase(asked: Asked) -> Response:
    number = (await customer(asked, asked.named("id"))).id
    done = _there(await rights.erase(asked.site.store, number, asked.key.name, asked.site.clock()))
    told = {name: value for name, value in asdict(done).items() if name != "customer"}
    return JSONResponse({**told, "overwritten": await wipe(asked.site.store)})


async def _export(asked: Asked) -> Response:
    key = (await customer(asked, asked.named("id"))).key
    return JSONResponse(
        _there(await rights.export(asked.site.store, key, asked.key.name, asked.site.clock()))
    )


async def _timeline(asked: Asked) -> Response:
    wanted = read_query(asked.request, _PAGE)
    key = (await customer(asked, asked.named("id"))).key
    told = _there(await story(asked.site.store, asked.site.programme, key))
    moments, rest = page(told.moments, limit_of(wanted), wanted.get("before"))
    return JSONResponse({"moments": [written(asdict(one)) for one in moments], "next": rest})


async def customer(asked: Asked, key: str) -> Row[Any]:
    """Raises Refused where there is none; what can be nobody's id is nobody's."""
    try:
        wanted = identifier({"id": key}, "id")
    except RecordError:
        _refuse()
    async with asked.site.store.reading() as connection:
        return _there(await find(connection, wanted))


def _there(found: T | None) -> T:
    """They may have been erased since we looked."""
    if found is None:
        _refuse()
    return found


def _refuse() -> NoReturn:
    raise Refused(404, "no customer has this id")


def _row(said: Mapping[str, Any], topics: Collection[str]) -> CustomerRow:
    """A JSON merge patch (RFC 7396) of what may be changed."""
    if (wrong := complaint(said)) is not None:
        raise RecordError(f"the body {wrong}")
    if "id" in said:
        raise RecordError("id stands in the address, and cannot be changed")
    for name in ("attributes", "consents"):
        if name in said and said[name] is None:
            raise RecordError(f"{name} cannot be removed as a whole; name those that you mean")
    consents = said.get("consents")
    if isinstance(consents, Mapping) and any(state in (None, "") for state in consents.values()):
        raise RecordError("a consent cannot be removed, as its history is kept; say denied")
    return parse_customer({**said, "id": "-"}, topics)


def _portrait(found: Portrait) -> dict[str, Any]:
    row = found.customer
    return {
        "id": row.key,
        **{name: row._mapping[name] for name in COLUMNS},
        "attributes": row.attributes,
        "consents": found.consents,
        "aliases": found.aliases,
        "segments": [written({"segment": name, "joined_at": at}) for name, at in found.segments.items()],
        "journeys": [written(asdict(one)) for one in found.journeys],
        "rfm": None if found.rfm is None else _rfm(found.rfm),
        **written({"created_at": row.created_at, "updated_at": row.updated_at}),
    }


def _rfm(row: Row[Any]) -> dict[str, Any]:
    return written({name: value for name, value in row._mapping.items() if name != "customer_id"})


CALLS = (
    Call("GET", _PATH, "read", "A customer as they are now.", _show, schemas.CUSTOMER, problems=[404]),
    Call(
        "PATCH", _PATH, "manage", "Change fields, attributes and consents of a customer.", _change,
        schemas.PATCHED, takes=schemas.PATCH, problems=[404],
    ),
    Call(
        "DELETE", _PATH, "erase", "Forget a customer; says what others have of them.", _erase,
        schemas.ERASED, problems=[404],
    ),
    Call(
        "GET", f"{_PATH}/export", "read", "All that is held about a customer.", _export,
        schemas.FREE, problems=[404],
    ),
    Call(
        "GET", f"{_PATH}/timeline", "read", "What a customer did and what was decided, the newest first.",
        _timeline, schemas.MOMENTS, parameters=_PAGE, problems=[404],
    ),
)  # fmt: skip
