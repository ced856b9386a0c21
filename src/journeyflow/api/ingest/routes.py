"""Segment's calls over HTTP, at the addresses where its clients look for them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from journeyflow.api.ingest import description
from journeyflow.api.ingest.body import read
from journeyflow.api.ingest.counter import Answer
from journeyflow.api.ingest.items import KINDS, Span, arrival, told
from journeyflow.api.ingest.recorder import Recorder
from journeyflow.api.keyring import Keyring
from journeyflow.api.problem import Refused
from journeyflow.audience.incoming import Told
from journeyflow.audience.records import RecordError

MAX_ITEMS = 2_500  # of a batch
_TAKEN = json.dumps({"success": True}).encode()


@dataclass(frozen=True, slots=True)
class Desk:
    """What calls are taken in with."""

    keyring: Keyring
    recorder: Recorder
    clock: Callable[[], datetime]
    span: Span


def answers(desk: Desk) -> dict[str, Answer]:
    """By path."""
    singles = {f"/v1/{kind}": _single(desk, kind) for kind in KINDS}
    return {"/v1/batch": partial(_batch, desk), **singles}


def router(answers: Mapping[str, Answer]) -> APIRouter:
    """For the description, and for who asks with another method; see `Counter`."""
    found = APIRouter(tags=["events"])
    for path, answer in answers.items():
        found.post(path, **description.of(path.rpartition("/")[2]))(_endpoint(answer))
    return found


def _endpoint(answer: Answer) -> Answer:
    async def endpoint(request: Request) -> Response:
        return await answer(request)

    return endpoint


def _single(desk: Desk, kind: str) -> Answer:
    async def single(request: Request) -> Response:
        key = await desk.keyring.admit(request, "ingest")
        call = await read(request)
        desk.keyring.spend(key, 1)
        arrived = arrival(call, desk.clock(), desk.span)
        try:
            one = told({name: value for name, value in call.items() if name != "writeKey"}, kind, arrived)
        except RecordError as error:
            raise Refused(422, str(error)) from None
        await desk.recorder.record([one])
        return Response(_TAKEN, media_type="application/json")

    return single


async def _batch(desk: Desk, request: Request) -> Response:
    key = await desk.keyring.admit(request, "ingest")
    call = await read(request)
    items = call.get("batch")
    if not isinstance(items, list) or not 0 < len(items) <= MAX_ITEMS:
        raise Refused(422, f"batch is not a list of 1 to {MAX_ITEMS} items")
    desk.keyring.spend(key, len(items))
    arrived = arrival(call, desk.clock(), desk.span)
    good: list[Told] = []
    bad: list[dict[str, Any]] = []
    for index, item in enumerate(items):
        try:
            good.append(told(item, item.get("type") if isinstance(item, dict) else None, arrived))
        except RecordError as error:
            bad.append({"index": index, "status": 422, "error": str(error)})
    await desk.recorder.record(good)
    if not bad:
        return Response(_TAKEN, media_type="application/json")
    return Response(json.dumps({"success": True, "results": bad}), media_type="application/json")
