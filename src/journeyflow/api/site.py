"""What every page is made with: the store, the links, the words and the templates."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.api.person import NOBODY, Person
from journeyflow.api.speech import Speech, Words
from journeyflow.engine.programme import Programme
from journeyflow.messages.links import Link, Links, Purpose
from journeyflow.policy import Brand, Policy
from journeyflow.store.database import Store

_PAGES = Path(__file__).parent / "pages"
STYLE = (_PAGES / "style.css").read_text("utf-8")
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()  # for the security policy


@dataclass(frozen=True, slots=True)
class Site:
    store: Store
    links: Links
    clock: Callable[[], datetime]
    programme: Programme = field(default_factory=Programme)
    speech: Speech = field(default_factory=Speech)
    templates: Environment = field(
        default_factory=lambda: Environment(
            loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )
    )  # fmt: skip

    def read(self, token: str, *purposes: Purpose) -> Link:
        """A token that is not ours for these purposes stands for nobody."""
        link = self.links.read(token)
        return link if link is not None and link.purpose in purposes else Link(purposes[0], NOBODY, 0, "")

    async def policy(self, connection: AsyncConnection) -> Policy:
        return await self.programme.policy(connection)

    def words(self, request: Request, person: Person, policy: Policy) -> Words:
        accepted = request.headers.get("accept-language", "")
        return self.speech.words(person.locale, accepted, policy.defaults.locale)

    def language(self, words: Words, person: Person) -> str:
        """The one that is chosen in a page's list."""
        return self.speech.language(person.locale) if person.locale else words.language

    def brand(self, policy: Policy) -> Brand:
        """Without one in the policy, by the name that letters come from."""
        if policy.brand is not None:
            return policy.brand
        sender = policy.senders.get("email")
        name = parseaddr(sender.from_)[0] if sender else ""
        return Brand(name or urlsplit(self.links.public_url).hostname or "")

    def page(self, name: str, words: Words, policy: Policy, **values: Any) -> HTMLResponse:
        brand = self.brand(policy)

        def say(key: str) -> str:
            return words.say(key, brand.name)

        common = {"say": say, "words": words, "brand": brand, "style": STYLE}
        return HTMLResponse(self.templates.get_template(f"{name}.html").render(common | values))


def origin(request: Request) -> str | None:
    """The address that asked; behind a proxy only if the server was told to believe it."""
    return request.client.host if request.client else None
