"""`/l/{token}`, `/s/{code}` and `/o/{token}.gif`: links and images that count, and lead on.

The reader is led on whatever becomes of the counting. No cookie is set, and nothing of theirs is stored but
that somebody clicked, when, and whether it was a program.
"""

import asyncio
import logging
import re
from typing import Literal
from urllib.parse import quote

import idna
from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from journeyflow.api.site import Site
from journeyflow.api.unreadable import tell_on_page
from journeyflow.delivery.machines import is_machine_agent
from journeyflow.delivery.reports import Told, tell
from journeyflow.messages.links import is_web
from journeyflow.messages.redirects import place_of
from journeyflow.store.short_links import short_links

_log = logging.getLogger(__name__)

_PATIENCE = 3  # seconds that a reader waits for a store that is busy
_GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
_AUTHORITY = re.compile(r"(https?://)([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_AS_IT_IS = "".join(map(chr, range(33, 127)))  # browsers read a Location as they read the link itself


def router(site: Site) -> APIRouter:
    routes = APIRouter()

    @routes.api_route("/l/{token:path}", methods=["GET", "HEAD"])
    async def follow(token: str, request: Request) -> Response:
        click = site.links.read_click(token)
        if click is None:
            return await _nowhere(site, request)
        await _report(site, request, "clicked", click.message, click.number)
        return _onward(click.target)

    @routes.api_route("/s/{code:path}", methods=["GET", "HEAD"])
    async def follow_short(code: str, request: Request) -> Response:
        query = select(short_links).where(short_links.c.id == (site.links.read_short(code) or 0))
        async with site.store.reading() as connection:
            link = (await connection.execute(query)).one_or_none()
        if link is None or not is_web(link.target):
            return await _nowhere(site, request)
        await _report(site, request, "clicked", link.message_id, link.number, place_of(link.number))
        return _onward(link.target)

    @routes.api_route("/o/{name:path}", methods=["GET", "HEAD"])
    async def look(name: str, request: Request) -> Response:
        token, dot, kind = name.partition(".")
        message = site.links.read_open(token) if dot and kind == "gif" else None
        if message is None:
            return await _nowhere(site, request)
        await _report(site, request, "opened", message)
        return Response(_GIF, media_type="image/gif")

    return routes


async def _nowhere(site: Site, request: Request) -> Response:
    """The same for everything that is none of ours."""
    return await tell_on_page(site, request, "nowhere", 404)


def _onward(target: str) -> Response:
    return Response(status_code=302, headers={"location": _location(target)})


def _location(target: str) -> str:
    """As a header can have it: a host in ASCII, and other letters as their bytes in UTF-8."""
    if match := _AUTHORITY.match(target):
        scheme, authority, rest = match.groups()
        target = scheme + (authority if authority.isascii() else _in_ascii(authority)) + rest
    return quote(target, safe=_AS_IT_IS)


def _in_ascii(authority: str) -> str:
    user, at, place = authority.rpartition("@")
    host, colon, port = place.partition(":")
    try:
        return user + at + idna.encode(host, uts46=True).decode() + colon + port
    except idna.IDNAError:
        return authority


async def _report(
    site: Site,
    request: Request,
    kind: Literal["clicked", "opened"],
    message: int,
    number: int | None = None,
    place: int | None = None,
) -> None:
    """Of the link that has this number in the message, and this place in the template if that is another.

    What policy no longer wants counted is not, also of letters that are out there.
    """
    if request.method == "HEAD":
        return
    now = site.clock()
    what = f"open/{message}" if number is None else f"link/{message}/{number}"
    link = number if place is None else place
    detail = ({} if link is None else {"link": link}) | _agent(request)
    told = Told(f"{what}/{int(now.timestamp())}", message, kind, now, now, detail=detail)
    try:
        async with asyncio.timeout(_PATIENCE), site.store.writing() as connection:
            tracking = (await site.policy(connection)).tracking
            if tracking.clicks if kind == "clicked" else tracking.opens:
                await tell(connection, [told])
    except (SQLAlchemyError, OSError) as error:  # a timeout is an OSError
        _log.warning("that a message was %s could not be stored (%s)", kind, type(error).__name__)


def _agent(request: Request) -> dict[str, str]:
    if "prefetch" in request.headers.get("sec-purpose", request.headers.get("purpose", "")):
        return {"agent": "machine", "why": "prefetch"}
    if is_machine_agent(request.headers.get("user-agent", "")):
        return {"agent": "machine", "why": "agent"}
    return {"agent": "human"}
