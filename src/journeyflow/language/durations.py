"""Durations in words and in ISO 8601, to whole seconds."""

import re
from unicodedata import name

MAX_SECONDS = 5 * 365 * 86_400
MAX_DAYS = 366

UNITS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_SHORT = {
    "s": "second", "sec": "second", "secs": "second", "m": "minute", "min": "minute", "mins": "minute",
    "h": "hour", "hr": "hour", "hrs": "hour", "d": "day", "w": "week", "wk": "week", "wks": "week",
}  # fmt: skip
_WORDS = re.compile(r"([0-9]{1,9}) +([a-z]+?)s?(?: +|$)")
_ISO = re.compile(
    r"P(?:([0-9]{1,9})W)?(?:([0-9]{1,9})D)?(?:T(?=[0-9])(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})S)?)?"
)
_DAYS = re.compile(r"([+-]?)([0-9]{1,9}) +(day|week)s?|([+-]?)P([0-9]{1,9})([DW])")


class DurationError(ValueError):
    """Says in one clause what is wrong and what to write."""


def seconds(text: str) -> int:
    """Whole seconds, more than none and at most five years; raises DurationError."""
    _refuse_odd_spaces(text)
    found = _from_iso(text) if text[:1] == "P" else _from_words(text)
    if found is None:
        raise DurationError(_advice(text))
    if found == 0:
        raise DurationError('it lasts no time; write at least "1 second"')
    if found > MAX_SECONDS:
        raise DurationError('it is longer than five years; write at most "1825 days"')
    return found


def days(text: str) -> int:
    """Whole days before (negative) or after, at most a year; raises DurationError."""
    _refuse_odd_spaces(text)
    match = _DAYS.fullmatch(text.strip())
    if match is None:
        raise DurationError('write whole days, for example "-7 days" or "2 weeks"')
    number = int(match[2] or match[5]) * (7 if match[3] == "week" or match[6] == "W" else 1)
    if number > MAX_DAYS:
        raise DurationError(f'it is more than a year; write at most "{MAX_DAYS} days"')
    return -number if "-" in (match[1], match[4]) else number


def in_words(seconds: int) -> str:
    """`1 day 2 hours`."""
    parts = []
    for unit in ("day", "hour", "minute", "second"):
        number, seconds = divmod(seconds, UNITS[unit])
        if number:
            parts.append(f"{number} {unit}" if number == 1 else f"{number} {unit}s")
    return " ".join(parts) or "0 seconds"


def _refuse_odd_spaces(text: str) -> None:
    """Texts from a word processor or a web page are full of them."""
    odd = next((char for char in text if char.isspace() and char > "~"), None)
    if odd is not None:
        what = f"{name(odd, 'odd space').lower()} (U+{ord(odd):04X})"
        raise DurationError(f"it holds a {what}, which only looks like a space; type a plain one")


def _from_words(text: str) -> int | None:
    text, total, used, at = text.strip(), 0, set(), 0
    while at < len(text):
        match = _WORDS.match(text, at)
        if match is None or match[2] not in UNITS or match[2] in used:
            return None
        used.add(match[2])
        total += int(match[1]) * UNITS[match[2]]
        at = match.end()
    return total if used else None


def _from_iso(text: str) -> int | None:
    match = _ISO.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    sizes = (604_800, 86_400, 3_600, 60, 1)
    return sum(int(number) * size for number, size in zip(match.groups(), sizes, strict=True) if number)


def _advice(text: str) -> str:
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        s = "" if text == "1" else "s"
        return f'it has no unit; write "{text} day{s}", "{text} hour{s}" or "{text} minute{s}"'
    if text.startswith(("-", "P-")):
        return 'it is negative; write a length without the sign, for example "2 days"'
    if re.search(r"month|year|quarter|P.*[0-9](Y|M(?=.*T)|M$)", text) and "T" not in text:
        return 'months and years differ in length; write days, for example "30 days"'
    if re.search(r"[0-9][.,][0-9]", text):
        return 'it has a fraction; write whole numbers, for example "1 day 12 hours"'
    short = re.fullmatch(r"([0-9]{1,9}) *([a-z]+)", text.lower())
    if short and (unit := _SHORT.get(short[2], short[2].removesuffix("s"))) in UNITS:
        return f'write "{short[1]} {unit if short[1] == "1" else unit + "s"}"'
    return 'write it as "90 minutes", "1 day 2 hours" or "2 weeks"'
