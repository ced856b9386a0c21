"""Single values: typed as in YAML 1.2's core schema and not as in 1.1, so `on` is a word and 21:00 a time.

Every reader returns None after it has reported what is wrong.
"""

import math
import re
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

from journeyflow import countries
from journeyflow.addresses import is_email, is_phone
from journeyflow.conditions import Scalar
from journeyflow.language import durations
from journeyflow.language.definition import Word
from journeyflow.language.fields import as_list, as_text, describe
from journeyflow.language.problems import Mark, Report, instead, quoted
from journeyflow.language.source import ListNode, Node, TextNode
from journeyflow.plan import ENROLL, RESERVED

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_NULLS = ("", "~", "null", "Null", "NULL")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_ANSWERS = {"yes": "true", "on": "true", "no": "false", "off": "false"}  # YAML 1.1 took them for booleans
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LARGEST = 2**53  # up to here every whole number survives JSON and both databases
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?"
)
_LOCALE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?")


def is_nothing(node: Node) -> bool:
    return isinstance(node, TextNode) and node.plain and node.value in _NULLS


def scalar(node: Node, what: str, report: Report) -> Scalar | None:
    """Text, a number or true/false."""
    text = as_text(node, what, report)
    if text is None:
        return None
    if not text.plain:
        return text.value
    if text.value in _NULLS:
        report.add(node.mark, "JF104", f"{what} is {quoted(text.value)}, which means nothing; write a value")
        return None
    if text.value in _BOOLEANS:
        return _BOOLEANS[text.value]
    return _number(text, what, report) if _looks_numeric(text.value) else text.value


def kept(node: Node, what: str, report: Report) -> Scalar | None:
    """What is kept about a customer, or compared with something that is. `yes` is hardly meant as a text."""
    text = node.value.lower() if isinstance(node, TextNode) and node.plain else ""
    if text in _ANSWERS:
        way_out = f"write {_ANSWERS[text]}, or put quotes round the word"
        report.add(node.mark, "JF130", f"{what} is {describe(node)}, which is a text here; {way_out}")
    return scalar(node, what, report)


def number(node: Node, what: str, report: Report) -> int | float | None:
    found = scalar(node, what, report)
    if found is None or (isinstance(found, int | float) and not isinstance(found, bool)):
        return found
    report.add(node.mark, "JF110", f"{what} is {describe(node)}; write a number without quotes")
    return None


def whole(node: Node, what: str, least: int, most: int, report: Report) -> int | None:
    found = number(node, what, report)
    if found is None or (isinstance(found, int) and least <= found <= most):
        return found if isinstance(found, int) else None
    message = f"{what} is {describe(node)}; write a whole number from {least} to {most}"
    report.add(node.mark, "JF110", message)
    return None


def boolean(node: Node, what: str, report: Report) -> bool | None:
    text = as_text(node, what, report)
    if text is None:
        return None
    if text.plain and text.value in _BOOLEANS:
        return _BOOLEANS[text.value]
    report.add(node.mark, "JF106", f"{what} is {describe(node)}; write true or false, without quotes")
    return None


def phrase(node: Node, what: str, report: Report, most: int = 200) -> Word | None:
    """Free text on one line: a title, the name of an event or an attribute."""
    text = as_text(node, what, report)
    if text is None:
        return None
    if (
        re.search(r"[\n\r\t]", text.value)
        or not 1 <= len(text.value.strip()) <= most
        or (text.plain and text.value in _NULLS)
    ):
        report.add(
            node.mark, "JF111", f"{what} is {describe(node)}; write 1 to {most} characters on one line"
        )
        return None
    return Word(text.value.strip(), node.mark)


def event(node: Node, report: Report) -> Word | None:
    """The name of an event that customers can cause."""
    word = phrase(node, "the event", report)
    if word is None or not word.value.startswith(RESERVED):
        return word
    way_out = "name an event of your own"
    if word.value == ENROLL:
        way_out = 'a journey is entered that way whatever its "enter" is'
    report.add(node.mark, "JF126", f"the event {quoted(word.value)} is journeyflow's own; {way_out}")
    return None


def events(node: Node, what: str, way_out: str, report: Report) -> tuple[Word, ...]:
    """One event, or several in a list."""
    items = node.items if isinstance(node, ListNode) else (node,)
    if not items:
        report.add(node.mark, "JF119", f"{what} is an empty list; {way_out}")
    words = (event(item, report) for item in items)
    return tuple(word for word in words if word)


def text(node: Node, what: str, report: Report, most: int = 2_000) -> str | None:
    """Text that may have several lines."""
    found = as_text(node, what, report)
    if found is None or (found.value.strip() and len(found.value) <= most):
        return found.value.strip() if found else None
    report.add(node.mark, "JF111", f"{what} is {describe(node)}; write 1 to {most} characters")
    return None


def name(node: Node, what: str, report: Report) -> Word | None:
    """A name that people refer to: journey, segment, category, template, step."""
    word = phrase(node, what, report, most=100)
    if word is None or _NAME.fullmatch(word.value):
        return word
    small = re.sub(r"[^a-z0-9_]+", "-", word.value.lower()).strip("-_")
    example = quoted(small if _NAME.fullmatch(small) else "spring-offer")
    message = f"{what} {quoted(word.value)} may have only a-z, 0-9, - and _; write it like {example}"
    report.add(node.mark, "JF111", message)
    return None


def one_of(node: Node, options: Collection[str], what: str, report: Report) -> str | None:
    text = as_text(node, what, report)
    if text is None or text.value in options:
        return text.value if text else None
    report.add(node.mark, "JF106", f"{what} is {quoted(text.value)}; {instead(text.value, options)}")
    return None


def duration(node: Node, what: str, report: Report) -> int | None:
    """Whole seconds."""
    return _parsed(node, what, durations.seconds, report)


def day_offset(node: Node, what: str, report: Report) -> int | None:
    """Whole days, negative: before."""
    return _parsed(node, what, durations.days, report)


def clock(node: Node, what: str, report: Report) -> str | None:
    """A time of day as "HH:MM"."""
    text = as_text(node, what, report)
    if text is None or _CLOCK.fullmatch(text.value):
        return text.value if text else None
    message = f'{what} is {quoted(text.value)}; write a time from "00:00" to "23:59", for example "09:30"'
    report.add(node.mark, "JF108", message)
    return None


def weekdays(node: Node, what: str, report: Report) -> tuple[int, ...]:
    """Sorted, 0 is Monday; what is no weekday is reported and left out."""
    days = as_list(node, what, report)
    return weekdays_of(days.items, days.mark, what, report) if days else ()


def weekdays_of(items: Sequence[Node], mark: Mark, what: str, report: Report) -> tuple[int, ...]:
    """As `weekdays`, from a list that stands at `mark`."""
    found = set()
    for item in items:
        text = as_text(item, "a weekday", report)
        if text is None:
            continue
        if text.value in WEEKDAYS:
            found.add(WEEKDAYS.index(text.value))
        else:
            message = f"no weekday is called {quoted(text.value)}; write mon, tue, wed, thu, fri, sat or sun"
            report.add(item.mark, "JF108", message)
    if not items:
        report.add(mark, "JF119", f"{what} is an empty list; name weekdays or leave the key out")
    return tuple(sorted(found))


def moment(node: Node, what: str, report: Report) -> str | None:
    """An ISO 8601 date, or date-time with its offset, as text."""
    text = as_text(node, what, report)
    if text is None or _is_moment(text.value):
        return text.value if text else None
    way_out = 'write a date like "2026-01-31" or a time with its offset like "2026-01-31T09:00:00+01:00"'
    report.add(node.mark, "JF109", f"{what} is {quoted(text.value)}; {way_out}")
    return None


def cron(node: Node, what: str, report: Report) -> str | None:
    text = as_text(node, what, report)
    if text is None or _is_cron(text.value):
        return text.value if text else None
    way_out = 'write minute, hour, day of month, month and weekday, for example "0 9 * * mon"'
    report.add(
        node.mark, "JF115", f"{what} is {quoted(text.value)}, which is not a time that ever comes; {way_out}"
    )
    return None


def zone(node: Node, report: Report) -> str | None:
    text = as_text(node, "the timezone", report)
    if text is None or _is_zone(text.value):
        return text.value if text else None
    near = get_close_matches(text.value, sorted(available_timezones()), n=1, cutoff=0.75)
    way_out = f"did you mean {quoted(near[0])}?" if near else 'write a name like "Europe/Stockholm"'
    report.add(node.mark, "JF116", f"no timezone is called {quoted(text.value)}; {way_out}")
    return None


def email(node: Node, what: str, report: Report) -> str | None:
    return _address(node, what, is_email, "an e-mail address like name@example.com", report)


def phone(node: Node, what: str, report: Report) -> str | None:
    """In E.164 form."""
    way_out = 'the number with its country code in quotes, like "+46701740605"'
    return _address(node, what, is_phone, way_out, report)


def locale(node: Node, what: str, report: Report) -> str | None:
    text = as_text(node, what, report)
    if text is None or _LOCALE.fullmatch(text.value):
        return text.value if text else None
    report.add(
        node.mark, "JF123", f'{what} is {quoted(text.value)}; write a language tag like "sv" or "en-GB"'
    )
    return None


def _address(
    node: Node, what: str, is_right: Callable[[str], bool], way_out: str, report: Report
) -> str | None:
    text = as_text(node, what, report)
    if text is None:
        return None
    if is_right(text.value) and not (text.plain and _looks_numeric(text.value)):
        return text.value
    report.add(node.mark, "JF129", f"{what} is {quoted(text.value)}; write {way_out}")
    return None


def country(node: Node, what: str, report: Report) -> str | None:
    """`SE`, or a part of a country such as `US-FL`."""
    text = as_text(node, what, report)
    if text is None:
        return None
    whole, dash, part = text.value.partition("-")
    if whole in countries.codes() and (not dash or re.fullmatch("[A-Z0-9]{1,3}", part)):
        return text.value
    message = f'no country has the code {quoted(text.value)}; write two letters like "SE", or "US-FL"'
    report.add(node.mark, "JF131", message)
    return None


def _looks_numeric(text: str) -> bool:
    return bool(_FLOAT.fullmatch(text) or _SPECIAL.fullmatch(text))


def _number(node: TextNode, what: str, report: Report) -> int | float | None:
    text = node.value
    is_integer = bool(_INTEGER.fullmatch(text))
    if text[0] == "+" or re.match(r"-?0[0-9xo]", text):
        message = (
            f"{what} is {quoted(text)}, a number or a text; put quotes round a text, write a number plainly"
        )
        report.add(node.mark, "JF114", message)
        return None
    if len(text) > 40 or _SPECIAL.fullmatch(text) or not abs(float(text)) <= _LARGEST:
        report.add(
            node.mark,
            "JF110",
            f"{what} is {quoted(text)}; write a number up to {_LARGEST}, or a text in quotes",
        )
        return None
    value = int(text) if is_integer else float(text)
    return value if math.isfinite(value) else None


def _parsed(node: Node, what: str, parse: Callable[[str], int], report: Report) -> int | None:
    text = as_text(node, what, report)
    if text is None:
        return None
    try:
        return parse(text.value)
    except durations.DurationError as error:
        report.add(node.mark, "JF107", f"{what} is {quoted(text.value)}: {error}")
        return None


def _is_moment(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_zone(text: str) -> bool:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a name is a path below the database of zones
        return False
    return True


def _is_cron(text: str) -> bool:
    """Well-formed, and there is a next time."""
    if len(text.split()) != 5 or len(text) > 200:
        return False
    try:
        next(CronSim(text, _SOME_TIME))
    except (CronSimError, StopIteration, AssertionError, TypeError, ValueError):
        return False  # cronsim checks some combinations only by assertions
    return True


_SOME_TIME = datetime(2024, 1, 1)  # noqa: DTZ001 - any will do, without a zone nothing is skipped
