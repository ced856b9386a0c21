"""Answers to programs that went wrong, as RFC 9457 writes them. They name places, and quote no values."""

import json
from http import HTTPStatus

from fastapi import Response

PROGRAMS = "/v1/"  # how the addresses begin that programs ask, not people


class Refused(Exception):
    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    # Segment's and RudderStack's clients look for these two, and put them into their own errors.
    body |= {"code": title.lower().replace(" ", "_"), "message": detail}
    return Response(json.dumps(body), status, headers, media_type="application/problem+json")
