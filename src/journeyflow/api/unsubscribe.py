"""`/u/{token}`: out with one press, by hand or by a mail program (RFC 8058).

Opening the page changes nothing, since scanners follow links. A press is answered when it is committed.
"""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.api.choosing import refusals, version_of
from journeyflow.api.deciding import refuse
from journeyflow.api.person import Person, load, meant
from journeyflow.api.site import Site, origin
from journeyflow.audience.consent import WHOLE_CHANNEL, Basis, Choice
from journeyflow.messages.links import Link
from journeyflow.policy import Policy
from journeyflow.store.ledger import messages


def router(site: Site) -> APIRouter:
    routes = APIRouter()

    @routes.api_route("/u/{token:path}", methods=["GET", "HEAD"])
    async def show(token: str, request: Request) -> HTMLResponse:
        link = site.read(token, "unsubscribe")
        async with site.store.reading() as connection:
            policy = await site.policy(connection)
            link = await meant(connection, link)
            person = await load(connection, link.customer)
        words = site.words(request, person, policy)
        return site.page("unsubscribe", words, policy, token=token, is_done=False)

    @routes.post("/u/{token:path}")
    async def press(token: str, request: Request) -> HTMLResponse:
        await request.body()  # whatever it says: the link says it all
        link = site.read(token, "unsubscribe")
        async with site.store.writing() as connection:
            policy = await site.policy(connection)
            link = await meant(connection, link)
            person = await load(connection, link.customer)
            words = site.words(request, person, policy)
            wording = words.say("unsubscribe.ask", site.brand(policy).name)
            basis = Basis("one-click", "customer", wording, version_of(wording), origin(request))
            choices = await _choices(connection, policy, person, link)
            await refuse(connection, policy, person, choices, basis, site.clock())
        return site.page("unsubscribe", words, policy, token=token, is_done=True)

    return routes


async def _choices(connection: AsyncConnection, policy: Policy, person: Person, link: Link) -> list[Choice]:
    """What the message was about: its topic, or without one its channel; when nobody knows any more, all."""
    query = select(messages.c.channel, messages.c.topic).where(
        messages.c.id == link.message, messages.c.customer_id == link.customer
    )
    message = (await connection.execute(query)).one_or_none()
    if message is not None:
        return [Choice(message.channel, message.topic, "denied")]
    if link.channel:
        return [Choice(link.channel, WHOLE_CHANNEL, "denied")]
    return refusals(person, policy)
