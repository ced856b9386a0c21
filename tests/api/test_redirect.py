"""Links and images that count: where they lead, what is stored, what becomes of those that are not ours."""

import asyncio
import logging
import socket
from contextlib import closing
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from sqlalchemy import Row, select, text

from journeyflow.api.app import create_app
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, deliver
from journeyflow.delivery.reports import handle
from journeyflow.messages.links import Links
from journeyflow.store.customers import events
from journeyflow.store.database import Store
from journeyflow.store.reports import reports
from journeyflow.store.short_links import short_links
from journeyflow.workflows.contracts import DeliveryRequest
from tests.api.visiting import LINKS, POLICY, Page, Visitor, visiting
from tests.engine.programmes import World

BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
TARGET = "https://shop.example/a?b=1&c=%20#d"
JOURNEY = """
    journey: letters
    category: transactional
    enter: {event: began}
    steps: [{send: {CHANNEL: hello}}]
"""
LETTER = """\
---
subject: Hello
---
<p>Hello <a href="https://shop.example/a?b=1&amp;c=%20#d">one</a>
<a href="https://shop.example/?n={{ customer.first_name }}&m={{ customer.first_name | urlencode }}">two</a>
<a href="https://räksmörgås.example/ö?q=ä#å">three</a>
<a href="{{ customer.site }}">four</a>
<a href="{{ preferences_url }}">five</a></p>
"""
NAME = 'Åsa & "Co"\'s <b> %41+1'
SITE = "http://other.example:8080/?x=1&y=2#/z"


async def sent(world: World, folder: Path, links: Links, channel: str = "email", **more: str) -> str:
    """The letter that Ann gets."""
    template = {"email": {"hello/email.html": LETTER}, "sms": {"hello/sms.txt": more.get("text", "")}}[
        channel
    ]
    rules = POLICY + more.get("rules", "")
    await world.apply(JOURNEY.replace("CHANNEL", channel), policy=rules, templates=template)
    await world.customers("abe", "ann", first_name=NAME, site=SITE)
    await world.enter("ann")
    await hand_over(world, folder, links, channel)
    return written(folder, channel)


def written(folder: Path, channel: str) -> str:
    [path] = folder.glob("*")
    return path.read_text() if channel == "sms" else html_of(path)


async def hand_over(world: World, folder: Path, links: Links, channel: str) -> None:
    courier = Courier(world.store, {channel: Outbox(folder)}, world.programme, links=links)
    await deliver(courier, DeliveryRequest(1, 0, channel), Attempt(1, lambda: world.now, lambda: False))


def html_of(path: Path) -> str:
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    body = mail.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def hrefs(html: str) -> list[str]:
    return [one.attributes["href"] for one in Page(html.replace(" />", ">")).all("a")]


def path_of(url: str) -> str:
    assert url.startswith(f"{LINKS.public_url}/")
    return url.removeprefix(LINKS.public_url)


async def stored(world: World) -> list[Row[Any]]:
    return await world.rows(select(reports).order_by(reports.c.id))


async def test_over_http_each_link_leads_exactly_where_it_led(sqlite_store: Store, tmp_path: Path) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    with closing(socket.create_server(("127.0.0.1", 0))) as at:
        links = Links(f"http://127.0.0.1:{at.getsockname()[1]}", ["the secret of redirects, in tests"])
        [*urls, theirs, own] = hrefs(await sent(world, tmp_path / "outbox", links))
        config = uvicorn.Config(
            create_app(sqlite_store, links, lambda: world.now), log_config=None, lifespan="off"
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[at]))
        async with httpx2.AsyncClient(headers=BROWSER) as http:
            answers = [await http.get(url) for url in urls]
            assert (await http.get(own)).status_code == 200
        server.should_exit = True
        await task
    [message] = await world.messages("ann")
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [
        (302, TARGET),
        (302, "https://shop.example/?n=%C3%85sa%20&%20\"Co\"'s%20<b>%20%41+1&m=%C3%85sa%20%26%20%22Co%22%27s%20%3Cb%3E%20%2541%2B1"),
        (302, "https://xn--rksmrgs-5wao1o.example/%C3%B6?q=%C3%A4#%C3%A5"),
    ]  # fmt: skip
    assert theirs == SITE, "the customer's own value, so no link of ours leads there"
    assert [(row.kind, row.message_id, row.detail["link"]) for row in await stored(world)] == [
        ("clicked", message.id, number) for number in range(3)
    ]


async def test_a_click_is_stored_and_nothing_of_the_reader(visitor: Visitor, world: World) -> None:
    path = path_of(LINKS.click_url(12, 3, TARGET))
    answer = await visitor.http.get(path, headers={**BROWSER, "cookie": "a=b"})
    assert (answer.status_code, answer.headers["location"], answer.content) == (302, TARGET, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers
    [row] = await stored(world)
    assert (row.kind, row.message_id, row.at, row.received_at) == ("clicked", 12, world.now, world.now)
    assert (row.key, row.provider_id) == (f"link/12/3/{int(world.now.timestamp())}", None)
    assert row.detail == {"link": 3, "agent": "human"}


async def test_journeys_hear_of_a_click(world: World, tmp_path: Path) -> None:
    url = hrefs(await sent(world, tmp_path / "outbox", LINKS))[2]
    world.now += timedelta(minutes=5)
    async with visiting(world) as visitor:
        await visitor.http.get(path_of(url), headers=BROWSER)
        world.now += timedelta(minutes=5)
        await handle(world.store, world.programme, world.now)
        assert await visitor.events("ann") == ["began", "email.clicked"]
    [message] = await world.messages("ann")
    [event] = await world.rows(select(events.c.properties).where(events.c.name == "email.clicked"))
    assert message.state == "clicked"
    assert event.properties.items() >= {"message": message.id, "link": 2, "machine": False}.items()


async def test_an_opening_is_stored(visitor: Visitor, world: World) -> None:
    answer = await visitor.http.get(path_of(LINKS.open_url(12)), headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content[:6] == b"GIF89a"
    assert (
        int.from_bytes(answer.content[6:8], "little") == int.from_bytes(answer.content[8:10], "little") == 1
    )
    [row] = await stored(world)
    assert (row.kind, row.message_id, row.detail) == ("opened", 12, {"agent": "human"})


@pytest.mark.parametrize("url", [LINKS.click_url(12, 3, TARGET), LINKS.open_url(12)], ids=["click", "open"])
@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"user-agent": ""}, "agent"),
        ({"user-agent": "curl/8.0"}, "agent"),
        ({**BROWSER, "sec-purpose": "prefetch;prerender"}, "prefetch"),
        ({**BROWSER, "purpose": "prefetch"}, "prefetch"),
    ],
)
async def test_programs_are_told_from_people(
    visitor: Visitor, world: World, url: str, headers: dict[str, str], why: str
) -> None:
    await visitor.http.get(path_of(url), headers=headers)
    [row] = await stored(world)
    assert row.detail.items() >= {"agent": "machine", "why": why}.items()


async def test_head_leads_on_and_stores_nothing(visitor: Visitor, world: World) -> None:
    answer = await visitor.http.head(path_of(LINKS.click_url(12, 3, TARGET)), headers=BROWSER)
    image = await visitor.http.head(path_of(LINKS.open_url(12)), headers=BROWSER)
    assert (answer.status_code, answer.headers["location"], image.status_code) == (302, TARGET, 200)
    assert await stored(world) == []


async def test_two_presses_within_a_second_are_one(visitor: Visitor, world: World) -> None:
    paths = [path_of(LINKS.click_url(12, number, TARGET)) for number in (3, 3, 4)]
    for path in paths:
        await visitor.http.get(path, headers=BROWSER)
    assert [row.detail["link"] for row in await stored(world)] == [3, 4]


FOREIGN = Links(LINKS.public_url, ["f" * 32])
FORGED = {
    "another secret": FOREIGN.click_url(12, 3, TARGET),
    "an opening": LINKS.open_url(12).replace("/o/", "/l/").removesuffix(".gif"),
    "an own page": LINKS.preferences_url(7).replace("/p/", "/l/"),
    "a click as an own page's": LINKS.click_url(12, 3, TARGET).replace("/l/", "/s/"),
    "cut": LINKS.click_url(12, 3, TARGET)[:-1],
    "longer": LINKS.click_url(12, 3, TARGET) + "A",
    "no web": LINKS.click_url(12, 3, "javascript:alert(1)"),
    "nothing": f"{LINKS.public_url}/l/",
    "an address": f"{LINKS.public_url}/l/https://evil.example",
    "a parameter": f"{LINKS.public_url}/l/?url=https://evil.example",
    "a foreign image": FOREIGN.open_url(12),
    "an image of another kind": LINKS.open_url(12).replace(".gif", ".png"),
    "a click as an image": LINKS.click_url(12, 3, TARGET).replace("/l/", "/o/") + ".gif",
    "a foreign code": FOREIGN.short_url(1),
    "a code of none": LINKS.short_url(99),
}


async def test_what_is_not_ours_leads_nowhere(visitor: Visitor, world: World) -> None:
    for how, url in FORGED.items():
        answer = await visitor.http.get(path_of(url), headers=BROWSER)
        assert (answer.status_code, "location" in answer.headers) == (404, False), how
        assert "This link leads nowhere" in answer.text
        Page(answer.text)
    assert await stored(world) == []


async def test_every_flipped_bit_of_a_link_leads_nowhere(visitor: Visitor, world: World) -> None:
    path = path_of(LINKS.click_url(12, 3, "https://a.example"))
    for at in range(len("/l/"), len(path)):
        bad = path[:at] + chr(ord(path[at]) ^ 1) + path[at + 1 :]
        answer = await visitor.http.get(bad, headers=BROWSER)
        assert (answer.status_code, "location" in answer.headers) == (404, False), at
    assert await stored(world) == []


async def test_the_page_that_says_so_is_in_the_readers_language(visitor: Visitor) -> None:
    answer = await visitor.http.get("/l/x", headers={"accept-language": "sv"})
    assert "Länken leder ingenstans" in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_a_store_that_cannot_be_written_holds_nobody_up(
    visitor: Visitor, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.store.writing() as connection:
        await connection.execute(text("ALTER TABLE reports RENAME TO gone"))
    with caplog.at_level(logging.WARNING):
        answer = await visitor.http.get(path_of(LINKS.click_url(12, 3, TARGET)), headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (302, TARGET)
    assert "that a message was clicked could not be stored" in caplog.text
    assert "shop.example" not in caplog.text


@pytest.mark.parametrize(("rule", "kinds"), [("clicks", ["opened"]), ("opens", ["clicked"])])
async def test_what_is_no_longer_counted_is_not_stored(
    visitor: Visitor, world: World, rule: str, kinds: list[str]
) -> None:
    await world.apply(policy=f"{POLICY}    tracking: {{{rule}: false}}\n")
    answer = await visitor.http.get(path_of(LINKS.click_url(12, 3, TARGET)), headers=BROWSER)
    image = await visitor.http.get(path_of(LINKS.open_url(12)), headers=BROWSER)
    assert (answer.status_code, image.status_code) == (302, 200)
    assert [row.kind for row in await stored(world)] == kinds


SHORT = "Hi. https://shop.example/{{ customer.first_name | urlencode }}?a=1, or https://b.example."
RULES = "    sms: {short_links: true}\n"


async def test_short_links_lead_to_their_targets(world: World, tmp_path: Path) -> None:
    rules = f'{RULES}    tracking: {{utm: {{source: "{{journey}}"}}}}\n'
    text = await sent(world, tmp_path / "outbox", LINKS, "sms", text=SHORT, rules=rules)
    rows = await world.rows(select(short_links).order_by(short_links.c.id))
    [message] = await world.messages("ann")
    assert [(row.message_id, row.number) for row in rows] == [(message.id, 0), (message.id, 1)]
    first, second = (LINKS.short_url(row.id) for row in rows)
    assert f"Hi. {first}, or {second}." in text
    assert len(first) < len(f"{LINKS.public_url}/s/") + 12
    async with visiting(world) as visitor:
        answers = [await visitor.http.get(path_of(url), headers=BROWSER) for url in (first, second)]
        await visitor.http.head(path_of(first), headers=BROWSER)
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [
        (
            302,
            "https://shop.example/%C3%85sa%20%26%20%22Co%22%27s%20%3Cb%3E%20%2541%2B1?a=1&utm_source=letters",
        ),
        (302, "https://b.example?utm_source=letters"),
    ]
    assert [(row.kind, row.message_id, row.detail) for row in await stored(world)] == [
        ("clicked", message.id, {"link": 0, "agent": "human"}),
        ("clicked", message.id, {"link": 1, "agent": "human"}),
    ]


async def test_short_links_of_a_loop_lead_each_to_its_own_page(world: World, tmp_path: Path) -> None:
    """Whichever turn of the loop it is of, a click is one of the link's place in the template."""
    text = "https://a.example {% for i in range(4) %}https://b.example/{{ i }} {% endfor %}"
    urls = (await sent(world, tmp_path / "outbox", LINKS, "sms", text=text, rules=RULES)).split()
    paths = [path_of(url) for url in urls if url.startswith(LINKS.public_url)]
    async with visiting(world) as visitor:
        answers = [await visitor.http.get(path, headers=BROWSER) for path in paths]
    targets = [answer.headers["location"] for answer in answers]
    assert targets == ["https://a.example", *[f"https://b.example/{turn}" for turn in range(4)]]
    assert [row.detail["link"] for row in await stored(world)] == [0, 1, 1, 1, 1]


async def test_a_flipped_letter_of_a_short_link_leads_nowhere(world: World, tmp_path: Path) -> None:
    await sent(world, tmp_path / "outbox", LINKS, "sms", text=SHORT, rules=RULES)
    path = path_of(LINKS.short_url(1))
    async with visiting(world) as visitor:
        assert (await visitor.http.get(path)).status_code == 302
        for at in range(len("/s/"), len(path)):
            bad = path[:at] + ("a" if path[at] != "a" else "b") + path[at + 1 :]
            assert (await visitor.http.get(bad)).status_code == 404, at
