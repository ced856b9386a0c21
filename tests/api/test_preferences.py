"""The preference page: consent given as easily as withdrawn, language, birthday, and a customer's data."""

import asyncio
import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from journeyflow.audience.ingest import record_customers
from journeyflow.audience.records import CustomerRow
from journeyflow.audience.suppression import is_suppressed, suppress
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, deliver
from journeyflow.store.customers import customers, events
from journeyflow.workflows.contracts import DeliveryRequest
from tests.api.test_unsubscribe import queued, statements, states
from tests.api.visiting import FORGED, LINKS, POLICY, Page, Visitor, without_token
from tests.engine.programmes import World

EVERYTHING = ["email/", "email/news", "email/sales", "sms/", "sms/news", "sms/sales"]


async def look(visitor: Visitor, token: str, **headers: str) -> Page:
    answer = await visitor.http.get(f"/p/{token}", headers=headers)
    assert answer.status_code == 200
    return Page(answer.text)


async def send(visitor: Visitor, token: str, form: dict[str, Any], **headers: str) -> Page:
    answer = await visitor.http.post(f"/p/{token}", data=form, headers=headers)
    assert answer.status_code == 200
    return Page(answer.text)


def notes(page: Page) -> list[str]:
    return [one.text for one in page.all("p") if "role" in one.attributes]


async def test_the_page_shows_what_holds(visitor: Visitor, world: World) -> None:
    await world.customers("ann", consents={"email": "granted"}, birthday="1980-02-29", locale="sv-SE")
    form = (await look(visitor, await visitor.token("ann"))).form()
    assert form["shown"] == EVERYTHING
    assert form["yes"] == ["email/", "email/news", "email/sales"]  # topics follow their channel
    assert (form["birthday"], form["language"]) == ("1980-02-29", "sv")


async def test_saving_without_a_change_decides_nothing_that_was_decided(
    visitor: Visitor, world: World
) -> None:
    await world.customers(
        "ann", consents={"email": "granted", "sms": "denied"}, birthday="1980-02-29", tier=3
    )
    token = await visitor.token("ann")
    before = await world.everything()
    page = await send(visitor, token, (await look(visitor, token)).form())
    assert notes(page) == ["Your choices are saved."]
    assert await world.everything() == before


async def test_one_topic_is_refused_and_taken_back(visitor: Visitor, world: World) -> None:
    await world.customers("ann", consents={"email": "granted", "sms": "denied"})
    token = await visitor.token("ann")
    page = await send(visitor, token, (await look(visitor, token)).form(yes=["email/", "email/sales"]))
    assert (await visitor.consents("ann"))["email", "news"] == "denied"
    assert page.form()["yes"] == ["email/", "email/sales"]
    await send(visitor, token, page.form(yes=["email/", "email/news", "email/sales"]))
    held = await visitor.consents("ann")
    assert (held["email", ""], held["email", "news"]) == ("granted", "granted")


async def test_a_consent_is_kept_with_the_sentence_that_was_ticked(visitor: Visitor, world: World) -> None:
    await world.customers("ann", consents={"sms": "denied"})
    token = await visitor.token("ann")
    await send(visitor, token, (await look(visitor, token)).form(yes=["email/news"]))
    by_topic = {(row.channel, row.topic): row for row in await visitor.log("ann") if row.source == "page"}
    row = by_topic["email", "news"]
    assert (row.state, row.actor, row.origin) == ("granted", "customer", "192.0.2.7")
    assert row.wording == (
        "Yes, Club & Co may send me news and offers by e-mail: News. What is new, once a month"
    )
    assert len(row.wording_version) == 16
    assert by_topic["email", ""].state == "denied"  # an empty box refuses, also where nothing was said


async def test_a_channel_is_refused_and_a_topic_kept(visitor: Visitor, world: World) -> None:
    await queued(world, "ann")
    token = await visitor.token("ann")
    page = await send(visitor, token, (await look(visitor, token)).form(yes=["email/news", "sms/news"]))
    held = await visitor.consents("ann")
    assert (held["email", ""], held["email", "news"]) == ("denied", "granted")
    assert (held["sms", ""], held["sms", "news"]) == ("denied", "granted")  # need not be confirmed again
    assert page.form()["yes"] == ["email/news", "sms/news"]
    assert await states(world, "ann") == {"hello": "cancelled", "news": "queued"}


async def test_double_opt_in_waits_for_the_customer(visitor: Visitor, world: World) -> None:
    await world.customers("ann", consents={"email": "granted", "sms": "denied"})
    token = await visitor.token("ann")
    form = (await look(visitor, token)).form()
    page = await send(visitor, token, form | {"yes": [*form["yes"], "sms/"]})
    assert (await visitor.consents("ann"))["sms", ""] == "pending"
    assert any("we have to be sure that it was you" in note for note in notes(page))
    assert "sms/" in page.form()["yes"]
    assert any("waiting for you to confirm" in label.text for label in page.all("label"))
    again = await send(visitor, token, page.form())
    assert (await visitor.consents("ann"))["sms", ""] == "pending"
    assert notes(again) == ["Your choices are saved."]


async def test_pending_becomes_granted_by_the_button_alone(visitor: Visitor, world: World) -> None:
    await world.customers("ann", consents={"email": "denied", "sms": "denied"})
    token = await visitor.token("ann")
    await send(visitor, token, (await look(visitor, token)).form(yes=["sms/"]))
    confirm = await visitor.token("ann", "confirm", 0, "sms")
    await visitor.http.get(f"/c/{confirm}")
    assert (await visitor.consents("ann"))["sms", ""] == "pending"
    answer = await visitor.http.post(f"/c/{confirm}")
    assert "Thank you" in answer.text
    held = await visitor.consents("ann")
    assert (held["sms", ""], held["email", ""]) == ("granted", "denied")
    assert (await visitor.log("ann"))[-1].source == "confirmation"
    await visitor.http.post(f"/p/{token}", data={"do": "nothing"})
    await visitor.http.post(f"/c/{confirm}")  # an old link brings nothing back
    assert (await visitor.consents("ann"))["sms", ""] == "denied"


CONFIRM = """
    journey: confirm-email
    category: transactional
    enter:
      event: consent.pending
      where: {channel: {is: email}}
      again: after 1 hour
    steps:
      - send: {email: confirm}
"""


async def test_the_whole_way_of_a_double_opt_in(visitor: Visitor, world: World, tmp_path: Path) -> None:
    policy = POLICY.replace("[sms]", "[email]")
    letter = "---\nsubject: Please confirm\n---\n{{ confirm_url }}\n"
    await world.apply(CONFIRM, policy=policy, templates={"confirm/email.html": letter})
    await world.customers("ann", consents={})
    token = await visitor.token("ann")
    await send(visitor, token, (await look(visitor, token)).form(yes=["email/", "email/news"]))
    await world.route()
    courier = Courier(world.store, {"email": Outbox(tmp_path / "outbox")}, world.programme, links=LINKS)
    await deliver(courier, DeliveryRequest(1, 0, "email"), Attempt(1, lambda: world.now, bool))
    [path] = (tmp_path / "outbox").glob("*")
    [url] = re.findall(r"https://post\.example\.com/c/[\w.-]+", text_of(path))
    assert (await visitor.http.post(url)).status_code == 200
    held = await visitor.consents("ann")
    assert {held["email", ""], held.get(("email", "news"), "granted")} == {"granted"}


def text_of(path: Path) -> str:
    mail = message_from_bytes(path.read_bytes(), policy=default)
    return str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]


async def test_a_link_to_confirm_opens_nothing_else(visitor: Visitor, world: World) -> None:
    await world.customers("ann")
    before = await world.everything()
    confirm, preferences = await visitor.token("ann", "confirm"), await visitor.token("ann")
    await visitor.http.post(f"/p/{confirm}", data={"do": "nothing"})
    await visitor.http.post(f"/c/{preferences}")
    assert await world.everything() == before


async def test_nothing_any_more(visitor: Visitor, world: World) -> None:
    await queued(world, "ann")
    token = await visitor.token("ann")
    await send(visitor, token, (await look(visitor, token)).form(yes=EVERYTHING))
    page = await send(visitor, token, {"do": "nothing"})
    assert set((await visitor.consents("ann")).values()) == {"denied"}
    assert page.form()["yes"] == []
    assert await states(world, "ann") == {"hello": "cancelled", "news": "cancelled"}


async def test_data_is_asked_for_once_a_day(visitor: Visitor, world: World) -> None:
    await world.customers("ann", consents={"email": "granted"})
    token = await visitor.token("ann")
    for _ in range(3):
        page = await send(visitor, token, {"do": "export"})
    assert notes(page) == ["Club & Co has your request for your data and will answer it."]
    assert (await visitor.events("ann")).count("privacy.export_requested") == 1
    world.now += timedelta(days=1)
    await send(visitor, token, {"do": "export"})
    assert (await visitor.events("ann")).count("privacy.export_requested") == 2
    assert (await visitor.consents("ann")) == {("email", ""): "granted"}


async def test_whoever_wants_to_be_erased_hears_nothing_more(visitor: Visitor, world: World) -> None:
    await queued(world, "ann", "bob")
    await send(visitor, await visitor.token("ann"), {"do": "erase"})
    assert "privacy.erasure_requested" in await visitor.events("ann")
    assert set((await visitor.consents("ann")).values()) == {"denied"}
    assert await states(world, "ann") == {"hello": "cancelled", "news": "cancelled"}
    assert await states(world, "bob") == {"hello": "queued", "news": "queued"}
    asked = await world.rows(select(events).where(events.c.name.like("privacy.%")))
    assert [(row.routed_at, row.properties) for row in asked] == [(None, {})]  # journeys can begin with it


async def test_birthday_and_language_are_corrected_and_all_else_stays(visitor: Visitor, world: World) -> None:
    await world.customers("ann", consents={"email": "denied", "sms": "denied"}, birthday="1980-02-29", tier=3)
    token = await visitor.token("ann")
    form = (await look(visitor, token)).form(birthday="1981-03-01", language="sv")
    page = await send(visitor, token, form)
    row = await visitor.customer("ann")
    assert (row.attributes, row.locale) == ({"birthday": "1981-03-01", "tier": 3}, "sv")
    assert row.updated_at == world.now
    assert page.one("html").attributes["lang"] == "sv"
    assert notes(page) == ["Dina val är sparade."]
    await send(visitor, token, page.form(birthday=""))
    assert (await visitor.customer("ann")).attributes == {"tier": 3}


@pytest.mark.parametrize(
    "day", ["2031-05-07", "2999-01-01", "1899-12-31", "29 February", "1981-02-29", "<b>"]
)
async def test_a_birthday_that_cannot_be_is_told(visitor: Visitor, world: World, day: str) -> None:
    await world.customers("ann", consents={"email": "denied", "sms": "denied"}, birthday="1980-02-29")
    token = await visitor.token("ann")
    page = await send(visitor, token, (await look(visitor, token)).form(birthday=day))
    assert notes(page)[-1] == "The birthday was not saved, because it is not a day in the past."
    [field] = [one for one in page.all("input") if one.attributes["type"] == "date"]
    assert field.attributes["aria-invalid"] == "true"
    assert (await visitor.customer("ann")).attributes["birthday"] == "1980-02-29"


async def test_a_birthday_that_the_page_cannot_show_stays(visitor: Visitor, world: World) -> None:
    await world.customers(
        "ann", consents={"email": "denied", "sms": "denied"}, birthday="--02-29", locale="pl"
    )
    token = await visitor.token("ann")
    form = (await look(visitor, token)).form()
    assert (form["birthday"], form["language"]) == ("", "pl")
    await send(visitor, token, form)
    row = await visitor.customer("ann")
    assert (row.attributes["birthday"], row.locale) == ("--02-29", "pl")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"do": "everything"},
        {"shown": EVERYTHING, "yes": []},
        {"do": "save"},  # no box was shown, so none was emptied
        {
            "do": "save",
            "shown": ["email/secret", "fax/", "webhook/", "email"],
            "yes": ["email/secret", "fax/"],
        },
        {"do": "save", "language": "xx", "timezone": "UTC", "email": "eve@example.com", "key": "eve"},
    ],
    ids=str,
)
async def test_forms_that_the_page_never_made_change_nothing(
    visitor: Visitor, world: World, form: dict[str, Any]
) -> None:
    await world.customers("ann", consents={"email": "granted"})
    before = await world.everything()
    await send(visitor, await visitor.token("ann"), form)
    assert await world.everything() == before


async def test_the_form_speaks_for_nobody_else(visitor: Visitor, world: World) -> None:
    await world.customers("ann", "bob", consents={"email": "granted", "sms": "granted"})
    bob, number = await visitor.token("bob"), await visitor.number("bob")
    names = ("customer", "customer_id", "id", "key", "number", "person", "token", "t", "message")
    form = {"do": "nothing"} | {name: value for name in names for value in (number, "bob", bob)}
    before = await visitor.customer("bob")
    await send(visitor, await visitor.token("ann"), form)
    assert (await visitor.consents("bob")) == {("email", ""): "granted", ("sms", ""): "granted"}
    assert await visitor.customer("bob") == before
    assert set((await visitor.consents("ann")).values()) == {"denied"}


async def test_files_and_too_many_fields_are_refused(visitor: Visitor, world: World) -> None:
    await world.customers("ann", consents={"email": "granted"})
    token = await visitor.token("ann")
    before = await world.everything()
    a_file = await visitor.http.post(f"/p/{token}", data={"do": "nothing"}, files={"do": b"nothing"})
    many = {f"f{number}": "1" for number in range(501)}
    fields = await visitor.http.post(f"/p/{token}", data=many | {"do": "nothing"})
    parts = {f"f{number}": (None, b"1") for number in range(501)}
    in_parts = await visitor.http.post(f"/p/{token}", files=parts)
    assert [one.status_code for one in (a_file, fields, in_parts)] == [400, 400, 400]
    assert await world.everything() == before


FORMS: dict[str, dict[str, Any]] = {
    "looked at": {},
    "saved": {"do": "save", "shown": EVERYTHING, "yes": [], "language": "en", "birthday": "1980-02-29"},
    "nothing": {"do": "nothing"},
    "export": {"do": "export"},
    "erase": {"do": "erase"},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_a_forged_link_looks_and_costs_as_a_used_one(
    visitor: Visitor, world: World, form: dict[str, Any]
) -> None:
    ann = CustomerRow("ann", attributes={"birthday": form.get("birthday")})
    await record_customers(world.store, [ann], world.now, "test")
    used = await visitor.token("ann")
    await visitor.http.post(f"/p/{used}", data={"do": "erase"})
    await visitor.http.post(f"/p/{used}", data={"do": "export"})
    with statements(world) as of_used:
        one = await visitor.http.post(f"/p/{used}", data=form)
    before = await world.everything()
    with statements(world) as of_forged:
        other = await visitor.http.post(f"/p/{FORGED}", data=form)
    assert without_token(one.text, used) == without_token(other.text, FORGED)
    assert len(of_used) == len(of_forged)
    assert await world.everything() == before


async def test_a_forged_link_takes_a_consent_as_a_real_one_does(visitor: Visitor, world: World) -> None:
    await record_customers(world.store, [CustomerRow("ann")], world.now, "test")
    token = await visitor.token("ann")
    form = {
        "do": "save",
        "shown": EVERYTHING,
        "yes": ["email/", "sms/", "sms/news"],
        "birthday": "1980-02-29",
    }
    one = await visitor.http.post(f"/p/{token}", data=form | {"language": "fi"})
    other = await visitor.http.post(f"/p/{FORGED}", data=form | {"language": "fi"})
    assert without_token(one.text, token) == without_token(other.text, FORGED)
    assert len(await world.rows(select(customers))) == 1


async def test_a_forged_confirmation_looks_and_costs_as_a_used_one(visitor: Visitor, world: World) -> None:
    await record_customers(world.store, [CustomerRow("ann")], world.now, "test")
    used = await visitor.token("ann", "confirm", 0, "sms")
    await visitor.http.post(f"/c/{used}")
    with statements(world) as of_used:
        one = await visitor.http.post(f"/c/{used}")
    with statements(world) as of_forged:
        other = await visitor.http.post(f"/c/{FORGED}")
    assert one.text == other.text
    assert len(of_used) == len(of_forged)


async def test_without_topics_and_brand_the_page_has_one_box_a_channel(
    visitor: Visitor, world: World
) -> None:
    plain = POLICY.split("topics:")[0] + 'senders: {email: {from: "Shop <shop@example.com>"}}'
    await world.apply(policy=plain)
    await world.customers("ann", consents={})
    page = await look(visitor, await visitor.token("ann"))
    assert page.form()["shown"] == ["email/"]
    assert "Shop" in page.one("title").text
    assert page.all("footer") == []


async def test_nothing_any_more_is_for_the_address_and_boxes_for_the_customer(
    visitor: Visitor, world: World
) -> None:
    granted = {"email": "granted"}
    for key in ("ann", "bob"):
        await world.customers(key, email="us@example.com", phone=None, consents=granted)
    await send(visitor, await visitor.token("ann"), {"do": "save", "shown": ["email/"]})
    assert await visitor.consents("ann") == {("email", ""): "denied"}
    assert await visitor.consents("bob") == {("email", ""): "granted"}
    await send(visitor, await visitor.token("ann"), {"do": "nothing"})
    assert await visitor.consents("bob") == {("email", ""): "denied"}


async def test_a_tick_for_sms_takes_the_stop_of_the_number_back(visitor: Visitor, world: World) -> None:
    numbers = {"ann": "+46701740601", "bob": "+46701740602"}
    for key, number in numbers.items():
        await world.customers(key, phone=number, consents={})
        async with world.store.writing() as connection:
            await suppress(connection, "sms", [number], "stopped" if key == "ann" else "manual", world.now)
    for key in numbers:
        await send(visitor, await visitor.token(key), {"do": "save", "shown": ["sms/"], "yes": ["sms/"]})
        assert await visitor.consents(key) == {("sms", ""): "pending"}
    async with world.store.reading() as connection:
        left = [await is_suppressed(connection, "sms", number) for number in numbers.values()]
    assert left == [None, "manual"]


async def test_those_who_share_an_address_may_press_at_once(visitor: Visitor, world: World) -> None:
    for key in ("ann", "bob"):
        await world.customers(key, email="us@example.com", phone="+46701740601")
    tokens = [await visitor.token(key) for key in ("ann", "bob")] * 10
    forms = [visitor.http.post(f"/p/{token}", data={"do": "nothing"}) for token in tokens]
    assert {answer.status_code for answer in await asyncio.gather(*forms)} == {200}
    for key in ("ann", "bob"):
        assert set((await visitor.consents(key)).values()) == {"denied"}
