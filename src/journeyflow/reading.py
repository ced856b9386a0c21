"""Dates, numbers and lists as a reader's language writes them. What does not fit raises Unfit."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError, dates, lists, numbers

LENGTHS = ("short", "medium", "long", "full")
DAYS = ("day", "weekday", "month")  # 28 November; Saturday; November 2026
CATEGORIES = ("zero", "one", "two", "few", "many", "other")  # of CLDR; a language uses some of them

_MOST_DECIMALS = 6
_LONGEST_NUMBER = 40  # characters
_LARGEST = Decimal(10) ** 18
_BESIDE = re.compile(r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")  # as in SEK100


class Unfit(ValueError):
    """Says what was expected, and no value."""


@dataclass(frozen=True, slots=True)
class Reader:
    locale: str = "en"  # a tag such as "sv" or "en-GB"
    timezone: str = "UTC"


def said_date(reader: Reader, value: Any, form: str) -> str:
    moment, locale = _moment(value), _locale(reader.locale)
    day = moment if type(moment) is date else _local(moment, reader)
    match form:
        case "day":
            return str(dates.format_skeleton("MMMMd", day, locale=locale))
        case "weekday":
            return dates.format_date(day, "EEEE", locale=locale)
        case "month":
            return str(dates.format_skeleton("yMMMM", day, locale=locale))
    return dates.format_date(day, _length(form), locale=locale)


def said_time(reader: Reader, value: Any, form: str) -> str:
    local = _local(_moment(value), reader)
    return dates.format_time(
        local, _length(form), tzinfo=_zone(reader.timezone), locale=_locale(reader.locale)
    )


def said_datetime(reader: Reader, value: Any, form: str) -> str:
    local = _local(_moment(value), reader)
    return dates.format_datetime(
        local, _length(form), tzinfo=_zone(reader.timezone), locale=_locale(reader.locale)
    )


def said_number(reader: Reader, value: Any, decimals: int | None) -> str:
    """With as many decimals as are needed, at most three, where none are asked for."""
    return _said_number(reader.locale, _number(value), _places(decimals))


def said_money(reader: Reader, value: Any, currency: str, decimals: int | None) -> str:
    """With the decimals that the currency has, where none are asked for."""
    if not isinstance(currency, str) or not _is_currency(currency):
        raise Unfit('expects a currency of three letters, such as "SEK"')
    return _said_money(reader.locale, _number(value), currency, _places(decimals))


def said_percent(reader: Reader, value: Any, decimals: int) -> str:
    """0.25 is 25 %."""
    return _said_percent(reader.locale, _number(value), _places(decimals))


def said_count(reader: Reader, value: Any, words: dict[str, str]) -> str:
    """The words for so many, with the number where they have {n}."""
    found = _number(value)
    whole = Decimal(int(found)) if found == int(found) else found  # 1.0 is one
    category = _locale(reader.locale).plural_form(abs(whole))
    word = words.get(str(category), words["other"])
    return word.replace("{n}", said_number(reader, value, None)) if "{n}" in word else word


def said_list(reader: Reader, values: Sequence[Any], style: str) -> str:
    if style not in ("and", "or"):
        raise Unfit('expects "and" or "or"')
    style = "standard" if style == "and" else "or"
    return lists.format_list([str(value) for value in values], style, _locale(reader.locale))  # type: ignore


def is_right_to_left(locale: str) -> bool:
    return bool(locale) and _locale(locale).text_direction == "rtl"


# Remembered, as the text part of a message says the same as the HTML, and many messages do.
@lru_cache(maxsize=2_000)
def _said_number(tag: str, value: Decimal, decimals: int | None) -> str:
    locale = _locale(tag)
    pattern = _with_decimals(locale.decimal_formats[None].pattern, decimals)
    return numbers.format_decimal(value, pattern, locale=locale)


@lru_cache(maxsize=2_000)
def _said_money(tag: str, value: Decimal, currency: str, decimals: int | None) -> str:
    locale = _locale(tag)
    pattern = _with_decimals(locale.currency_formats["standard"].pattern, decimals)
    by_currency = decimals is None
    said = numbers.format_currency(value, currency, pattern, locale=locale, currency_digits=by_currency)
    return _BESIDE.sub("\xa0", said)


@lru_cache(maxsize=2_000)
def _said_percent(tag: str, value: Decimal, decimals: int) -> str:
    locale = _locale(tag)
    pattern = _with_decimals(locale.percent_formats[None].pattern, decimals)
    return numbers.format_percent(value, pattern, locale=locale)


@lru_cache(maxsize=1_000)
def _locale(tag: str) -> Locale:
    """`nl-XX` is `nl`, and a language that nobody has described is English."""
    parts = tag.replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        try:
            return Locale.parse("_".join(parts[:length]))
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")


@lru_cache(maxsize=1_000)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a name that is unknown, or no name at all
        raise Unfit("is for a customer whose timezone there is not") from None


def _moment(value: Any) -> date | datetime:
    """A date, or a time that stands for itself where it has no zone."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or len(value) > 40:
        raise Unfit("expects a date such as 2026-11-28 or 2026-11-28T09:30:00Z")
    try:
        return date.fromisoformat(value) if len(value) <= 10 else datetime.fromisoformat(value)
    except ValueError:
        raise Unfit("expects a date such as 2026-11-28 or 2026-11-28T09:30:00Z") from None


def _local(moment: date | datetime, reader: Reader) -> datetime:
    """On the clock of the reader; a date alone has no time of day, and none is made up."""
    zone = _zone(reader.timezone)
    if not isinstance(moment, datetime):
        raise Unfit("expects a date with a time of day, such as 2026-11-28T09:30:00Z")
    try:
        return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
    except OverflowError:
        raise Unfit("expects a date that the calendar has everywhere") from None


def _length(form: str) -> Any:
    if form not in LENGTHS:
        raise Unfit("expects short, medium, long or full")
    return form


def _number(value: Any) -> Decimal:
    """Also of a text such as "12.50", as files often have it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise Unfit("expects a number")
    text = str(value)
    try:
        found = Decimal(text.strip() if len(text) <= _LONGEST_NUMBER else "")
    except InvalidOperation:
        raise Unfit("expects a number") from None
    if not found.is_finite() or abs(found) > _LARGEST:
        raise Unfit("expects a number that is not larger than all there is to count")
    return found


def _places(decimals: Any) -> Any:
    if decimals is not None and (type(decimals) is not int or not 0 <= decimals <= _MOST_DECIMALS):
        raise Unfit(f"expects from 0 to {_MOST_DECIMALS} decimals")
    return decimals


def _with_decimals(pattern: str, decimals: int | None) -> str:
    if decimals is None:
        return pattern
    places = "." + "0" * decimals if decimals else ""
    return re.sub(r"0(?:\.[0#]+)?(?![0#,.])", "0" + places, pattern, count=1)


@lru_cache(maxsize=1_000)
def _is_currency(code: str) -> bool:
    return numbers.is_currency(code)
