"""What an e-mail address and a telephone number look like, wherever they come in."""

import re

_EMAIL = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@(?:[^\s@<>()\[\]\\,;:\".]+\.)+[^\s@<>()\[\]\\,;:\".]{2,}")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164
_LONGEST_EMAIL = 254  # RFC 5321


def is_email(text: str) -> bool:
    return len(text) <= _LONGEST_EMAIL and ".." not in text and bool(_EMAIL.fullmatch(text))


def is_phone(text: str) -> bool:
    return bool(_PHONE.fullmatch(text))
