"""Customers on their own pages: the real application over HTTP, on a real store."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

import httpx2
from sqlalchemy import Row, select

from journeyflow.api.app import create_app
from journeyflow.messages.links import Links
from journeyflow.store.customers import consent_log, consents, customers, events
from tests.engine.programmes import World

SECRET = "the secret of the pages, in tests only"
LINKS = Links("https://post.example.com", [SECRET])
POLICY = """
    categories:
      marketing: {}
      transactional: {consent: not-required, caps: exempt, quiet_hours: exempt}
    topics:
      news: {title: {en: News, sv: Nyheter}, about: {en: "What is new, once a month"}}
      sales: {title: {en: Sales, sv: Rea}}
    double_opt_in: [sms]
    brand:
      name: "Club & Co"
      url: https://www.example.com
      help: help@example.com
      privacy_url: https://www.example.com/privacy
    senders:
      email: {from: "Club <club@example.com>"}
      sms: {from: "+46701740605"}
    defaults: {timezone: UTC, locale: en}
"""
FORGED = "eyJub25zZW5zZSI6MX0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@dataclass(slots=True)
class Visitor:
    world: World
    http: httpx2.AsyncClient

    async def number(self, key: str) -> int:
        [row] = await self.world.rows(select(customers.c.id).where(customers.c.key == key))
        return int(row.id)

    async def token(
        self, key: str, purpose: str = "preferences", message: int = 0, channel: str = "email"
    ) -> str:
        number = await self.number(key)
        urls = {
            "preferences": LINKS.preferences_url(number, message, channel),
            "unsubscribe": LINKS.unsubscribe_url(number, message, channel),
            "confirm": LINKS.confirm_url(number, channel, message),
            "register": LINKS.registration_url(number, message),
        }
        return urls[purpose].rsplit("/", 1)[1]

    async def consents(self, key: str) -> dict[tuple[str, str], str]:
        query = select(consents).where(consents.c.customer_id == await self.number(key))
        return {(row.channel, row.topic): row.state for row in await self.world.rows(query)}

    async def log(self, key: str) -> list[Row[Any]]:
        query = select(consent_log).where(consent_log.c.customer_id == await self.number(key))
        return await self.world.rows(query.order_by(consent_log.c.id))

    async def events(self, key: str) -> list[str]:
        query = select(events.c.name).where(events.c.customer_id == await self.number(key))
        return [row.name for row in await self.world.rows(query.order_by(events.c.id))]

    async def customer(self, key: str) -> Row[Any]:
        [row] = await self.world.rows(select(customers).where(customers.c.key == key))
        return row


@asynccontextmanager
async def visiting(world: World, **options: Any) -> AsyncIterator[Visitor]:
    def clock() -> datetime:
        return world.now

    transport = httpx2.ASGITransport(create_app(world.store, LINKS, clock), client=("192.0.2.7", 4711))
    async with httpx2.AsyncClient(
        transport=transport, base_url="https://post.example.com", **options
    ) as http:
        yield Visitor(world, http)


@dataclass(slots=True)
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""


class Page(HTMLParser):
    """The elements of a page in their order, each with the text that stands inside it."""

    _VOID = ("meta", "input", "br", "link", "img")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def all(self, tag: str) -> list[Element]:
        return [one for one in self.elements if one.tag == tag]

    def one(self, tag: str) -> Element:
        [found] = self.all(tag)
        return found

    def form(self, **changes: str | list[str]) -> dict[str, Any]:
        """What a browser would send that shows the page, for the form with the choices."""
        inputs = [one.attributes for one in self.all("input")]
        [birthday] = [one["value"] for one in inputs if one["type"] == "date"]
        [language] = [one.attributes["value"] for one in self.all("option") if "selected" in one.attributes]
        sent: dict[str, Any] = {
            "shown": [one["value"] for one in inputs if one["type"] == "hidden"],
            "yes": [one["value"] for one in inputs if one["type"] == "checkbox" and "checked" in one],
            "language": language,
            "birthday": birthday,
            "do": "save",
        }
        return sent | changes

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in self._VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data


def without_token(html: str, token: str) -> str:
    return re.sub(re.escape(token), "TOKEN", html)
