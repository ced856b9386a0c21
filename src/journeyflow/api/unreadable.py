"""The answer to a question that cannot be read, in the reader's language; nothing is changed by one."""

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import PlainTextResponse
from python_multipart.exceptions import FormParserError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from journeyflow.api.person import NOBODY, load
from journeyflow.api.problem import PROGRAMS, Refused, problem
from journeyflow.api.site import Site
from journeyflow.errors import JourneyflowError
from journeyflow.traces import place_of

FAILURES = (Refused, SQLAlchemyError, JourneyflowError)  # that programs are told of
_SOON = {"Retry-After": "1"}
_log = logging.getLogger(__name__)

_TOLD = (400, 413)  # a form that is broken, or larger than ours


def explain(app: FastAPI, site: Site) -> None:
    """On a page, whichever page it was."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if request.url.path.startswith(PROGRAMS):
            return problem(error.status_code, str(error.detail), dict(error.headers or {}))
        if error.status_code not in _TOLD:
            return await http_exception_handler(request, error)
        return await tell_on_page(site, request, "unreadable", error.status_code)

    @app.exception_handler(Refused)
    @app.exception_handler(SQLAlchemyError)
    @app.exception_handler(JourneyflowError)
    async def failed(request: Request, error: Exception) -> Response:
        if request.url.path.startswith(PROGRAMS):
            return told_to_program(error)
        if not isinstance(error, SQLAlchemyError):
            raise error
        _log_store(error)
        return PlainTextResponse("Internal Server Error", 500)

    @app.exception_handler(FormParserError)
    async def broken(request: Request, error: FormParserError) -> Response:
        return await tell_on_page(site, request, "unreadable", 400)


def told_to_program(error: Exception) -> Response:
    """Of one of FAILURES."""
    if isinstance(error, Refused):
        return problem(error.status, error.detail, error.headers)
    if isinstance(error, JourneyflowError):
        return problem(503, str(error), _SOON)
    _log_store(error)
    return problem(503, "the store could not be written to; send it again", _SOON)


def _log_store(error: Exception) -> None:
    _log.error("the store failed: %s", place_of(error))  # what it says may quote a value


async def tell_on_page(site: Site, request: Request, name: str, status: int) -> Response:
    """To whoever it is: nothing is asked about them."""
    async with site.store.reading() as connection:
        policy = await site.policy(connection)
        person = await load(connection, NOBODY)
    page = site.page(name, site.words(request, person, policy), policy)
    page.status_code = status
    return page
