"""Links in messages: to a customer's own pages, and through us to where the template leads.

They are signed, without an end, and hold nothing personal but what a template itself wrote into a target.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from itsdangerous import BadData, URLSafeSerializer

from journeyflow.messages.signing import Signer

Purpose = Literal["unsubscribe", "preferences", "confirm", "register"]

SHORTEST_SECRET = 32  # characters
LONGEST_TARGET = 2_000  # characters: some mail programs cut links off not much later
_LONGEST_TOKEN = 300  # characters, of own pages; ours have about 50
_LONGEST_CLICK = 12_000  # a target may be in letters of four bytes, and base64 makes four characters of three
_OLD_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_CHANNEL = re.compile(r"[a-z]{0,20}")
_OLD_SALT = b"journeyflow.links"
_LARGEST = 2**63 - 1
_HTTP = re.compile(r"https?://[^\s/?#\\]", re.IGNORECASE)
_PATHS: dict[Purpose, str] = {"unsubscribe": "u", "preferences": "p", "confirm": "c", "register": "r"}
_PURPOSES: dict[str, Purpose] = {letter: purpose for purpose, letter in _PATHS.items()}
assert set(_PATHS) == set(get_args(Purpose))


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says. Numbers are the store's own."""

    purpose: Purpose
    customer: int
    message: int  # 0: none
    channel: str  # of the message, or the one to confirm; "": none


@dataclass(frozen=True, slots=True)
class Click:
    """What the token of a link that counts says."""

    message: int
    number: int  # of the link in its template, from 0
    target: str  # http or https


class Links:
    """Makes links below `public_url` and reads their tokens.

    The first secret signs, every one verifies: a new one is put in front, an old one goes when no letter
    with its links matters any more.
    """

    def __init__(self, public_url: str, secrets: Sequence[str]) -> None:
        if not secrets or min(map(len, secrets)) < SHORTEST_SECRET:
            raise ValueError(f"links need secrets of at least {SHORTEST_SECRET} characters")
        self.public_url = public_url.rstrip("/")
        self._own = Signer("own", secrets)
        self._clicks = Signer("click", secrets)
        self._opens = Signer("open", secrets)
        self._short = Signer("short", secrets)
        self._own_places = tuple(f"{self.public_url}/{letter}/" for letter in _PURPOSES)
        self._old = URLSafeSerializer(
            list(reversed(secrets)),  # itsdangerous signs with the last
            salt=_OLD_SALT,
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

    def unsubscribe_url(self, customer: int, message: int, channel: str) -> str:
        return self._url(Link("unsubscribe", customer, message, channel))

    def preferences_url(self, customer: int, message: int = 0, channel: str = "") -> str:
        return self._url(Link("preferences", customer, message, channel))

    def confirm_url(self, customer: int, channel: str, message: int = 0) -> str:
        """Turns what is pending for this customer on this channel into a consent."""
        return self._url(Link("confirm", customer, message, channel))

    def registration_url(self, customer: int, message: int = 0) -> str:
        """Where a customer tells who they are. No other link opens it, as it replaces their address."""
        return self._url(Link("register", customer, message, ""))

    def click_url(self, message: int, number: int, target: str) -> str:
        """Leads to the target, and counts. For a target that `is_web` and no longer than LONGEST_TARGET."""
        return f"{self.public_url}/l/{self._clicks.sign(f'{message} {number} {target}')}"

    def open_url(self, message: int) -> str:
        """Of an image that counts whoever loads it."""
        return f"{self.public_url}/o/{self._opens.sign(str(message))}.gif"

    def short_url(self, id: int) -> str:
        """Leads to the target that the store has for it."""
        return f"{self.public_url}/s/{self._short.code(id)}"

    def is_own(self, target: str) -> bool:
        """Whether it is one of the customers' own pages."""
        return target.startswith(self._own_places)

    def read(self, token: str) -> Link | None:
        """Of a customer's own page. None for whatever these secrets have not signed, to the last bit.

        Nothing that is read here raises. Letters that are out there have links of an older form.
        """
        if len(token) > _LONGEST_TOKEN:
            return None
        if "." in token:
            return self._read_old(token)
        return _own(self._own.read(token))

    def read_click(self, token: str) -> Click | None:
        content = self._clicks.read(token) if len(token) <= _LONGEST_CLICK else None
        message, _, rest = (content or "").partition(" ")
        number, _, target = rest.partition(" ")
        return Click(int(message), int(number), target) if is_web(target) else None

    def read_open(self, token: str) -> int | None:
        """The message's number."""
        content = self._opens.read(token) if len(token) <= _LONGEST_TOKEN else None
        return int(content) if content else None

    def read_short(self, code: str) -> int | None:
        """The store's own number of the link."""
        return self._short.number(code)

    def _url(self, link: Link) -> str:
        letter = _PATHS[link.purpose]
        token = self._own.sign(f"{letter} {link.customer} {link.message} {link.channel}")
        return f"{self.public_url}/{letter}/{token}"

    def _read_old(self, token: str) -> Link | None:
        if not _OLD_TOKEN.fullmatch(token) or not _is_canonical(token):
            return None
        try:
            return _link(self._old.loads(token))
        except BadData:
            return None


def is_web(target: str) -> bool:
    return _HTTP.match(target) is not None


def _is_canonical(token: str) -> bool:
    """Base64 leaves bits over at the end, so several texts would stand for the same signature."""
    signature = token.rpartition(".")[2]
    try:
        raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except binascii.Error:
        return False
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == signature


def _own(content: str | None) -> Link | None:
    match (content or "").split(" "):
        case [letter, customer, message, channel] if customer.isdecimal() and message.isdecimal():
            return _link([letter, int(customer), int(message), channel])
    return None


def _link(content: object) -> Link | None:
    """None for what an older or newer version may have signed and this one does not know."""
    match content:
        case [str(letter), int(customer), int(message), str(channel)] if (
            letter in _PURPOSES
            and 0 < customer <= _LARGEST
            and 0 <= message <= _LARGEST
            and _CHANNEL.fullmatch(channel)
        ):
            return Link(_PURPOSES[letter], customer, message, channel)
    return None
