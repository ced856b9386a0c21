"""`/p/{token}`: what a customer hears about, their language and birthday, and their data.

Everything that one press changes is committed before it is answered.
"""

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from journeyflow.api.choosing import by_channel, offers, refusals, wishes
from journeyflow.api.deciding import hold
from journeyflow.api.person import Person, ask, load, meant, parse_birthday, save
from journeyflow.api.site import Site, origin
from journeyflow.api.speech import Words
from journeyflow.api.visit import MOST_FIELDS, Visit, fulfil, refuse
from journeyflow.policy import Policy


def router(site: Site) -> APIRouter:
    routes = APIRouter()

    @routes.api_route("/p/{token:path}", methods=["GET", "HEAD"])
    async def show(token: str, request: Request) -> HTMLResponse:
        link = site.read(token, "preferences", "unsubscribe")
        async with site.store.reading() as connection:
            policy = await site.policy(connection)
            link = await meant(connection, link)
            person = await load(connection, link.customer)
        return _page(site, site.words(request, person, policy), policy, person, [])

    @routes.post("/p/{token:path}")
    async def press(token: str, request: Request) -> HTMLResponse:
        link = site.read(token, "preferences", "unsubscribe")
        form = await request.form(max_files=0, max_fields=MOST_FIELDS)
        async with site.store.writing() as connection:
            policy = await site.policy(connection)
            link = await meant(connection, link)
            await hold(connection, link.customer)
            person = await load(connection, link.customer)
            words = site.words(request, person, policy)
            visit = Visit(site, connection, policy, words, form, "page", origin(request), site.clock())
            after, notes = await _press(visit, person)
        return _page(site, site.words(request, after, policy), policy, after, notes)

    return routes


async def _press(visit: Visit, person: Person) -> tuple[Person, list[str]]:
    """The customer as they are from now on, and what to tell them. An unknown button changes nothing."""
    match visit.form.get("do"):
        case "save":
            return await _save(visit, person)
        case "nothing":
            return await _refuse(visit, person, "nothing.button"), ["nothing.done"]
        case "export":
            await ask(visit.connection, person, "export", visit.now)
            return person, ["export.done"]
        case "erase":
            await ask(visit.connection, person, "erasure", visit.now)
            return await _refuse(visit, person, "erase.button"), ["erase.done"]
        case _:
            return person, []


async def _save(visit: Visit, person: Person) -> tuple[Person, list[str]]:
    shown, ticked = visit.texts("shown"), visit.texts("yes")
    decided = await fulfil(visit, person, wishes(person, visit.offers, shown, ticked))
    after, birthday_is_wrong = _corrected(visit, person)
    if after != person and person.is_known:
        await save(visit.connection, after, visit.now)
    notes = ["choices.saved"]
    notes += ["choices.confirm"] if any(choice.state == "pending" for choice in decided) else []
    notes += ["choices.bad-birthday"] if birthday_is_wrong else []
    return after.deciding(decided), notes


async def _refuse(visit: Visit, person: Person, button: str) -> Person:
    return person.deciding(await refuse(visit, person, refusals(person, visit.policy), visit.says(button)))


def _corrected(visit: Visit, person: Person) -> tuple[Person, bool]:
    """With the language and birthday of the form; and whether that birthday cannot be."""
    after, language = person, visit.form.get("language")
    if language in visit.site.speech.names and language != visit.site.language(visit.words, person):
        after = replace(after, locale=str(language))
    given = visit.form.get("birthday")
    if not isinstance(given, str) or given.strip() == person.birthday:
        return after, False
    try:
        day = parse_birthday(given.strip(), visit.now.date()) if given.strip() else None
    except ValueError:
        return after, True
    return after.with_birthday(day), False


def _page(site: Site, words: Words, policy: Policy, person: Person, notes: list[str]) -> HTMLResponse:
    offered = offers(policy, words, site.brand(policy).name)
    language = site.language(words, person)
    return site.page(
        "preferences",
        words,
        policy,
        channels=by_channel(offered),
        states={one.name: person.holds(one.channel, one.topic) for one in offered},
        languages={language: language} | site.speech.names,
        language=language,
        birthday=person.birthday,
        notes=notes,
    )
