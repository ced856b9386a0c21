"""What an e-mail address and a telephone number look like, wherever they come in."""

import re
import unicodedata

import idna

_EMAIL = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@(?:[^\s@<>()\[\]\\,;:\".]+\.)+[^\s@<>()\[\]\\,;:\".]{2,}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164
_LONGEST_EMAIL = 254  # RFC 5321


def is_email(text: str) -> bool:
    return len(text) <= _LONGEST_EMAIL and ".." not in text and bool(_EMAIL.fullmatch(text))


def is_phone(text: str) -> bool:
    return bool(_PHONE.fullmatch(text))


def one_spelling(email: str) -> str:
    """Of all the spellings of one mailbox: composed characters (NFC), the domain as DNS has it (IDNA 2008).

    Capital letters stay as they are. Raises ValueError when DNS can have no such domain.
    """
    local, at, domain = unicodedata.normalize("NFC", email).rpartition("@")
    return local + at + (domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii"))
