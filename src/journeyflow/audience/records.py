"""What comes in about customers: checked rows, and the parsers that make them from JSON-like records.

A parser raises RecordError with one sentence that names the field and never quotes a value.
"""

import difflib
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from journeyflow import countries
from journeyflow.audience.mailboxes import read_mailbox
from journeyflow.audience.numbers import read_number
from journeyflow.plan import RESERVED
from journeyflow.rfm import MOVED_DOWN, MOVED_UP

COLUMNS = ("email", "phone", "timezone", "locale", "country")
CHANNELS = ("email", "sms")
CONSENT_FIELDS = ("consented_at", "consent_wording", "consent_wording_version", "consent_source")
CUSTOMER_FIELDS = ("id", *COLUMNS, "consents", *CONSENT_FIELDS, "attributes")
EVENT_FIELDS = ("id", "customer", "name", "at", "properties")

_LONGEST_NAME = 200  # characters of an id, an event's name, an attribute's name
_LONGEST_TEXT = 10_000  # characters of any other text
_LARGEST = 2**63 - 1  # of a whole number, either way
_DEEPEST = 10  # lists and objects inside each other

_LOCALE = re.compile(r"([a-zA-Z]{2,3})(?:[-_]([a-zA-Z]{4}))?(?:[-_]([a-zA-Z]{2}|[0-9]{3}))?")
_COUNTRY = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RecordError(ValueError):
    """A record cannot be taken; says which field and why, without its value."""


@dataclass(frozen=True, slots=True)
class Proof:
    """When, to what and where a customer consented, as far as the record tells."""

    at: datetime | None = None
    wording: str | None = None
    wording_version: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """What is said about a customer; what is left out stays as it is, None removes."""

    key: str
    columns: Mapping[str, str | None] = field(default_factory=dict)  # of COLUMNS
    attributes: Mapping[str, Any] = field(default_factory=dict)  # scalars and lists of them
    consents: Mapping[str, str] = field(default_factory=dict)  # sms or sms.<topic> -> granted | denied
    proof: Proof | None = None  # of the consents
    hints: Mapping[str, str | None] = field(default_factory=dict)  # columns, where nothing is known yet
    at: datetime | None = None  # when it was said; what has been said later stands. None: now


@dataclass(frozen=True, slots=True)
class EventRow:
    key: str
    customer: str
    name: str
    at: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)


def parse_customer(
    record: Mapping[str, Any], topics: Collection[str] | None = None, country: str | None = None
) -> CustomerRow:
    """`{"id", "email", "phone", "timezone", "locale", "country", "attributes": {...},
    "consents": {"email": state, "email.<topic>": state}, "consented_at", "consent_wording", ...}`

    With `topics`, consent for any other is refused. A phone number in national form is of the record's own
    country; without one, of `country`.
    """
    _refuse_unknown(record, CUSTOMER_FIELDS)
    return CustomerRow(
        key=identifier(record, "id"),
        columns=_columns(record, country),
        attributes=_attributes(_object(record, "attributes")),
        consents=_consents(_object(record, "consents"), topics),
        proof=_proof(record),
    )


def parse_event(record: Mapping[str, Any], moment: Callable[[Any, str], datetime] | None = None) -> EventRow:
    """`{"id", "customer", "name", "at": ISO 8601 with an offset, "properties": {...}}`

    `moment` reads times that are written otherwise, given the field's name for its RecordError.
    """
    _refuse_unknown(record, EVENT_FIELDS)
    ours = {field_name: identifier(record, field_name) for field_name in ("id", "name")}
    for field_name, value in ours.items():
        if value.startswith(RESERVED):
            raise RecordError(f"{field_name} begins with {RESERVED}, which only journeyflow itself writes")
    if ours["name"] in (MOVED_UP, MOVED_DOWN):
        raise RecordError(f"name is {ours['name']}, which only journeyflow itself writes")
    properties = _object(record, "properties")
    for name, value in properties.items():
        _check_name(name, "properties")
        _check_json(value, f'property "{name}"', _DEEPEST)
    return EventRow(
        key=ours["id"],
        customer=identifier(record, "customer"),
        name=ours["name"],
        at=(moment or instant)(record.get("at"), "at"),
        properties=properties,
    )


def guessed(column: str, value: Any) -> str | None:
    """What a device says about its owner, if that is of any use."""
    try:
        return _COLUMN_PARSERS[column](value)
    except RecordError:
        return None


def _refuse_unknown(record: Mapping[str, Any], known: Collection[str]) -> None:
    for name in record:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            advice = f'did you mean "{near[0]}"?' if near else "expected " + ", ".join(known)
            raise RecordError(f'there is no field "{str(name)[:_LONGEST_NAME]}"; {advice}')


def identifier(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = _text(value, name) if value is not None else ""
    if not text:
        raise RecordError(f"{name} is missing or empty")
    if len(text) > _LONGEST_NAME:
        raise RecordError(f"{name} is longer than {_LONGEST_NAME} characters")
    return text


def _object(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RecordError(f"{name} must be an object, not {_kind(value)}")
    return value


def _text(value: Any, name: str) -> str:
    """A line of text without surrounding space."""
    if not isinstance(value, str):
        raise RecordError(f"{name} must be text, not {_kind(value)}")
    _check_storable(value, name)
    if _CONTROL.search(value.strip()):
        raise RecordError(f"{name} has control characters in it; remove line breaks and tabs")
    return value.strip()


def _columns(record: Mapping[str, Any], country: str | None) -> dict[str, str | None]:
    columns = {name: parse(record[name]) for name, parse in _COLUMN_PARSERS.items() if name in record}
    if "phone" in record:  # last, as its country may be among the others
        home = columns.get("country") or country
        columns["phone"] = _phone(record["phone"], home.partition("-")[0] if home else None)
    return columns


def _email(value: Any) -> str | None:
    text = _text(value, "email") if value is not None else ""
    address = read_mailbox(text) if text else None
    if text and address is None:
        raise RecordError("email is not an address that can be; write it as name@example.com")
    return address


def _phone(value: Any, country: str | None) -> str | None:
    text = _text(value, "phone") if value is not None else ""
    number = read_number(text, country) if text else None
    if text and number is None:
        known = "not a number of its country" if country else "not in E.164 form"
        raise RecordError(f"phone is {known}; write + and the country code, such as +46701740605")
    return number


def _timezone(value: Any) -> str | None:
    text = _text(value, "timezone") if value is not None else ""
    if text and text not in _timezones():
        raise RecordError("timezone is not a known IANA name; write it as Europe/Stockholm")
    return text or None


def parse_locale(value: Any) -> str | None:
    """In the usual spelling: `sv_se` becomes `sv-SE`."""
    text = _text(value, "locale") if value is not None else ""
    if not text:
        return None
    parts = _LOCALE.fullmatch(text)
    if parts is None:
        raise RecordError("locale is not a language with an optional region; write it as sv or sv-SE")
    language, script, region = (part or "" for part in parts.groups())
    return "-".join(part for part in (language.lower(), script.title(), region.upper()) if part)


def _country(value: Any) -> str | None:
    text = _text(value, "country").upper() if value is not None else ""
    parts = _COUNTRY.fullmatch(text)
    if text and (parts is None or parts[1] not in countries.codes()):
        raise RecordError("country is no code of ISO 3166; write it as SE, or US-FL for a part of one")
    return text or None


_COLUMN_PARSERS = {
    "email": _email,
    "timezone": _timezone,
    "locale": parse_locale,
    "country": _country,
}


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _attributes(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in attributes.items():
        _check_name(name, "attributes")
        if name in COLUMNS:
            raise RecordError(f'"{name}" cannot be an attribute; it is a field of its own')
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, list | Mapping):
                raise RecordError(f'attribute "{name}" must be a single value or a list of single values')
            _check_scalar(item, f'attribute "{name}"')
    return attributes


def _consents(consents: Mapping[str, Any], topics: Collection[str] | None) -> dict[str, str]:
    given = {name: state for name, state in consents.items() if state not in (None, "")}
    for name, state in given.items():
        channel, dot, topic = name.partition(".")
        if channel not in CHANNELS:
            raise RecordError(f"consents has an unknown channel; expected {' or '.join(CHANNELS)}")
        if dot:
            _check_topic(channel, topic, topics)
        if state not in ("granted", "denied"):
            raise RecordError(f"the consent for {name} is neither granted nor denied")
    return given


def _check_topic(channel: str, topic: str, topics: Collection[str] | None) -> None:
    _check_name(topic, "consents")
    if topics is not None and topic not in topics:
        known = ", ".join(topics) or "none"
        raise RecordError(
            f'the consent for {channel} names the topic "{topic}"; the policy in force has {known}'
        )


def _proof(record: Mapping[str, Any]) -> Proof | None:
    if all(record.get(name) in (None, "") for name in CONSENT_FIELDS):
        return None
    at = record.get("consented_at")
    wording, version, source = (_optional(record, name) for name in CONSENT_FIELDS[1:])
    return Proof(None if at in (None, "") else instant(at, "consented_at"), wording, version, source)


def _optional(record: Mapping[str, Any], name: str) -> str | None:
    """Text that may have line breaks in it."""
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise RecordError(f"{name} must be text, not {_kind(value)}")
    _check_storable(value, name)
    return value.strip() or None


def instant(value: Any, name: str) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise RecordError(f"{name} is missing or no text; write it as 2026-03-01T12:30:00+01:00")
    try:
        instant = datetime.fromisoformat(value.strip())
        if instant.tzinfo is None:
            raise RecordError(f"{name} has no offset from UTC; write it as 2026-03-01T12:30:00+01:00")
        return instant.astimezone(UTC)
    except RecordError:
        raise
    except (ValueError, OverflowError):
        raise RecordError(f"{name} is not an ISO 8601 time; write it as 2026-03-01T12:30:00+01:00") from None


def _check_name(name: Any, where: str) -> None:
    if not isinstance(name, str) or not name or len(name) > _LONGEST_NAME or _CONTROL.search(name):
        raise RecordError(f"a name in {where} is empty, longer than {_LONGEST_NAME} characters or not plain")
    _check_storable(name, f"a name in {where}")


def _check_json(value: Any, name: str, depth: int) -> None:
    if depth == 0:
        raise RecordError(f"{name} is nested deeper than {_DEEPEST} levels")
    match value:
        case list():
            for item in value:
                _check_json(item, name, depth - 1)
        case dict():
            for key, item in value.items():
                _check_json(key, name, depth - 1)
                _check_json(item, name, depth - 1)
        case _:
            _check_scalar(value, name)


def _check_scalar(value: Any, name: str) -> None:
    match value:
        case None | bool():
            return
        case str():
            _check_storable(value, name)
        case float() if not math.isfinite(value):
            raise RecordError(f"{name} has a number that is not finite")
        case int() if abs(value) > _LARGEST:
            raise RecordError(f"{name} has a number too large for the database; give it as text")
        case int() | float():
            return
        case _:
            raise RecordError(f"{name} must be JSON, not {_kind(value)}")


def _check_storable(text: str, name: str) -> None:
    """PostgreSQL keeps no NUL, and neither database half of a surrogate pair."""
    if len(text) > _LONGEST_TEXT:
        raise RecordError(f"{name} is longer than {_LONGEST_TEXT} characters")
    if _NO_TEXT.search(text):
        raise RecordError(f"{name} has characters that are not text")


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "text" if isinstance(value, str) else "nothing")
