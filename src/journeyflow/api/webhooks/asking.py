"""What providers ask of us, and the one answer to whatever is not theirs."""

import re

from fastapi import Request, Response
from starlette.exceptions import HTTPException

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


class Refused(Exception):
    """Whatever is wrong, whoever asks is not told what."""


def refusal() -> Response:
    return Response(status_code=403)


async def raw_body(request: Request) -> bytes:
    """As it came, since that is what is signed."""
    try:
        return await request.body()
    except HTTPException:  # larger than the guard lets in
        raise Refused from None


def the_header(request: Request, name: str) -> str:
    """Two of a kind prove nothing."""
    found = request.headers.getlist(name)
    if len(found) != 1:
        raise Refused
    return found[0]


def message_number(text: object) -> int | None:
    """Of our ledger; None for what was sent by somebody else on the same account."""
    return int(text) if isinstance(text, str) and _NUMBER.fullmatch(text) else None
