"""Who sent a text message: gateways write the number as E.164, without its +, with 00, or as at home."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from journeyflow.addresses import is_phone


def read_sender(text: str, *ours: str) -> str | None:
    """As E.164; None for a short code, a name, and whatever else cannot be called back.

    A national number is read as one of the country of the first of `ours` that has a country.
    """
    if any(character.isalpha() for character in text):  # else the parser would dial "SHOP"
        return None
    if _is_international(text):
        return _e164(_parse(text)) or _literally(text)
    country = next(filter(None, map(_country, ours)), None)
    abroad, at_home = _parse("+" + text.strip()), _parse(text, country) if country else None
    for number in (abroad, at_home):
        if number is not None and phonenumbers.is_valid_number(number):
            return _format(number)
    # Numbering plans grow before the tables know; a short code is too short for any of them.
    return _e164(abroad) if abroad is not None and phonenumbers.is_possible_number(abroad) else None


def _is_international(text: str) -> bool:
    return text.strip().startswith(("+", "00"))


def _literally(text: str) -> str | None:
    digits = "".join(character for character in text.replace("(0)", "") if character in "0123456789")
    number = "+" + digits.removeprefix("00")
    return number if is_phone(number) else None


def _country(number: str) -> str | None:
    parsed = _parse(number if _is_international(number) else "+" + number)
    return phonenumbers.region_code_for_number(parsed) if parsed else None


def _parse(text: str, country: str | None = None) -> PhoneNumber | None:
    written = text.strip().replace("(0)", "")
    written = "+" + written[2:] if written.startswith("00") else written
    try:
        return phonenumbers.parse(written, country)
    except NumberParseException:
        return None


def _e164(number: PhoneNumber | None) -> str | None:
    """None for what no numbering plan has room for: it is taken as it was written, if at all."""
    if number is None or not phonenumbers.is_possible_number(number):
        return None
    return _format(number)


def _format(number: PhoneNumber) -> str | None:
    formatted = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return formatted if is_phone(formatted) else None
