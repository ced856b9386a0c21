"""`/v1/journeys`: where everyone is, customers into a journey by hand, and pausing one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any
from uuid import uuid4

from fastapi import Response
from fastapi.responses import JSONResponse

from journeyflow.api.calls import schemas
from journeyflow.api.calls.call import Asked, Call
from journeyflow.api.ingest.body import read
from journeyflow.api.problem import Refused
from journeyflow.audience.records import RecordError, identifier
from journeyflow.engine import crowds, pausing
from journeyflow.engine.pausing import UnknownJourney
from journeyflow.engine.requests import Outcome, PausedJourney, request_entries
from journeyflow.engine.status import JourneyStatus, status
from journeyflow.instants import written

MOST_CUSTOMERS = 1_000  # of a call
MOST_OF_SEGMENT = 100_000
_PATH = "/v1/journeys"
_ONE = f"{_PATH}/{{name}}"
_FIELDS = ("customers", "segment", "idempotency_key")
_HEADER = (
    "Idempotency-Key",
    "Under the same one nobody is asked for twice; or `idempotency_key` in the body.",
)


async def _list(asked: Asked) -> Response:
    found = await status(asked.site.store, asked.site.programme)
    return JSONResponse({"journeys": [_numbers(one) for one in found]})


async def _show(asked: Asked) -> Response:
    found = await status(asked.site.store, asked.site.programme, asked.named("name"))
    if not found:
        raise Refused(404, "no journey has this name")
    return JSONResponse(_whole(found[0]))


async def _pause(asked: Asked) -> Response:
    name = asked.named("name")
    try:
        done = await pausing.pause(asked.site.store, name, asked.site.clock(), asked.key.name)
    except UnknownJourney:
        raise Refused(404, "no journey has this name") from None
    return JSONResponse(written({"name": name, "paused_since": done.since}))


async def _resume(asked: Asked) -> Response:
    name = asked.named("name")
    try:
        resting = await pausing.resume(asked.site.store, name, asked.site.clock(), asked.key.name)
    except UnknownJourney:
        raise Refused(404, "no journey has this name") from None
    return JSONResponse({"name": name, "went_on": resting or 0})


async def _enroll(asked: Asked) -> Response:
    said = await read(asked.request)
    try:
        request = _request(asked, said)
        if "segment" in said:
            return await _enroll_segment(asked, identifier(said, "segment"), request)
        results = await _ask(asked, _customers(said), request)
    except RecordError as error:
        raise Refused(422, str(error)) from None
    found = [{"customer": key, "outcome": outcome} for key, outcome in results.items()]
    return JSONResponse({**_counted(Counter(results.values())), "results": found}, 202)


async def _enroll_segment(asked: Asked, segment: str, request: str) -> Response:
    """By batches; asked again under the same key it goes on where it was cut short."""
    await _refuse_segment(asked, segment)
    await _ask(asked, [], request)  # refuses a journey that takes nobody in, also where the segment is empty
    counted: Counter[str] = Counter()
    async for keys in crowds.members(asked.site.store, segment, MOST_CUSTOMERS):
        counted.update((await _ask(asked, keys, request)).values())
    return JSONResponse(_counted(counted), 202)


async def _ask(asked: Asked, keys: Sequence[str], request: str) -> dict[str, Outcome]:
    site, name = asked.site, asked.named("name")
    try:
        return await request_entries(site.store, name, keys, site.clock(), request, asked.key.name)
    except UnknownJourney:
        raise Refused(404, "no journey in force has this name") from None
    except PausedJourney:
        raise Refused(409, "the journey is paused, so nobody enters it; resume it first") from None


def _request(asked: Asked, said: Mapping[str, Any]) -> str:
    """Its name in the keys of events. Two keys under one name of ours are the same sender."""
    for name in said:
        if name not in _FIELDS:
            raise RecordError(f"there is a field that is none of {', '.join(_FIELDS)}")
    if ("customers" in said) == ("segment" in said):
        raise RecordError("say either customers or segment")
    given = {"idempotency_key": asked.request.headers.get(_HEADER[0])} | dict(said)
    if given["idempotency_key"] is None:
        return f"api-{uuid4().hex}"
    parts = (asked.key.name, asked.named("name"), identifier(given, "idempotency_key"))
    return f"api-{sha256(chr(0).join(parts).encode()).hexdigest()}"


def _customers(said: Mapping[str, Any]) -> list[str]:
    keys = said["customers"]
    if not isinstance(keys, list) or not 0 < len(keys) <= MOST_CUSTOMERS:
        raise RecordError(f"customers is not a list of 1 to {MOST_CUSTOMERS} ids")
    return list(dict.fromkeys(identifier({"customers": key}, "customers") for key in keys))


async def _refuse_segment(asked: Asked, segment: str) -> None:
    """One that is not there, or too large."""
    async with asked.site.store.reading() as connection:
        there = await crowds.names(connection)
        size = await crowds.size(connection, segment)
    if segment not in there:
        raise RecordError(f"no segment in force has this name; these are: {', '.join(there) or 'none'}")
    if size > MOST_OF_SEGMENT:
        raise RecordError(
            f"the segment has more than {MOST_OF_SEGMENT:,} customers; let the journey itself enter by it"
        )


def _counted(outcomes: Mapping[str, int]) -> dict[str, int]:
    return {name: outcomes.get(name, 0) for name in ("asked", "inside", "unknown")}


def _numbers(one: JourneyStatus) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "version": one.version,
        "enabled": one.enabled,
        **written({"paused_since": one.paused_at}),
        "entered": one.entered,
        "inside": one.inside,
        "finished": one.finished,
        "exited": one.exited.total(),
        "failed": one.failed,
        "reached_goal": one.reached_goal,
    }


def _whole(one: JourneyStatus) -> dict[str, Any]:
    return {
        **_numbers(one),
        "exited_by": dict(one.exited),
        "resting": [written(asdict(stop)) for stop in one.resting],
        "messages": [
            {"channel": channel, "state": state, "reason": reason, "number": number}
            for (channel, state, reason), number in sorted(one.messages.items())
        ],
    }


CALLS = (
    Call("GET", _PATH, "read", "All journeys in numbers.", _list, schemas.JOURNEYS),
    Call(
        "GET", _ONE, "read", "A journey in numbers: its people, stops and messages.", _show,
        schemas.JOURNEY, problems=[404],
    ),
    Call(
        "POST", f"{_ONE}/enroll", "manage", "Ask for customers to enter a journey.", _enroll,
        schemas.ASKED, 202, schemas.ENTRANTS, headers=[_HEADER], problems=[404, 409],
    ),
    Call(
        "POST", f"{_ONE}/pause", "manage", "Nobody enters, and nothing is sent.", _pause,
        schemas.PAUSED, problems=[404],
    ),
    Call(
        "POST", f"{_ONE}/resume", "manage", "End a pause.", _resume, schemas.RESUMED, problems=[404],
    ),
)  # fmt: skip
