"""Links in messages: to a customer's own pages, as the button of a mail program, through us to elsewhere."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, update

from journeyflow.conditions import EventMatch
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.claim import Claim
from journeyflow.delivery.composing import Materials, Writer
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, deliver
from journeyflow.errors import ConfigurationError
from journeyflow.messages.links import Link, Links
from journeyflow.messages.render import Renderer
from journeyflow.messages.templates import Template
from journeyflow.plan import End, EnterByEvent, Plan, Send
from journeyflow.policy import Policy, Sender, Tracking
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.short_links import short_links
from journeyflow.workflows.contracts import DeliveryRequest
from tests.engine.programmes import NOON, World
from tests.journeys.writing import POLICY

LINKS = Links("https://post.example.com", ["the secret of deliveries, in tests"])
LETTER = """
    journey: letters
    category: {category}
    enter: {{event: began}}
    steps:
      - send: {{{channel}: hello}}
"""
TEMPLATES = {
    "email": {
        "hello/email.html": "---\nsubject: Hello\n---\n"
        '<p><a href="{{ unsubscribe_url }}">Out</a> <a href="{{ preferences_url }}">Choose</a> '
        '<a href="{{ confirm_url }}">Yes</a> <a href="{{ registration_url }}">I am</a></p>\n'
    },
    "sms": {"hello/sms.txt": "Choose: {{ preferences_url }}\n"},
}
SEND = Send("steps/0", 1, "email", "hello")
PLAIN = {"hello/email.html": "---\nsubject: Hello\n---\n<p>Hello</p>\n"}


@pytest.fixture
def sqlite_world(sqlite_store: Store, tmp_path: Path) -> World:
    return World(sqlite_store, tmp_path / "programme")


async def send(
    world: World,
    folder: Path,
    links: Links | None,
    category: str = "marketing",
    channel: str = "email",
    **more: object,
) -> list[Path]:
    templates = more.get("templates", TEMPLATES[channel])
    assert isinstance(templates, dict)
    journey = LETTER.format(category=category, channel=channel)
    await world.apply(journey, policy=str(more.get("policy", POLICY)), templates=templates)
    # Two, so that the numbers of customer and message differ.
    await world.customers("abe", "ann", site="https://a.example")
    await world.enter("ann")
    await hand_over(world, folder, links, channel)
    return written(folder)


async def hand_over(world: World, folder: Path, links: Links | None, channel: str) -> None:
    courier = Courier(world.store, {channel: Outbox(folder)}, world.programme, links=links)
    attempt = Attempt(1, lambda: world.now, lambda: False)
    await deliver(courier, DeliveryRequest(1, 0, channel), attempt)


def written(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


def parsed(path: Path) -> EmailMessage:
    found = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def token(url: str) -> Link | None:
    return LINKS.read(url.rsplit("/", 1)[1])


async def test_marketing_has_a_button_in_the_mail_program(world: World, tmp_path: Path) -> None:
    [path] = await send(world, tmp_path / "outbox", LINKS)
    mail = parsed(path)
    url = str(mail["List-Unsubscribe"])
    assert url.startswith("<https://post.example.com/u/")
    assert url.endswith(">")
    [message] = await world.messages("ann")
    assert token(url[1:-1]) == Link("unsubscribe", message.customer_id, message.id, "email")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert len([line for line in mail if line.startswith("List-")]) == 2


async def test_what_needs_no_consent_has_none(world: World, tmp_path: Path) -> None:
    [path] = await send(world, tmp_path / "outbox", LINKS, "transactional")
    assert "List-Unsubscribe" not in parsed(path)
    assert "https://post.example.com/p/" in parsed(path).get_body(("plain",)).get_content()  # type: ignore[union-attr]


async def test_each_link_is_for_this_customer_and_message(world: World, tmp_path: Path) -> None:
    [path] = await send(world, tmp_path / "outbox", LINKS)
    html = parsed(path).get_body(("html",)).get_content()  # type: ignore[union-attr]
    [message] = await world.messages("ann")
    found = [token(part.partition('"')[0]) for part in html.split('href="')[1:]]
    numbers = (message.customer_id, message.id, "email")
    assert found == [
        *(Link(purpose, *numbers) for purpose in ("unsubscribe", "preferences", "confirm")),
        Link("register", *numbers[:2], ""),
    ]


async def test_an_sms_can_lead_to_the_page(world: World, tmp_path: Path) -> None:
    [path] = await send(world, tmp_path / "outbox", LINKS, channel="sms")
    [message] = await world.messages("ann")
    url = path.read_text().split("Choose: ")[1].strip()
    assert token(url) == Link("preferences", message.customer_id, message.id, "sms")
    assert "List-Unsubscribe" not in path.read_text()


@pytest.mark.parametrize("category", ["marketing", "transactional"])
async def test_without_a_secret_no_dead_link_is_sent(world: World, tmp_path: Path, category: str) -> None:
    with pytest.raises(ConfigurationError, match=r'"hello" uses "confirm_url".*JOURNEYFLOW_LINK_SECRETS'):
        await send(world, tmp_path / "outbox", None, category)
    [(_, state, _)] = await world.ledger("ann")
    assert state == "queued"
    assert written(tmp_path / "outbox") == []


async def test_without_a_secret_a_letter_without_links_is_sent(world: World, tmp_path: Path) -> None:
    [path] = await send(world, tmp_path / "outbox", None, templates=PLAIN)
    assert "List-Unsubscribe" not in parsed(path)


OUT = '---\nsubject: Hello\n{front}---\n<p>Hello <a href="https://shop.example/?a=1">there</a></p>\n'
PIXEL = '<img src="https://post.example.com/o/'
COUNTED = '<a href="https://post.example.com/l/'
AS_WRITTEN = '<a href="https://shop.example/?a=1"'
WITH_UTM = '<a href="https://shop.example/?a=1&amp;utm_source=letters"'
UTM = 'utm: {source: "{journey}"}'


def rules(tracking: str) -> str:
    return f"{POLICY}    tracking: {{{tracking}}}\n"


@pytest.mark.parametrize(
    ("links", "tracking", "front", "found"),
    [
        (LINKS, "", "", {COUNTED, PIXEL}),
        (LINKS, "clicks: false", "", {AS_WRITTEN, PIXEL}),
        (LINKS, "opens: false", "", {COUNTED}),
        (LINKS, UTM, "", {COUNTED, PIXEL}),
        (LINKS, f"clicks: false, opens: false, {UTM}", "", {WITH_UTM}),
        (LINKS, "", "tracking: off\n", {AS_WRITTEN}),
        (LINKS, UTM, "tracking: off\n", {WITH_UTM}),
        (LINKS, UTM, "tracking: off\nutm: off\n", {AS_WRITTEN}),
        (LINKS, "", "tracking: off\nutm: {source: letters}\n", {WITH_UTM}),
        (None, "", "", {AS_WRITTEN}),
        (None, UTM, "", {WITH_UTM}),
    ],
)
async def test_links_count_as_policy_and_template_say(
    sqlite_world: World, tmp_path: Path, links: Links | None, tracking: str, front: str, found: set[str]
) -> None:
    templates = {"hello/email.html": OUT.format(front=front)}
    policy = rules(tracking) if tracking else POLICY
    [path] = await send(sqlite_world, tmp_path / "outbox", links, templates=templates, policy=policy)
    html = parsed(path).get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert {part for part in (COUNTED, PIXEL, AS_WRITTEN, WITH_UTM) if part in html} == found
    text = parsed(path).get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "https://shop.example/?a=1" in text
    assert "utm_" not in text
    assert "/l/" not in text


@pytest.mark.parametrize(
    ("links", "tracking", "kept", "counts"),
    [
        (LINKS, Tracking(), True, (True, True)),
        (LINKS, Tracking(clicks=False), True, (False, True)),
        (LINKS, Tracking(opens=False), True, (True, False)),
        (LINKS, Tracking(clicks=False, opens=False), False, (True, True)),  # nobody may count
        (None, Tracking(), True, (False, False)),
        (None, Tracking(), False, (True, True)),
    ],
)
def test_a_channel_is_told_whether_the_provider_may_count(
    links: Links | None, tracking: Tracking, kept: bool, counts: tuple[bool, bool]
) -> None:
    template = Template("hello", "email", "", "Hello", "Hello", None, "<p>Hello</p>", tracking=kept)
    plan = Plan("letters", "Letters", "marketing", 50, EnterByEvent(EventMatch("began")), (SEND, End("end")))
    policy = Policy(senders={"email": Sender("club@example.com")}, tracking=tracking)
    claim = Claim(
        message=12, enrollment=1, customer_id=7, category="marketing", step=0, at=NOON, template="hello",
        to="ann@example.com", locale=None, country=None, customer={"id": "ann"}, event={},
    )  # fmt: skip
    writer = Writer(plan, policy, "email", Renderer(), links)
    found = writer.compose(claim, Materials({"hello": {"": template}}), NOON)
    assert (found.counts_clicks, found.counts_opens) == counts


async def test_a_text_that_is_tried_again_has_the_same_short_links(world: World, tmp_path: Path) -> None:
    policy = f"{POLICY}    sms: {{short_links: true}}\n"
    templates = {"hello/sms.txt": "A https://a.example and https://b.example\n"}
    more: dict[str, object] = {"channel": "sms", "policy": policy, "templates": templates}
    [path] = await send(world, tmp_path / "first", LINKS, **more)  # type: ignore[arg-type]
    async with world.store.writing() as connection:
        await connection.execute(update(messages).values(state="queued"))
    await hand_over(world, tmp_path / "second", LINKS, "sms")
    [again] = written(tmp_path / "second")
    assert "/s/" in path.read_text()
    assert path.read_text() == again.read_text()
    assert len(await world.rows(select(short_links))) == 2


@pytest.mark.parametrize(
    ("rule", "links", "text"),
    [
        ("short_links: false", LINKS, "A https://a.example\n"),
        ("short_links: true", None, "A https://a.example\n"),
        ("short_links: true", LINKS, "---\ntracking: off\n---\nA https://a.example\n"),
        ("short_links: true", LINKS, "A {{ customer.site }} b.example\n"),
    ],
)
async def test_where_nothing_is_shortened_nothing_is_asked(
    sqlite_world: World, tmp_path: Path, rule: str, links: Links | None, text: str
) -> None:
    policy = f"{POLICY}    sms: {{{rule}}}\n"
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(sqlite_world.store.engine.sync_engine, "before_cursor_execute", note)
    more: dict[str, object] = {"channel": "sms", "policy": policy, "templates": {"hello/sms.txt": text}}
    [path] = await send(sqlite_world, tmp_path / "outbox", links, **more)  # type: ignore[arg-type]
    assert [statement for statement in asked if "short_links" in statement] == []
    assert "A https://a.example" in path.read_text()
