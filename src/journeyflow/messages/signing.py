"""Texts that only we can have written: signed, fit for a URL, and each for one purpose alone."""

import base64
import binascii
import hmac
import re
from collections.abc import Sequence

_SIGNATURE = 16  # bytes at the head of a token: 128 bits of HMAC-SHA256
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE = len(_ALPHABET)
_CHECK = 7  # characters at the end of a code: 41 bits
_CODE = re.compile(rf"[1-9A-Za-z][0-9A-Za-z]{{0,10}}[0-9A-Za-z]{{{_CHECK}}}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")


class Signer:
    """The first secret signs, every one verifies. The keys are derived once: signing takes about 3 us.

    What is signed for one purpose is nothing for any other, whatever it says.
    """

    def __init__(self, purpose: str, secrets: Sequence[str]) -> None:
        salt = f"journeyflow.{purpose}".encode()
        self._keys = [hmac.digest(secret.encode(), salt, "sha256") for secret in secrets]

    def sign(self, content: str) -> str:
        """A token that has the content inside, readable for everybody."""
        data = content.encode()
        return _encoded(_signature(self._keys[0], data) + data)

    def read(self, token: str) -> str | None:
        """The content; None for whatever was not signed here, to the last bit. Never raises."""
        raw = _decoded(token)
        if raw is None or len(raw) < _SIGNATURE:
            return None
        signature, data = raw[:_SIGNATURE], raw[_SIGNATURE:]
        is_ours = [hmac.compare_digest(signature, _signature(key, data)) for key in self._keys]
        return data.decode() if any(is_ours) else None

    def code(self, number: int) -> str:
        """A short name for a number of the store's, from 1, whose neighbours cannot be guessed."""
        return _in_letters(number) + _check(self._keys[0], number)

    def number(self, code: str) -> int | None:
        """None for whatever is not such a name. Never raises."""
        if not _CODE.fullmatch(code):
            return None
        number = 0
        for letter in code[:-_CHECK]:
            number = number * _BASE + _ALPHABET.index(letter)
        is_ours = [hmac.compare_digest(code[-_CHECK:], _check(key, number)) for key in self._keys]
        return number if any(is_ours) and number < 2**63 else None


def _signature(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")[:_SIGNATURE]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(token: str) -> bytes | None:
    """Base64 leaves bits over at the end: of the texts that stand for the same bytes only one is good."""
    if not _TOKEN.fullmatch(token):
        return None
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error:
        return None
    return raw if _encoded(raw) == token else None


def _check(key: bytes, number: int) -> str:
    value = int.from_bytes(hmac.digest(key, b"%d" % number, "sha256")[:8])
    return _in_letters(value % _BASE**_CHECK).rjust(_CHECK, _ALPHABET[0])


def _in_letters(number: int) -> str:
    letters = ""
    while number:
        number, left = divmod(number, _BASE)
        letters = _ALPHABET[left] + letters
    return letters
