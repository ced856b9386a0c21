"""The answer to a question that cannot be read, in the reader's language; nothing is changed by one."""

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from python_multipart.exceptions import FormParserError
from starlette.exceptions import HTTPException

from journeyflow.api.person import NOBODY, load
from journeyflow.api.site import Site

_TOLD = (400, 413)  # a form that is broken, or larger than ours


def explain(app: FastAPI, site: Site) -> None:
    """On a page, whichever page it was."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code not in _TOLD:
            return await http_exception_handler(request, error)
        return await tell_on_page(site, request, "unreadable", error.status_code)

    @app.exception_handler(FormParserError)
    async def broken(request: Request, error: FormParserError) -> Response:
        return await tell_on_page(site, request, "unreadable", 400)


async def tell_on_page(site: Site, request: Request, name: str, status: int) -> Response:
    """To whoever it is: nothing is asked about them."""
    async with site.store.reading() as connection:
        policy = await site.policy(connection)
        person = await load(connection, NOBODY)
    page = site.page(name, site.words(request, person, policy), policy)
    page.status_code = status
    return page
