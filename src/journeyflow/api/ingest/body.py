"""The body of a call: JSON whatever the content type says, perhaps compressed, and not too large."""

import json
import zlib
from typing import Any, NoReturn

from fastapi import Request

from journeyflow.api.problem import Refused

MAX_BODY = 512_000  # bytes of a call, compressed and not; as many as Segment takes
MAX_ITEM = 32_000  # characters of an item of a batch, about
MAX_DEPTH = 20
MAX_KEYS = 500  # of an item, with those inside of it
_NO_JSON = "the body is not JSON in UTF-8 with numbers that are finite and not endless"
_GZIP = 31  # for zlib: with the header of gzip, and none else


async def read(request: Request) -> dict[str, Any]:
    """Raises Refused when it is none, or too large."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY:
            raise _too_large()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        return parse(_unzipped(bytes(raw)))
    if encoding not in ("identity", ""):
        raise Refused(415, "the content encoding is not known; send gzip, or none", Accept_Encoding="gzip")
    return parse(bytes(raw))


def parse(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):  # no UTF-8, no JSON, or a number of thousands of digits
        raise Refused(400, _NO_JSON) from None
    if not isinstance(found, dict):
        raise Refused(400, "the body is not a JSON object")
    return found


def complaint(item: Any) -> str | None:
    """What is wrong with the shape of an item, before anybody looks at what it says."""
    left, keys, size, depth = [item], 0, 0, 0
    while left:
        depth += 1
        if depth > MAX_DEPTH:
            return f"is nested deeper than {MAX_DEPTH} levels"
        inner: list[Any] = []
        for value in left:
            size += 2
            if isinstance(value, dict):
                keys += len(value)
                size += sum(map(len, value))
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            else:
                size += len(value) if isinstance(value, str) else len(str(value))
        if keys > MAX_KEYS:
            return f"has more than {MAX_KEYS} names in it"
        if size > MAX_ITEM:
            return f"is larger than {MAX_ITEM // 1000} kB"
        left = inner
    return None


def _unzipped(raw: bytes) -> bytes:
    reader = zlib.decompressobj(_GZIP)
    try:
        plain = reader.decompress(raw, MAX_BODY + 1)
    except zlib.error:
        raise Refused(400, "the body is not compressed with gzip, as its content encoding says") from None
    if len(plain) > MAX_BODY:
        raise _too_large()
    if not reader.eof or reader.unused_data:
        raise Refused(400, "the compressed body is cut off, or more follows it")
    return plain


def _too_large() -> Refused:
    return Refused(413, f"the body is larger than {MAX_BODY // 1000} kB; send smaller batches")


def _no_number(_text: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no numbers of JSON")
