"""Completing a registration: who came by a text message tells who they are."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from journeyflow.audience.ingest import record_customers
from journeyflow.audience.records import CustomerRow, Proof
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, deliver
from journeyflow.store.customers import customers, events
from journeyflow.workflows.contracts import DeliveryRequest
from tests.api.conftest import ABOUT_NEWS, LETTERS
from tests.api.test_preferences import CONFIRM, text_of
from tests.api.test_unsubscribe import queued, statements, states
from tests.api.visiting import FORGED, LINKS, POLICY, Page, Visitor, without_token
from tests.engine.programmes import World

BOXES = ["email/", "sms/"]
EMAIL = {"email": "ann@example.org", "shown": BOXES, "yes": BOXES}
DONE = "Thank you. Your registration with Club & Co is complete."
MAIL_POLICY = POLICY.replace("[sms]", "[email]")


async def newcomer(world: World, key: str = "ann", **columns: str | None) -> None:
    """As JOIN leaves them."""
    phone = {"phone": "+46701740601", **columns}
    row = CustomerRow(key, phone, consents={"sms": "granted"}, proof=Proof(world.now))
    await record_customers(world.store, [row], world.now, "sms")


async def look(visitor: Visitor, token: str, **headers: str) -> Page:
    answer = await visitor.http.get(f"/r/{token}", headers=headers)
    assert answer.status_code == 200
    return Page(answer.text)


async def send(visitor: Visitor, token: str, form: dict[str, Any], **headers: str) -> Page:
    answer = await visitor.http.post(f"/r/{token}", data=form, headers=headers)
    assert answer.status_code == 200
    return Page(answer.text)


def filled(page: Page, **changes: Any) -> dict[str, Any]:
    """What a browser would send that shows the page."""
    inputs = [one.attributes for one in page.all("input")]
    texts = {one["name"]: one["value"] for one in inputs if one["type"] in ("text", "email", "date")}
    [language] = [one.attributes["value"] for one in page.all("option") if "selected" in one.attributes]
    shown = [one["value"] for one in inputs if one["type"] == "hidden"]
    yes = [one["value"] for one in inputs if one["type"] == "checkbox" and "checked" in one]
    return {**texts, "language": language, "shown": shown, "yes": yes, **changes}


def notes(page: Page) -> list[str]:
    return [one.text for one in page.all("p") if one.attributes.get("role") == "status"]


def remarks(page: Page, name: str) -> list[str]:
    """What stands beside the field, as a screen reader tells it."""
    [field] = [one for one in page.all("input") if one.attributes.get("name") == name]
    texts = {one.attributes.get("id"): one.text for one in page.elements}
    return [texts[id] for id in field.attributes.get("aria-describedby", "").split()]


async def test_a_newcomer_tells_who_they_are(visitor: Visitor, world: World) -> None:
    await newcomer(world)
    token = await visitor.token("ann", "register")
    world.now += timedelta(hours=1)
    form = filled(await look(visitor, token))
    assert form == {
        "first_name": "", "email": "", "birthday": "", "language": "en", "shown": BOXES, "yes": ["sms/"],
    }  # fmt: skip
    told = {"first_name": " Åsa ", "email": " asa@example.com", "birthday": "1980-02-29", "language": "sv"}
    page = await send(visitor, token, form | told | {"yes": BOXES})
    row = await visitor.customer("ann")
    assert row.attributes == {"first_name": "Åsa", "birthday": "1980-02-29"}
    assert (row.email, row.locale, row.phone) == ("asa@example.com", "sv", "+46701740601")
    assert row.updated_at == world.now
    assert await visitor.consents("ann") == {("email", ""): "granted", ("sms", ""): "granted"}
    assert page.one("html").attributes["lang"] == "sv"
    assert notes(page) == ["Tack. Din registrering hos Club & Co är klar."]
    assert page.all("form") == []


async def test_the_sentence_that_was_ticked_is_kept(visitor: Visitor, world: World) -> None:
    await newcomer(world)
    await send(visitor, await visitor.token("ann", "register"), EMAIL)
    row = (await visitor.log("ann"))[-1]
    assert (row.channel, row.topic, row.state) == ("email", "", "granted")
    assert (row.source, row.actor, row.origin) == ("registration", "customer", "192.0.2.7")
    assert row.wording == "Yes, Club & Co may send me news and offers by e-mail"


async def test_a_box_left_empty_refuses(visitor: Visitor, world: World) -> None:
    await newcomer(world)
    token = await visitor.token("ann", "register")
    await send(visitor, token, filled(await look(visitor, token), email="ann@example.org", yes=[]))
    assert await visitor.consents("ann") == {("email", ""): "denied", ("sms", ""): "denied"}


GREET = """
    journey: greet
    enter: {event: member.joined, where: {source: {is_not: import}}}
    steps:
      - send: {email: hello}
"""


async def test_they_join_once_and_are_greeted(visitor: Visitor, world: World) -> None:
    await world.apply(GREET, policy=POLICY)
    await newcomer(world)
    token = await visitor.token("ann", "register")
    await send(visitor, token, EMAIL)
    number = await visitor.number("ann")
    [event] = await world.rows(select(events).where(events.c.name == "member.joined"))
    assert (event.key, event.at) == (f"journeyflow.registered/{number}", world.now)
    assert (event.customer_id, event.properties) == (number, {"source": "sms"})
    await world.route()
    assert await world.ledger("ann") == [("hello", "queued", None)]


async def test_pressing_twice_changes_nothing_twice(visitor: Visitor, world: World) -> None:
    await newcomer(world)
    token = await visitor.token("ann", "register")
    form = EMAIL | {"first_name": "Ann", "birthday": "1980-02-29", "language": "fi"}
    first = await send(visitor, token, form)
    before = await world.everything()
    world.now += timedelta(days=1)
    second = await send(visitor, token, form)
    assert await world.everything() == before
    assert notes(first) == notes(second)


async def test_two_presses_at_once_are_one(visitor: Visitor, world: World) -> None:
    await newcomer(world)
    token = await visitor.token("ann", "register")
    await asyncio.gather(*(send(visitor, token, EMAIL) for _ in range(8)))
    assert (await visitor.events("ann")).count("member.joined") == 1
    assert (await visitor.events("ann")).count("consent.granted") == 1
    assert len([row for row in await visitor.log("ann") if row.channel == "email"]) == 1


async def test_two_presses_at_once_lose_nothing_of_each_other(visitor: Visitor, world: World) -> None:
    told = {"first_name": "Ann", "birthday": "1980-02-29"}
    for number in range(8):
        await newcomer(world, f"c{number}")
        token = await visitor.token(f"c{number}", "register")
        await asyncio.gather(*(send(visitor, token, {name: value}) for name, value in told.items()))
        assert (await visitor.customer(f"c{number}")).attributes == told


async def test_a_member_does_not_join_again(visitor: Visitor, world: World) -> None:
    await world.customers("ann")
    await world.happen("member.joined", "ann", source="store")
    await send(visitor, await visitor.token("ann", "register"), EMAIL | {"first_name": "Ann"})
    assert (await visitor.customer("ann")).attributes == {"first_name": "Ann"}
    assert (await visitor.events("ann")).count("member.joined") == 1


async def test_whoever_has_the_link_reads_nothing_that_is_known(visitor: Visitor, world: World) -> None:
    known: dict[str, Any] = {"email": "secret@example.com", "phone": "+46701740609", "birthday": "1980-02-29"}
    await world.customers("ann", first_name="Annabel", tier="platinum", **known)
    token = await visitor.token("ann", "register")
    wrong = await visitor.http.post(f"/r/{token}", data={"email": "no"})
    for answer in (await visitor.http.get(f"/r/{token}"), wrong):
        assert remarks(Page(answer.text), "email")[0].startswith("We already have an e-mail address")
        for value in ("secret", "46701740609", "1980", "Annabel", "platinum"):
            assert value not in answer.text


@pytest.mark.parametrize("locale", ["pl", "en-GB"])
async def test_what_is_left_empty_stays(visitor: Visitor, world: World, locale: str) -> None:
    await world.customers("ann", first_name="Ann", birthday="--02-29", locale=locale, tier=3)
    token = await visitor.token("ann", "register")
    before = await visitor.customer("ann")
    page = await send(visitor, token, filled(await look(visitor, token)))
    assert notes(page) == [DONE]
    assert await visitor.customer("ann") == before
    assert await visitor.consents("ann") == {("email", ""): "granted", ("sms", ""): "granted"}


async def test_what_is_typed_replaces_what_was_known(visitor: Visitor, world: World) -> None:
    await world.customers("ann", first_name="Ann", birthday="1980-02-29", tier=3)
    token = await visitor.token("ann", "register")
    await send(visitor, token, filled(await look(visitor, token), email="new@example.org", first_name="Anna"))
    row = await visitor.customer("ann")
    assert row.email == "new@example.org"
    assert row.attributes == {"first_name": "Anna", "birthday": "1980-02-29", "tier": 3}


NAME = "Please write your first name only, with nothing else in it."
ADDRESS = "This is not an e-mail address. Write it like name@example.com."
DAY = "This is not a day in the past. Write the day on which you were born."
WRONG = [
    ("first_name", "a" * 61, NAME),
    ("first_name", "Win at www.example.com", NAME),
    ("first_name", "https://evil", NAME),
    ("first_name", "a@b", NAME),
    ("first_name", "{{ customer.email }}", NAME),
    ("first_name", "A\r\nBcc: x", NAME),
    ("first_name", "A\x00", NAME),
    ("first_name", "A\u202eB", NAME),
    ("email", "ann", ADDRESS),
    ("email", "ann@", ADDRESS),
    ("email", "ann@example..org", ADDRESS),
    ("email", "ann@example.org, eve@example.org", ADDRESS),
    ("email", "a\x00nn@example.org", ADDRESS),
    ("email", "a" * 300 + "@example.org", ADDRESS),
    ("birthday", "2031-05-07", DAY),
    ("birthday", "1899-12-31", DAY),
    ("birthday", "1981-02-29", DAY),
    ("birthday", "<b>", DAY),
]


@pytest.mark.parametrize(
    ("name", "value", "remark"), WRONG, ids=[f"{one[0]} {one[1][:9]!r}" for one in WRONG]
)
async def test_what_is_wrong_stands_beside_its_field_and_all_is_kept(
    visitor: Visitor, world: World, name: str, value: str, remark: str
) -> None:
    await newcomer(world)
    token = await visitor.token("ann", "register")
    good = {"first_name": "Ann", "email": "ann@example.org", "birthday": "1980-02-29", "language": "fi"}
    form = filled(await look(visitor, token)) | good | {name: value, "yes": ["email/"]}
    before = await world.everything()
    page = await send(visitor, token, form)
    assert await world.everything() == before
    assert {each: remarks(page, each) for each in ("first_name", "email", "birthday")} == {
        "first_name": [], "email": [], "birthday": [], name: [remark],
    }  # fmt: skip
    invalid = [one.attributes["name"] for one in page.all("input") if "aria-invalid" in one.attributes]
    assert invalid == [name]
    assert [one.text for one in page.all("p") if one.attributes.get("role") == "alert"] == [
        "Nothing is saved yet. Please look at what is marked below."
    ]
    if value.isprintable():
        assert filled(page) == form


async def test_boxes_are_kept_with_what_is_wrong(visitor: Visitor, world: World) -> None:
    await world.customers("ann", consents={"email": "denied", "sms": "granted"})
    token = await visitor.token("ann", "register")
    for yes in (["email/"], ["sms/"], BOXES, []):
        page = await send(visitor, token, EMAIL | {"email": "no", "yes": yes})
        assert filled(page)["yes"] == yes


@pytest.mark.parametrize(
    "name",
    [
        "J. R.",
        "Anne-Marie",
        "O\N{RIGHT SINGLE QUOTATION MARK}Neill",
        "Åsa Li",
        "李",
        "Jean Paul",
        "Zoë",
        "D'Arcy",
    ],
)
async def test_names_are_names(visitor: Visitor, world: World, name: str) -> None:
    await newcomer(world)
    await send(visitor, await visitor.token("ann", "register"), {"first_name": name})
    assert (await visitor.customer("ann")).attributes == {"first_name": name}


async def test_a_yes_to_email_needs_an_address(visitor: Visitor, world: World) -> None:
    await newcomer(world)
    token = await visitor.token("ann", "register")
    before = await world.everything()
    page = await send(visitor, token, EMAIL | {"email": ""})
    assert remarks(page, "email") == ["Write your e-mail address as well, or take away the tick for e-mail."]
    assert await world.everything() == before
    await newcomer(world, "bob", email="bob@example.com")
    page = await send(visitor, await visitor.token("bob", "register"), EMAIL | {"email": ""})
    assert notes(page) == [DONE]
    assert (await visitor.consents("bob"))["email", ""] == "granted"


async def test_nobody_learns_whose_address_it_is(visitor: Visitor, world: World) -> None:
    await newcomer(world, "ann")
    await newcomer(world, "bob")
    await world.customers("eve", email="eve@example.com")
    eve = await visitor.customer("eve")
    await look(visitor, FORGED)  # the policy is read once
    with statements(world) as of_taken:
        taken = await send(visitor, await visitor.token("ann", "register"), EMAIL | {"email": eve.email})
    with statements(world) as of_free:
        free = await send(visitor, await visitor.token("bob", "register"), EMAIL)
    assert [one.text for one in taken.elements] == [one.text for one in free.elements]
    assert of_taken == of_free
    assert (await visitor.customer("ann")).email == eve.email
    assert await visitor.customer("eve") == eve


async def test_the_form_speaks_for_nobody_else(visitor: Visitor, world: World) -> None:
    await newcomer(world, "ann")
    await world.customers("bob")
    bob, number = await visitor.token("bob", "register"), await visitor.number("bob")
    names = ("customer", "customer_id", "id", "key", "number", "person", "token", "message", "phone", "tier")
    before = await visitor.customer("bob")
    for value in (number, "bob", bob):
        await send(visitor, await visitor.token("ann", "register"), EMAIL | dict.fromkeys(names, value))
    assert await visitor.customer("bob") == before
    row = await visitor.customer("ann")
    assert (row.key, row.phone, row.attributes) == ("ann", "+46701740601", {})


async def test_boxes_that_the_page_does_not_have_say_nothing(visitor: Visitor, world: World) -> None:
    await newcomer(world)
    odd = ["email/news", "fax/", "webhook/", "email"]
    await send(visitor, await visitor.token("ann", "register"), {"shown": odd, "yes": odd, "language": "xx"})
    assert await visitor.consents("ann") == {("sms", ""): "granted"}
    assert (await visitor.customer("ann")).locale is None


@pytest.mark.parametrize("purpose", ["preferences", "unsubscribe", "confirm"])
async def test_no_other_link_replaces_an_address(visitor: Visitor, world: World, purpose: str) -> None:
    await world.customers("ann")
    token = await visitor.token("ann", purpose, 0, "email")
    before = await world.everything()
    page = await send(visitor, token, EMAIL | {"first_name": "Eve"})
    assert notes(page)[0] == DONE
    assert await world.everything() == before


async def test_the_link_opens_nothing_else(visitor: Visitor, world: World) -> None:
    await queued(world, "ann")
    token = await visitor.token("ann", "register")
    before = await world.everything()
    for path in ("u", "p", "c"):
        await visitor.http.post(f"/{path}/{token}", data={"do": "nothing"})
    assert await world.everything() == before


async def test_every_damaged_token_changes_nothing(visitor: Visitor, world: World) -> None:
    await newcomer(world)
    good = await visitor.token("ann", "register")
    damaged = [good[:at] + chr(ord(good[at]) ^ 1) + good[at + 1 :] for at in range(len(good))]
    before = await world.everything()
    for token in [*damaged, good[:-1], good[1:], good + "A", "A" * 5_000]:
        page = await send(visitor, token.replace("/", "%2F"), EMAIL)
        assert notes(page)[0] == DONE, token
    assert await world.everything() == before


FORMS = {
    "looked at": None,
    "filled": EMAIL | {"first_name": "Ann", "birthday": "1980-02-29", "language": "de"},
    "wrong": EMAIL | {"email": "no"},
    "no address": {"shown": BOXES, "yes": BOXES},
    "empty": {},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_a_forged_link_looks_as_a_new_one(
    visitor: Visitor, world: World, form: dict[str, Any] | None
) -> None:
    await record_customers(world.store, [CustomerRow("ann")], world.now, "test")
    method = "GET" if form is None else "POST"
    new = await visitor.token("ann", "register")
    one = await visitor.http.request(method, f"/r/{new}", data=form)
    before = await world.everything()
    other = await visitor.http.request(method, f"/r/{FORGED}", data=form)
    assert without_token(one.text, new) == without_token(other.text, FORGED)
    assert {**one.headers} == {**other.headers}
    assert await world.everything() == before


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_a_forged_link_costs_as_a_used_one(
    visitor: Visitor, world: World, form: dict[str, Any] | None
) -> None:
    await record_customers(world.store, [CustomerRow("ann")], world.now, "test")
    method = "GET" if form is None else "POST"
    used = await visitor.token("ann", "register")
    await visitor.http.request(method, f"/r/{used}", data=form)
    with statements(world) as of_used:
        await visitor.http.request(method, f"/r/{used}", data=form)
    with statements(world) as of_forged:
        await visitor.http.request(method, f"/r/{FORGED}", data=form)
    assert len(of_used) == len(of_forged)


async def test_files_and_too_many_fields_are_refused(visitor: Visitor, world: World) -> None:
    await newcomer(world)
    token = await visitor.token("ann", "register")
    before = await world.everything()
    a_file = await visitor.http.post(f"/r/{token}", data=EMAIL, files={"first_name": b"Ann"})
    fields = await visitor.http.post(f"/r/{token}", data={f"f{number}": "1" for number in range(501)})
    assert [one.status_code for one in (a_file, fields)] == [400, 400]
    assert await world.everything() == before


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


async def letters(world: World, outbox: Path, cohort: int = 1) -> list[str]:
    """Those that ask whether an address is its owner's: the links inside."""
    await world.route()
    courier = Courier(world.store, {"email": Outbox(outbox)}, world.programme, links=LINKS)
    await deliver(courier, DeliveryRequest(cohort, 0, "email"), Attempt(1, lambda: world.now, bool))
    texts = [text_of(path) for path in files(outbox)]
    return [url for text in texts for url in re.findall(r"https://post\.example\.com/c/[\w.-]+", text)]


async def strict(world: World) -> None:
    letter = "---\nsubject: Please confirm\n---\n{{ confirm_url }}\n"
    await world.apply(CONFIRM, policy=MAIL_POLICY, templates={"confirm/email.html": letter})


async def test_the_whole_way_of_a_double_opt_in(visitor: Visitor, world: World, tmp_path: Path) -> None:
    await strict(world)
    await newcomer(world)
    page = await send(visitor, await visitor.token("ann", "register"), EMAIL)
    assert notes(page)[0] == DONE
    assert "we have to be sure that it was you" in notes(page)[1]
    assert (await visitor.consents("ann"))["email", ""] == "pending"
    [url] = await letters(world, tmp_path / "outbox")
    await visitor.http.post(url)
    assert (await visitor.consents("ann"))["email", ""] == "granted"


@pytest.mark.parametrize("held", ["granted", "pending"])
async def test_a_new_address_is_asked_anew(visitor: Visitor, world: World, tmp_path: Path, held: str) -> None:
    """Nobody signs up their own address, and then puts that of somebody else in its place."""
    await strict(world)
    await newcomer(world)
    token = await visitor.token("ann", "register")
    await send(visitor, token, EMAIL)
    [old] = await letters(world, tmp_path / "old")
    if held == "granted":
        await visitor.http.post(old)
    world.now += timedelta(hours=2)
    page = await send(visitor, token, EMAIL | {"email": "victim@example.org"})
    assert len(notes(page)) == 2
    assert (await visitor.consents("ann"))["email", ""] == "pending"
    [new] = await letters(world, tmp_path / "new", 2)
    await visitor.http.post(old)
    assert (await visitor.consents("ann"))["email", ""] == "pending"
    await visitor.http.post(new)
    assert (await visitor.consents("ann"))["email", ""] == "granted"
    sources = [row.source for row in await visitor.log("ann") if row.channel == "email"]
    assert sources[-3:] == ["new-address", "registration", "confirmation"]


async def test_a_new_address_without_a_yes_is_not_written_to(visitor: Visitor, world: World) -> None:
    await world.apply(LETTERS, ABOUT_NEWS, policy=MAIL_POLICY)
    await queued(world, "ann")
    await send(visitor, await visitor.token("ann", "register"), EMAIL | {"yes": ["sms/"]})
    assert await visitor.consents("ann") == {("email", ""): "denied", ("sms", ""): "granted"}
    assert await states(world, "ann") == {"hello": "cancelled", "news": "cancelled"}


async def test_the_same_address_again_is_no_new_one(visitor: Visitor, world: World) -> None:
    await world.apply(LETTERS, ABOUT_NEWS, policy=MAIL_POLICY)
    await queued(world, "ann")
    await send(visitor, await visitor.token("ann", "register"), EMAIL | {"email": "ann@example.com"})
    assert (await visitor.consents("ann"))["email", ""] == "granted"
    assert await states(world, "ann") == {"hello": "queued", "news": "queued"}


async def test_somebody_who_is_gone_comes_back_by_no_link(visitor: Visitor, world: World) -> None:
    gone = LINKS.registration_url(999_999).rsplit("/", 1)[1]
    page = await send(visitor, gone, EMAIL)
    assert notes(page)[0] == DONE
    assert await world.rows(select(customers)) == []
