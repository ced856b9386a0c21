"""`/c/{token}`: the second half of a double opt-in, by a button, since scanners follow links."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from journeyflow.api.choosing import version_of
from journeyflow.api.deciding import confirm
from journeyflow.api.person import load, meant
from journeyflow.api.site import Site, origin
from journeyflow.audience.consent import Basis


def router(site: Site) -> APIRouter:
    routes = APIRouter()

    @routes.api_route("/c/{token:path}", methods=["GET", "HEAD"])
    async def show(token: str, request: Request) -> HTMLResponse:
        link = site.read(token, "confirm")
        async with site.store.reading() as connection:
            policy = await site.policy(connection)
            link = await meant(connection, link)
            person = await load(connection, link.customer)
        return site.page("confirm", site.words(request, person, policy), policy, is_done=False)

    @routes.post("/c/{token:path}")
    async def press(token: str, request: Request) -> HTMLResponse:
        await request.body()
        link = site.read(token, "confirm")
        async with site.store.writing() as connection:
            policy = await site.policy(connection)
            link = await meant(connection, link)
            person = await load(connection, link.customer)
            words = site.words(request, person, policy)
            wording = words.say("confirm.ask", site.brand(policy).name)
            basis = Basis("confirmation", "customer", wording, version_of(wording), origin(request))
            await confirm(connection, policy, person, link, basis, site.clock())
        return site.page("confirm", words, policy, is_done=True)

    return routes
