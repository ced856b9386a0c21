"""`/p/{token}`: what a customer hears about, their language and birthday, and their data.

Everything that one press changes is committed before it is answered.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData

from journeyflow.api.choosing import Offer, Wish, foreseen, offers, refusals, version_of, wishes
from journeyflow.api.deciding import decide
from journeyflow.api.person import Person, ask, load, save
from journeyflow.api.site import Site, origin
from journeyflow.api.speech import Words
from journeyflow.audience.consent import Basis, Choice, lock
from journeyflow.policy import Policy

_MOST_FIELDS = 500
_OLDEST = date(1900, 1, 1)  # birthday
_SOURCE, _ACTOR = "page", "customer"


@dataclass(frozen=True, slots=True)
class _Visit:
    """One press of a button."""

    site: Site
    connection: AsyncConnection
    policy: Policy
    words: Words  # that the customer has read
    form: FormData
    origin: str | None
    now: datetime

    @property
    def offers(self) -> list[Offer]:
        return offers(self.policy, self.words, self.site.brand(self.policy).name)

    def says(self, key: str) -> str:
        return self.words.say(key, self.site.brand(self.policy).name)


def router(site: Site) -> APIRouter:
    routes = APIRouter()

    @routes.api_route("/p/{token:path}", methods=["GET", "HEAD"])
    async def show(token: str, request: Request) -> HTMLResponse:
        link = site.read(token, "preferences", "unsubscribe")
        async with site.store.reading() as connection:
            policy = await site.policy(connection)
            person = await load(connection, link.customer)
        return _page(site, site.words(request, person, policy), policy, person, [])

    @routes.post("/p/{token:path}")
    async def press(token: str, request: Request) -> HTMLResponse:
        link = site.read(token, "preferences", "unsubscribe")
        form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
        async with site.store.writing() as connection:
            policy = await site.policy(connection)
            await lock(connection, [link.customer])
            person = await load(connection, link.customer)
            words = site.words(request, person, policy)
            visit = _Visit(site, connection, policy, words, form, origin(request), site.clock())
            after, notes = await _press(visit, person)
        return _page(site, site.words(request, after, policy), policy, after, notes)

    return routes


async def _press(visit: _Visit, person: Person) -> tuple[Person, list[str]]:
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


async def _save(visit: _Visit, person: Person) -> tuple[Person, list[str]]:
    shown, ticked = _texts(visit.form, "shown"), _texts(visit.form, "yes")
    decided = await _fulfil(visit, person, wishes(person, visit.offers, shown, ticked))
    after, birthday_is_wrong = _corrected(visit, person)
    if after != person and person.is_known:
        await save(visit.connection, after, visit.now)
    notes = ["choices.saved"]
    notes += ["choices.confirm"] if any(choice.state == "pending" for choice in decided) else []
    notes += ["choices.bad-birthday"] if birthday_is_wrong else []
    return after.deciding(decided), notes


async def _refuse(visit: _Visit, person: Person, button: str) -> Person:
    return person.deciding(await _decide(visit, person, refusals(person, visit.policy), visit.says(button)))


async def _fulfil(visit: _Visit, person: Person, wished: list[Wish]) -> list[Choice]:
    """Each new consent with its own wording. Before them, and together, all else, so that a topic that is
    kept while its channel is refused loses no message that is queued."""
    old = [wish for wish in wished if wish.was_granted or wish.choice.state == "denied"]
    wordings = "\n".join(wish.offer.wording for wish in old)
    if not person.is_known:
        await _decide(visit, person, [], wordings)
        return foreseen([wish.choice for wish in wished], visit.policy)
    decided = await _decide(visit, person, [wish.choice for wish in old], wordings, confirmed=True)
    for wish in wished:
        if wish not in old:
            decided += await _decide(visit, person, [wish.choice], wish.offer.wording)
    return decided


async def _decide(
    visit: _Visit, person: Person, choices: list[Choice], wording: str, confirmed: bool = False
) -> list[Choice]:
    """Gives what changed."""
    basis = Basis(_SOURCE, _ACTOR, wording, version_of(wording), visit.origin)
    return await decide(
        visit.connection, visit.policy, person, choices, basis, visit.now, confirmed=confirmed
    )


def _corrected(visit: _Visit, person: Person) -> tuple[Person, bool]:
    """With the language and birthday of the form; and whether that birthday cannot be."""
    after, language = person, visit.form.get("language")
    if language in visit.site.speech.names and language != _language(visit.site, visit.words, person):
        after = replace(after, locale=str(language))
    given = visit.form.get("birthday")
    if not isinstance(given, str) or given.strip() == person.birthday:
        return after, False
    try:
        day = date.fromisoformat(given.strip()) if given.strip() else None
    except ValueError:
        return after, True
    if day is not None and not _OLDEST <= day < visit.now.date():
        return after, True
    return after.with_birthday(day), False


def _page(site: Site, words: Words, policy: Policy, person: Person, notes: list[str]) -> HTMLResponse:
    offered = offers(policy, words, site.brand(policy).name)
    language = _language(site, words, person)
    return site.page(
        "preferences",
        words,
        policy,
        channels={
            channel: [one for one in offered if one.channel == channel] for channel in _channels(offered)
        },
        states={one.name: person.holds(one.channel, one.topic) for one in offered},
        languages={language: language} | site.speech.names,
        language=language,
        birthday=person.birthday,
        notes=notes,
    )


def _language(site: Site, words: Words, person: Person) -> str:
    """The one that is chosen in the page's list."""
    return site.speech.language(person.locale) if person.locale else words.language


def _channels(offered: list[Offer]) -> list[str]:
    return list(dict.fromkeys(offer.channel for offer in offered))


def _texts(form: FormData, name: str) -> set[str]:
    return {value for value in form.getlist(name) if isinstance(value, str)}
