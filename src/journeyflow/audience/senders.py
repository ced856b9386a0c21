"""Who sent a text message: gateways write the number as E.164, without its +, with 00, or as at home."""

import phonenumbers

from journeyflow.addresses import is_phone
from journeyflow.audience.numbers import e164, formatted, is_international, parsed


def read_sender(text: str, *ours: str) -> str | None:
    """As E.164; None for a short code, a name, and whatever else cannot be called back.

    A national number is read as one of the country of the first of `ours` that has a country.
    """
    if any(character.isalpha() for character in text):  # else the parser would dial "SHOP"
        return None
    if is_international(text):
        return e164(parsed(text)) or _literally(text)
    country = next(filter(None, map(_country, ours)), None)
    abroad, at_home = parsed("+" + text.strip()), parsed(text, country) if country else None
    for number in (abroad, at_home):
        if number is not None and phonenumbers.is_valid_number(number):
            return formatted(number)
    # Numbering plans grow before the tables know; a short code is too short for any of them.
    return e164(abroad) if abroad is not None and phonenumbers.is_possible_number(abroad) else None


def _literally(text: str) -> str | None:
    """As it was written, where no numbering plan has room for it yet."""
    digits = "".join(character for character in text.replace("(0)", "") if character in "0123456789")
    number = "+" + digits.removeprefix("00")
    return number if is_phone(number) else None


def _country(number: str) -> str | None:
    found = parsed(number if is_international(number) else "+" + number)
    return phonenumbers.region_code_for_number(found) if found else None
