"""What holds for every answer: how large a question may be, and what browsers and archives may do with it."""

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from journeyflow.api.problem import PROGRAMS
from journeyflow.api.site import STYLE_HASH

MAX_BODY = 64_000  # bytes
_LARGER = {"/webhooks/sendgrid": 4_000_000}  # SendGrid tells what has gathered in one request

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",  # the address of a page is the key to it
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


class Guard:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        # Programs are told of a body that is too large in another way, by whoever reads it.
        bounded = receive if scope["path"].startswith(PROGRAMS) else _limited(receive, _most(scope["path"]))
        await self._app(scope, bounded, guarded)


def _most(path: str) -> int:
    return _LARGER.get(path, MAX_BODY)


def _limited(receive: Receive, most: int) -> Receive:
    left = most

    async def limited() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413)
        return message

    return limited
