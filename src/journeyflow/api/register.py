"""`/r/{token}`: somebody who came by a text message tells who they are.

Nothing that is known of them is shown: the link went to a telephone, and telephones change hands.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.datastructures import FormData

from journeyflow.api import deciding
from journeyflow.api.choosing import by_channel, wishes
from journeyflow.api.person import BIRTHDAY, FIRST_NAME, Person, join, load, meant, parse_birthday, save
from journeyflow.api.site import Site, origin
from journeyflow.api.visit import MOST_FIELDS, Visit, fulfil
from journeyflow.audience.consent import WHOLE_CHANNEL, Basis, Choice, State, lock
from journeyflow.audience.suppression import parse_address

_SOURCE = "registration"
_LONGEST_NAME = 60  # characters
_NO_NAME = re.compile(r"[/:@<>{}]|\w\.\w\w")  # a name stands in letters, where an address would become a link
_EMAIL = "email"
_EMAIL_BOX = f"{_EMAIL}/{WHOLE_CHANNEL}"


@dataclass(frozen=True, slots=True)
class _Told:
    """A filled form, by field: what was typed, what it says, and the key of the words for what is wrong."""

    typed: Mapping[str, str] = field(default_factory=dict, repr=False)
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    wrong: Mapping[str, str] = field(default_factory=dict)


def router(site: Site) -> APIRouter:
    routes = APIRouter()

    @routes.api_route("/r/{token:path}", methods=["GET", "HEAD"])
    async def show(token: str, request: Request) -> HTMLResponse:
        link = site.read(token, "register")
        async with site.store.reading() as connection:
            policy = await site.policy(connection)
            link = await meant(connection, link)
            person = await load(connection, link.customer)
            words = site.words(request, person, policy)
            visit = Visit(site, connection, policy, words, FormData(), _SOURCE, origin(request), site.clock())
        return _page(visit, person, _Told())

    @routes.post("/r/{token:path}")
    async def press(token: str, request: Request) -> HTMLResponse:
        link = site.read(token, "register")
        form = await request.form(max_files=0, max_fields=MOST_FIELDS)
        async with site.store.writing() as connection:
            policy = await site.policy(connection)
            link = await meant(connection, link)
            await lock(connection, [link.customer])
            person = await load(connection, link.customer)
            words = site.words(request, person, policy)
            visit = Visit(site, connection, policy, words, form, _SOURCE, origin(request), site.clock())
            told = _read(visit, person)
            after = person if told.wrong else await _register(visit, person, told)
        if told.wrong:
            return _page(visit, person, told)
        return _done(replace(visit, words=site.words(request, after, policy)), after)

    return routes


def _read(visit: Visit, person: Person) -> _Told:
    parsers: dict[str, Callable[[str], str]] = {
        FIRST_NAME: _name,
        _EMAIL: lambda text: parse_address(_EMAIL, text),
        BIRTHDAY: lambda text: parse_birthday(text, visit.now.date()).isoformat(),
    }
    typed = {name: visit.text(name) for name in parsers}
    values, wrong = {}, {}
    for name, text in typed.items():
        try:
            values[name] = parsers[name](text) if text else ""
        except ValueError:
            wrong[name] = f"register.bad-{name}"
    if _EMAIL_BOX in visit.texts("yes") and not typed[_EMAIL] and person.email is None:
        wrong[_EMAIL] = "register.no-email"
    return _Told(typed, {name: value for name, value in values.items() if value}, wrong)


def _name(text: str) -> str:
    """Raises ValueError for what is no name."""
    if len(text) > _LONGEST_NAME or not text.isprintable() or _NO_NAME.search(text):
        raise ValueError("no name")
    return text


async def _register(visit: Visit, person: Person, told: _Told) -> Person:
    """The customer as they are from now on. What was left empty stays as it is."""
    after = _with(visit, person, told.values)
    if after != person and person.is_known:
        await save(visit.connection, after, visit.now)
    after = await _move(visit, person, after)
    offered = [offer for offer in visit.offers if offer.topic == WHOLE_CHANNEL]
    wished = wishes(after, offered, visit.texts("shown"), visit.texts("yes"))
    after = after.deciding(await fulfil(visit, after, wished))
    await join(visit.connection, after, "sms", visit.now)
    return after


def _with(visit: Visit, person: Person, values: Mapping[str, str]) -> Person:
    language = visit.text("language")
    is_theirs = person.locale is not None and language == visit.site.language(visit.words, person)
    return replace(
        person,
        email=values.get(_EMAIL, person.email),
        locale=language if language in visit.site.speech.names and not is_theirs else person.locale,
        attributes={**person.attributes, **{n: values[n] for n in (FIRST_NAME, BIRTHDAY) if n in values}},
    )


async def _move(visit: Visit, before: Person, after: Person) -> Person:
    """A new address has confirmed nothing: with double opt-in, consents that the old one had end with it."""
    held = [key for key, state in after.consents.items() if key[0] == _EMAIL and state != "denied"]
    if not held or after.email == before.email or _EMAIL not in visit.policy.double_opt_in:
        return after
    refused = Choice(_EMAIL, WHOLE_CHANNEL, "denied")
    basis = Basis(deciding.NEW_ADDRESS, "customer", origin=visit.origin)
    await deciding.decide(visit.connection, visit.policy, after, [refused], basis, visit.now)
    kept = {key: state for key, state in after.consents.items() if key not in held}
    return replace(after, consents=kept).deciding([refused])


def _page(visit: Visit, person: Person, told: _Told) -> HTMLResponse:
    offered = [offer for offer in visit.offers if offer.topic == WHOLE_CHANNEL]
    states: dict[str, State | None] = {one.name: person.holds(one.channel, one.topic) for one in offered}
    language = visit.site.language(visit.words, person)
    languages = {language: language} | visit.site.speech.names
    chosen = visit.text("language")
    return visit.site.page(
        "register",
        visit.words,
        visit.policy,
        is_done=False,
        channels=by_channel(offered),
        states=_kept(states, visit.texts("yes")) if told.wrong else states,
        languages=languages,
        language=chosen if chosen in languages else language,
        typed=dict.fromkeys((FIRST_NAME, _EMAIL, BIRTHDAY), "") | dict(told.typed),
        wrong=told.wrong,
        has_email=person.email is not None,
        longest_name=_LONGEST_NAME,
    )


def _kept(states: Mapping[str, State | None], ticked: Collection[str]) -> dict[str, State | None]:
    """The boxes as they came, when nothing is saved yet."""
    return {
        name: (state if state == "pending" else "granted") if name in ticked else None
        for name, state in states.items()
    }


def _done(visit: Visit, person: Person) -> HTMLResponse:
    is_pending = "pending" in person.consents.values()
    return visit.site.page("register", visit.words, visit.policy, is_done=True, is_pending=is_pending)
