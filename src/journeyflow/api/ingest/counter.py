"""Calls are answered here, since asking the rest of the application takes longer than the call itself."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from journeyflow.api.unreadable import FAILURES, told_to_program

Answer = Callable[[Request], Awaitable[Response]]


class Counter:
    """Middleware; `answers` are by path, whether a slash ends it or not, and to POST. All else goes on."""

    def __init__(self, app: ASGIApp, answers: Mapping[str, Answer]) -> None:
        self._app = app
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answers.get(scope["path"].removesuffix("/")) if scope["type"] == "http" else None
        if answer is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            response = await answer(Request(scope, receive))
        except FAILURES as error:
            response = told_to_program(error)
        await response(scope, receive, send)
