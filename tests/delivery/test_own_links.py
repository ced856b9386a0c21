"""Links to a customer's own pages, in templates and as the button of a mail program."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, deliver
from journeyflow.errors import ConfigurationError
from journeyflow.messages.links import Link, Links
from journeyflow.workflows.contracts import DeliveryRequest
from tests.engine.programmes import World
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
PLAIN = {"hello/email.html": "---\nsubject: Hello\n---\n<p>Hello</p>\n"}


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
    await world.apply(journey, policy=POLICY, templates=templates)
    await world.customers("abe", "ann")  # so that the numbers of customer and message differ
    await world.enter("ann")
    courier = Courier(world.store, {channel: Outbox(folder)}, world.programme, links=links)
    attempt = Attempt(1, lambda: world.now, lambda: False)
    await deliver(courier, DeliveryRequest(1, 0, channel), attempt)
    return written(folder)


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
