"""Telephone numbers as people and gateways write them, and the one form in which they are kept: E.164."""

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from journeyflow.addresses import is_phone

_WRITTEN = re.compile(r"\+?[0-9 \u00a0()./-]+")


def read_number(text: str, country: str | None) -> str | None:
    """Of a customer; one in national form is of `country` (ISO 3166). None: it is no number.

    With its country code it need only be possible, as plans grow before the tables know; without, it has
    to be one that the country gives out.
    """
    if is_phone(text):
        return text
    if not _WRITTEN.fullmatch(text):
        return None
    if is_international(text):
        return e164(parsed(text))
    number = parsed(text, country) if country else None
    return formatted(number) if number is not None and phonenumbers.is_valid_number(number) else None


def is_international(text: str) -> bool:
    return text.strip().startswith(("+", "00"))


def parsed(text: str, country: str | None = None) -> PhoneNumber | None:
    written = text.strip().replace("(0)", "")
    written = "+" + written[2:] if written.startswith("00") else written
    try:
        return phonenumbers.parse(written, country)
    except NumberParseException:
        return None


def e164(number: PhoneNumber | None) -> str | None:
    """None for what no numbering plan has room for."""
    if number is None or not phonenumbers.is_possible_number(number):
        return None
    return formatted(number)


def formatted(number: PhoneNumber) -> str | None:
    text = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return text if is_phone(text) else None
