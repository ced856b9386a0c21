"""Bodies as clients really send them, and as nobody should."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from journeyflow.api.ingest.body import MAX_BODY
from tests.api.ingest.calling import Caller, track

GOOD = json.dumps({"batch": [track()]}).encode()
ZIPPED = {"Content-Encoding": "gzip"}


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), 7_919):
        yield content[begin : begin + 7_919]


_GOOD: dict[str, dict[str, Any]] = {
    "any content type": {"content": GOOD, "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
    "compressed": {"content": gzip.compress(GOOD), "headers": ZIPPED},
    "in chunks": {"content": _chunks(GOOD)},
    "as large as may be": {"content": GOOD + b" " * (MAX_BODY - len(GOOD))},
}


@pytest.mark.parametrize("body", _GOOD.values(), ids=_GOOD)
async def test_what_is_taken(sqlite_caller: Caller, body: dict[str, Any]) -> None:
    assert (await sqlite_caller.post("/v1/batch", **body)).status_code == 200
    assert await sqlite_caller.count() == 1


_BAD: dict[str, tuple[dict[str, Any], int]] = {
    "no JSON": ({"content": b"{"}, 400),
    "nothing": ({"content": b""}, 400),
    "no object": ({"content": b"[]"}, 400),
    "no UTF-8": ({"content": b'{"batch": "\xff"}'}, 400),
    "NaN": ({"content": b'{"batch": [NaN]}'}, 400),
    "Infinity": ({"content": b'{"batch": [-Infinity]}'}, 400),
    "5,000 digits": ({"content": b'{"batch": [' + b"9" * 5_000 + b"]}"}, 400),
    "nested without end": ({"content": b'{"batch":' + b"[" * 200_000}, 400),
    "no batch": ({"content": b"{}"}, 422),
    "an empty batch": ({"content": b'{"batch": []}'}, 422),
    "too many": ({"content": json.dumps({"batch": [1] * 2_501}).encode()}, 422),
    "too large": ({"content": GOOD + b" " * MAX_BODY}, 413),
    "too large, in chunks": ({"content": _chunks(GOOD + b" " * MAX_BODY)}, 413),
    "a bomb": ({"content": gzip.compress(b" " * 10_000_000, 1), "headers": ZIPPED}, 413),
    "not compressed": ({"content": GOOD, "headers": ZIPPED}, 400),
    "cut off": ({"content": gzip.compress(GOOD)[:-9], "headers": ZIPPED}, 400),
    "more behind it": ({"content": gzip.compress(GOOD) + b"x", "headers": ZIPPED}, 400),
    "another encoding": ({"content": zlib.compress(GOOD), "headers": {"Content-Encoding": "deflate"}}, 415),
}


@pytest.mark.parametrize(("body", "status"), _BAD.values(), ids=_BAD)
async def test_what_is_refused(sqlite_caller: Caller, body: dict[str, Any], status: int) -> None:
    answer = await sqlite_caller.post("/v1/batch", **body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() == {"type", "title", "status", "detail", "code", "message"}
    assert await sqlite_caller.count() == 0
