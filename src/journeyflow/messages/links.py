"""Links to a customer's own pages: signed, without an end, and with nothing personal inside."""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from itsdangerous import BadData, URLSafeSerializer

Purpose = Literal["unsubscribe", "preferences", "confirm", "register"]

SHORTEST_SECRET = 32  # characters
_LONGEST_TOKEN = 300  # characters; ours have about 110
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_CHANNEL = re.compile(r"[a-z]{0,20}")
_SALT = b"journeyflow.links"  # keeps these signatures apart from all others made with the same secret
_LARGEST = 2**63 - 1
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


class Links:
    """Makes links below `public_url` and reads their tokens.

    The first secret signs, every one verifies: a new one is put in front, an old one goes when no letter
    with its links matters any more.
    """

    def __init__(self, public_url: str, secrets: Sequence[str]) -> None:
        if not secrets or min(map(len, secrets)) < SHORTEST_SECRET:
            raise ValueError(f"links need secrets of at least {SHORTEST_SECRET} characters")
        self.public_url = public_url.rstrip("/")
        self._serializer = URLSafeSerializer(
            list(reversed(secrets)),  # itsdangerous signs with the last
            salt=_SALT,
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

    def read(self, token: str) -> Link | None:
        """None for whatever these secrets have not signed, to the last bit. Never raises."""
        if len(token) > _LONGEST_TOKEN or not _TOKEN.fullmatch(token) or not _is_canonical(token):
            return None
        try:
            return _link(self._serializer.loads(token))
        except BadData:
            return None

    def _url(self, link: Link) -> str:
        letter = _PATHS[link.purpose]
        token = self._serializer.dumps([letter, link.customer, link.message, link.channel])
        return f"{self.public_url}/{letter}/{token}"


def _is_canonical(token: str) -> bool:
    """Base64 leaves bits over at the end, so several texts would stand for the same signature."""
    signature = token.rpartition(".")[2]
    try:
        raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    except binascii.Error:
        return False
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == signature


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
