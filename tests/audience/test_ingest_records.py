"""What a record may hold, and the sentence that refuses it without quoting it."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from journeyflow.audience.records import CustomerRow, EventRow, RecordError, parse_customer, parse_event

CUSTOMER = {"id": "ada"}
EVENT = {"id": "e1", "customer": "ada", "name": "order.completed", "at": "2026-03-01T12:00:00Z"}
DEEP: Any = "bottom"
for _ in range(20):
    DEEP = [DEEP]


def test_a_full_customer() -> None:
    record = {
        "id": 17,
        "email": " Ada.Byron+x@mail.example.com ",
        "phone": "+46701740605",
        "timezone": "Europe/Stockholm",
        "locale": "sv_se",
        "consents": {"email": "granted", "sms": "denied"},
        "attributes": {"first_name": "Ada", "points": 3, "vip": True, "likes": ["tea", 2], "tier": None},
    }
    assert parse_customer(record) == CustomerRow(
        key="17",
        columns={
            "email": "Ada.Byron+x@mail.example.com",
            "phone": "+46701740605",
            "timezone": "Europe/Stockholm",
            "locale": "sv-SE",
        },
        attributes={"first_name": "Ada", "points": 3, "vip": True, "likes": ["tea", 2], "tier": None},
        consents={"email": "granted", "sms": "denied"},
    )


def test_what_is_left_out_is_not_given_and_null_removes() -> None:
    assert parse_customer({"id": "ada"}) == CustomerRow("ada")
    assert parse_customer({"id": "ada", "phone": None}).columns == {"phone": None}


def test_a_full_event() -> None:
    row = parse_event(
        {**EVENT, "at": "2026-03-01T12:00:00+01:00", "properties": {"items": [{"sku": "a"}], "n": 1.5}}
    )
    at = datetime(2026, 3, 1, 11, tzinfo=UTC)
    assert row == EventRow("e1", "ada", "order.completed", at, {"items": [{"sku": "a"}], "n": 1.5})


@pytest.mark.parametrize("locale", ["sv", "sv-SE", "zh-Hant-TW", "es-419", "fil"])
def test_good_locales_keep_their_spelling(locale: str) -> None:
    assert parse_customer({**CUSTOMER, "locale": locale}).columns == {"locale": locale}


@pytest.mark.parametrize("email", ["a@example.com", "o'hara@example.co.uk", "a+b=c@sub.example.com"])
def test_good_addresses(email: str) -> None:
    assert parse_customer({**CUSTOMER, "email": email}).columns == {"email": email}


def test_a_domain_has_one_spelling() -> None:
    parsed = parse_customer({**CUSTOMER, "email": "åsa@exämple.com"})
    assert parsed.columns == {"email": "åsa@xn--exmple-cua.com"}


@pytest.mark.parametrize(
    ("phone", "country", "default"),
    [
        ("+46 (0)70-174 06 05", None, None),
        ("0046 70 174 06 05", "NO", None),
        ("070-174 06 05", "SE", None),
        ("070-174 06 05", None, "SE"),
        ("0701740605", "SE", "NO"),
        ("0701740605", "SE-AB", "NO"),
    ],
)
def test_a_number_is_kept_in_one_form(phone: str, country: str | None, default: str | None) -> None:
    parsed = parse_customer({**CUSTOMER, "phone": phone, "country": country}, country=default)
    assert parsed.columns["phone"] == "+46701740605"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({}, "id is missing or empty"),
        ({"id": "  "}, "id is missing or empty"),
        ({"id": None}, "id is missing or empty"),
        ({"id": True}, "id must be text, not true or false"),
        ({"id": ["a"]}, "id must be text, not a list"),
        ({"id": "a" * 201}, "id is longer than 200 characters"),
        ({"id": "a\nb"}, "id has control characters"),
        ({"id": "a\x00"}, "id has characters that are not text"),
        ({"id": "\ud800"}, "id has characters that are not text"),
        ({"emial": "x"}, 'there is no field "emial"; did you mean "email"?'),
        ({"xyz": "x"}, 'there is no field "xyz"; expected id, email'),
        ({"email": "ada"}, "email is not an address"),
        ({"email": "ada@example"}, "email is not an address"),
        ({"email": "ada@example..com"}, "email is not an address"),
        ({"email": "a b@example.com"}, "email is not an address"),
        ({"email": "a@b@example.com"}, "email is not an address"),
        ({"email": "a@example.com\nBcc: b@example.com"}, "email has control characters"),
        ({"email": "a" * 65 + "@example.com"}, "email is not an address"),
        ({"email": 5}, "email must be text, not a number"),
        ({"phone": "0701740605"}, "phone is not in E.164 form"),
        ({"email": "ada@shop.local"}, "email is not an address"),
        ({"email": "ada@-example.com"}, "email is not an address"),
        ({"phone": "070-174 06 05"}, "phone is not in E.164 form"),
        ({"phone": "12", "country": "SE"}, "phone is not a number of its country"),
        ({"phone": "+0701740605"}, "phone is not in E.164 form"),
        ({"phone": "+4670174060512345"}, "phone is not in E.164 form"),
        ({"phone": "+٤٦٧٠١٧٤٠٦٠٥"}, "phone is not in E.164 form"),
        ({"timezone": "Stockholm"}, "timezone is not a known IANA name"),
        ({"timezone": "europe/stockholm"}, "timezone is not a known IANA name"),
        ({"timezone": "../../etc/passwd"}, "timezone is not a known IANA name"),
        ({"timezone": "Europe"}, "timezone is not a known IANA name"),
        ({"locale": "swedish"}, "locale is not a language"),
        ({"locale": "sv-SWE"}, "locale is not a language"),
        ({"consents": "granted"}, "consents must be an object, not text"),
        ({"consents": {"fax": "granted"}}, "consents has an unknown channel; expected email or sms"),
        ({"consents": {"email": "yes"}}, "the consent for email is neither granted nor denied"),
        ({"consents": {"email": ["granted"]}}, "the consent for email is neither granted nor denied"),
        ({"attributes": [1]}, "attributes must be an object, not a list"),
        ({"attributes": {"email": "x"}}, '"email" cannot be an attribute'),
        ({"attributes": {"": 1}}, "a name in attributes is empty"),
        ({"attributes": {"a": {"b": 1}}}, 'attribute "a" must be a single value'),
        ({"attributes": {"a": [[1]]}}, 'attribute "a" must be a single value'),
        ({"attributes": {"a": math.nan}}, 'attribute "a" has a number that is not finite'),
        ({"attributes": {"a": 2**63}}, 'attribute "a" has a number too large'),
        ({"attributes": {"a": "b\x00"}}, 'attribute "a" has characters that are not text'),
    ],
)
def test_customers_that_are_refused(record: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError) as caught:
        parse_customer({**CUSTOMER, **record} if record else record)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"customer": ""}, "customer is missing or empty"),
        ({"name": None}, "name is missing or empty"),
        ({"name": "n" * 201}, "name is longer than 200 characters"),
        ({"name": "journeyflow.enroll"}, "name begins with journeyflow., which only journeyflow itself"),
        ({"id": "journeyflow.enroll/1"}, "id begins with journeyflow., which only journeyflow itself"),
        ({"at": None}, "at is missing"),
        ({"at": 1772366400}, "at is missing"),
        ({"at": "2026-03-01T12:00:00"}, "at has no offset"),
        ({"at": "2026-03-01"}, "at has no offset"),
        ({"at": "yesterday"}, "at is not an ISO 8601 time"),
        ({"at": "2026-02-30T12:00:00Z"}, "at is not an ISO 8601 time"),
        ({"at": "0001-01-01T00:00:00+10:00"}, "at is not an ISO 8601 time"),
        ({"properties": "x"}, "properties must be an object, not text"),
        ({"properties": {"total": math.inf}}, 'property "total" has a number that is not finite'),
        (
            {"properties": {"total": [1, {"a": -math.inf}]}},
            'property "total" has a number that is not finite',
        ),
        ({"properties": {"deep": DEEP}}, 'property "deep" is nested deeper than 10 levels'),
        ({"properties": {"a": {"b\x00": 1}}}, 'property "a" has characters that are not text'),
        ({"properties": {"a": "x" * 10_001}}, 'property "a" is longer than 10000 characters'),
        ({"propertys": {}}, 'did you mean "properties"?'),
    ],
)
def test_events_that_are_refused(record: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError) as caught:
        parse_event({**EVENT, **record})
    assert message in str(caught.value)


@pytest.mark.parametrize("field", ["email", "phone", "timezone", "locale"])
def test_a_refusal_never_quotes_the_value(field: str) -> None:
    with pytest.raises(RecordError) as caught:
        parse_customer({**CUSTOMER, field: "secret person"})
    assert "secret" not in str(caught.value)
