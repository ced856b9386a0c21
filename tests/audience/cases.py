"""Conditions, a customer each, and whether they hold."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any as Anything

from journeyflow.conditions import (
    ALWAYS,
    All,
    Any,
    Attribute,
    Condition,
    Consent,
    EventMatch,
    History,
    InSegment,
    Not,
    Pick,
    Trigger,
)
from journeyflow.conditions import Test as Comparison  # pytest would collect the name

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ENTRY = NOW - timedelta(days=2)
DAY = 86_400


def attribute(name: str, op: Anything, value: Anything) -> Condition:
    return Attribute((Comparison(name, op, value),))


def trigger(name: str, op: Anything, value: Anything) -> Condition:
    return Trigger((Comparison(name, op, value),))


def bought(**kwargs: Anything) -> Condition:
    where = kwargs.pop("where", ())
    return History(EventMatch("order", where), **kwargs)


def count(op: Anything, value: Anything) -> tuple[Comparison, ...]:
    return (Comparison("count", op, value),)


def total(op: Anything, value: Anything) -> tuple[Comparison, ...]:
    return (Comparison("total", op, value),)


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    condition: Condition
    expected: bool
    attributes: dict[str, Anything] = field(default_factory=dict)
    columns: dict[str, Anything] = field(default_factory=dict)
    orders: tuple[tuple[int, dict[str, Anything]], ...] = ()  # (seconds before NOW, properties)
    consents: tuple[tuple[str, str, str], ...] = ()  # (channel, topic, state)
    trigger: dict[str, Anything] | None = None


def of_attribute(id: str, op: str, value: Anything, found: Anything, expected: bool) -> Case:
    return Case(f"{id}: {found!r} {op} {value!r}", attribute("a", op, value), expected, {"a": found})


PRESENT = [
    of_attribute("text", "is", "x", "x", True),
    of_attribute("case matters", "is", "x", "X", False),
    of_attribute("empty text", "is", "", "", True),
    of_attribute("not a number", "is", 5, "5", False),
    of_attribute("not a text", "is", "5", 5, False),
    of_attribute("integer and float", "is", 1, 1.0, True),
    of_attribute("integer and float", "is", 1.0, 1, True),
    of_attribute("true is not 1", "is", True, 1, False),
    of_attribute("1 is not true", "is", 1, True, False),
    of_attribute("true", "is", True, True, True),
    of_attribute("false", "is", False, False, True),
    of_attribute("true is not false", "is", False, True, False),
    of_attribute("false is not 0", "is", 0, False, False),
    of_attribute("decimal", "is", 0.1, 0.1, True),
    of_attribute("beyond 32 bits", "is", 2**40, 2**40, True),
    of_attribute("beyond a double", "is", 2**53 + 1, 2**53, False),
    of_attribute("beyond 64 bits", "at_most", 10**30, 5, True),
    of_attribute("list", "is", "x", ["x"], False),
    of_attribute("is_not", "is_not", "x", "y", True),
    of_attribute("is_not same", "is_not", "x", "x", False),
    of_attribute("is_not other type", "is_not", "5", 5, True),
    of_attribute("is_not list", "is_not", "x", ["x"], True),
    of_attribute("null is missing", "is_not", "x", None, False),
    of_attribute("in", "in", ("x", 5, True), 5, True),
    of_attribute("in", "in", ("x", 5, True), True, True),
    of_attribute("in", "in", ("x", "y"), "y", True),
    of_attribute("not among", "in", ("x", 5), "5", False),
    of_attribute("among none", "in", (), "5", False),
    of_attribute("not_in", "not_in", ("x", 5), "5", True),
    of_attribute("not_in same", "not_in", ("x", 5), 5, False),
    of_attribute("at_least", "at_least", 5, 5, True),
    of_attribute("at_least", "at_least", 5, 4.99, False),
    of_attribute("at_least", "at_least", 5, 10, True),
    of_attribute("text is no number", "at_least", 5, "abc", False),
    of_attribute("text is no number", "at_most", 5, "1", False),
    of_attribute("true is no number", "at_least", 0, True, False),
    of_attribute("at_most", "at_most", -1.5, -2, True),
    of_attribute("more_than", "more_than", 5, 5, False),
    of_attribute("less_than", "less_than", 5, 4, True),
    of_attribute("texts by code point", "at_least", "a", "B", False),
    of_attribute("texts by code point", "more_than", "z", "é", True),
    of_attribute("texts by code point", "less_than", "b", "a-", True),
    of_attribute("number is no text", "at_least", "1", 2, False),
    of_attribute("exists", "exists", True, 0, True),
    of_attribute("exists false", "exists", False, "", False),
    of_attribute("exists", "exists", True, [], True),
    of_attribute("null", "exists", True, None, False),
    of_attribute("null", "exists", False, None, True),
    of_attribute("part", "contains", "b%", "ab%c", True),
    of_attribute("no wildcard", "contains", "a%c", "abc", False),
    of_attribute("case matters", "contains", "B", "abc", False),
    of_attribute("empty part", "contains", "", "abc", True),
    of_attribute("part of a number", "contains", "1", 123, False),
    of_attribute("list has", "contains", "b", ["a", "b"], True),
    of_attribute("list has no part", "contains", "b", ["abc"], False),
    of_attribute("list has 1", "contains", 1, [1.0, "x"], True),
    of_attribute("list has no '1'", "contains", "1", [1], False),
    of_attribute("list has no true", "contains", True, [1], False),
    of_attribute("list has no 1", "contains", 1, [True], False),
    of_attribute("list has true", "contains", True, [True], True),
    of_attribute("nested list", "contains", 1, [[1]], False),
    of_attribute("an object is no list", "contains", "b", {"b": "b"}, False),
    of_attribute("not of JSON", "contains", "b", "[not json", False),
]
DATES = [
    of_attribute("dates", "before", "2026-05-01", "2026-04-30", True),
    of_attribute("dates", "before", "2026-05-01", "2026-05-01", False),
    of_attribute("dates", "after", "2026-05-01", "2026-05-02", True),
    of_attribute("date of a time", "after", "2026-05-01", "2026-05-01T23:59:00Z", False),
    of_attribute("date of a time as written", "before", "2026-05-01", "2026-04-30T23:59:00-05:00", True),
    of_attribute("date and time", "before", "2026-05-01T12:00:00Z", "2026-04-30", True),
    of_attribute("date and time", "after", "2026-05-01T12:00:00Z", "2026-05-01", False),
    of_attribute("instants", "before", "2026-05-01T12:00:00Z", "2026-05-01T13:59:59+02:00", True),
    of_attribute("instants", "before", "2026-05-01T12:00:00Z", "2026-05-01T14:00:00+02:00", False),
    of_attribute("instants", "after", "2026-05-01T12:00:00+02:00", "2026-05-01 10:00:01", True),
    of_attribute("naive is UTC", "after", "2026-05-01T12:00:00", "2026-05-01T12:00:01Z", True),
    of_attribute("minutes", "after", "2026-05-01T12:00:00Z", "2026-05-01T14:01+02:00", True),
    of_attribute("fractions", "before", "2026-05-01T12:00:01Z", "2026-05-01T12:00:00.75Z", True),
    of_attribute("no such day", "before", "2027-01-01", "2026-02-30", False),
    of_attribute("no such day", "after", "2020-01-01", "2025-02-29", False),
    of_attribute("leap day", "after", "2020-01-01", "2024-02-29", True),
    of_attribute("no such hour", "after", "2020-01-01T00:00:00Z", "2026-01-01T24:00:00Z", False),
    of_attribute("no such year", "before", "2020-01-01", "0000-01-01", False),
    of_attribute("other digits", "before", "2027-01-01", "\u0662\u0660\u0662\u0666-01-01", False),
    of_attribute("other digits", "before", "2027-01-01T00:00:00Z", "2026-01-01T1\u0660:00", False),
    of_attribute("no date", "before", "2027-01-01", "now", False),
    of_attribute("no date", "before", "2027-01-01", "12:00", False),
    of_attribute("no date", "before", "2027-01-01T00:00:00Z", "2026-01-01Tnoon", False),
    of_attribute("no date", "before", "2027-01-01T00:00:00Z", "2026-01-01T10:00 PM", False),
    of_attribute("number", "before", "2027-01-01", 20260101, False),
    of_attribute("empty", "before", "2027-01-01", "", False),
]
MISSING = [
    Case(f"missing {op}", attribute("a", op, value), False)
    for op, value in [
        ("is", "x"),
        ("is_not", "x"),
        ("in", ("x", 1)),
        ("not_in", ("x",)),
        ("not_in", ()),
        ("at_least", 0),
        ("at_most", 0),
        ("more_than", 0),
        ("less_than", 0),
        ("less_than", "x"),
        ("exists", True),
        ("contains", ""),
        ("before", "2026-01-01"),
        ("after", "2026-01-01T00:00:00Z"),
    ]
] + [
    Case("missing exists false", attribute("a", "exists", False), True),
    Case("not of missing", Not(attribute("a", "at_least", 0)), True),
    Case("not of is_not of missing", Not(attribute("a", "is_not", "x")), True),
    Case("not of not", Not(Not(attribute("a", "at_least", 0))), False),
]
COLUMNS = [
    Case("column", attribute("email", "is", "a@example.com"), True, columns={"email": "a@example.com"}),
    Case(
        "column contains",
        attribute("email", "contains", "@example"),
        True,
        columns={"email": "a@example.com"},
    ),
    Case("column, not JSON", attribute("email", "exists", True), False, {"email": "a@example.com"}),
    Case("column is a text", attribute("phone", "at_least", 5), False, columns={"phone": "9"}),
    Case("column is a text", attribute("phone", "is", 9), False, columns={"phone": "9"}),
    Case("column is no list", attribute("phone", "contains", 9), False, columns={"phone": "9"}),
    Case("missing column", attribute("timezone", "is_not", "UTC"), False),
    Case("missing column", attribute("timezone", "exists", False), True),
    Case("column in", attribute("locale", "in", ("sv", "nl")), True, columns={"locale": "nl"}),
    Case("column not_in", attribute("locale", "not_in", ("sv", "nl")), True, columns={"locale": "en"}),
    Case("column order", attribute("locale", "at_least", "a"), False, columns={"locale": "Z"}),
]
STRANGE = [
    "a.b",
    "a b",
    'a"b',
    "a'b",
    "a\\b",
    "a[0]",
    "$",
    "$.a",
    "#",
    "%",
    "%s",
    "%(name)s",
    ":x",
    "?",
    "å",
    "客",
    "0",
    "",
    "') OR 1=1 --",
    '"',
    "a\nb",
    "{}",
    "key",
    "value",
    '"quoted"',
    "->",
    "😀",
]
KEYS = [
    Case(f"key {key!r}", attribute(key, "is", "found"), True, {key: "found", "a": {"b": 1}})
    for key in STRANGE
] + [
    Case(f"no key {key!r}", attribute(key, "exists", True), False, {"a": {"b": 1}, "ab": 1, "c": [1]})
    for key in STRANGE
]
LOGIC = [
    Case("always", ALWAYS, True),
    Case("no alternative", Any(()), False),
    Case("no test", Attribute(()), True),
    Case(
        "two tests",
        Attribute((Comparison("a", "at_least", 1), Comparison("a", "at_most", 3))),
        True,
        {"a": 2},
    ),
    Case(
        "two tests",
        Attribute((Comparison("a", "at_least", 1), Comparison("a", "at_most", 3))),
        False,
        {"a": 4},
    ),
    Case("all", All((attribute("a", "is", 1), attribute("b", "is", 2))), False, {"a": 1}),
    Case("any", Any((attribute("a", "is", 1), attribute("b", "is", 2))), True, {"a": 1}),
    Case("segment", InSegment("s", attribute("a", "is", 1)), True, {"a": 1}),
    Case("not in segment", Not(InSegment("s", attribute("a", "is", 1))), True, {"a": 2}),
]
CONSENT = [
    Case("none", Consent("email"), False),
    Case("granted", Consent("email"), True, consents=(("email", "", "granted"),)),
    Case("denied", Consent("email"), False, consents=(("email", "", "denied"),)),
    Case("other channel", Consent("sms"), False, consents=(("email", "", "granted"),)),
    Case("topic alone", Consent("email"), False, consents=(("email", "news", "granted"),)),
    Case(
        "topic",
        Consent("email", "news"),
        True,
        consents=(("email", "", "granted"), ("email", "news", "granted")),
    ),
    Case("topic unasked", Consent("email", "news"), True, consents=(("email", "", "granted"),)),
    Case("channel left, topic unasked", Consent("email", "news"), False, consents=(("email", "", "denied"),)),
    Case(
        "channel left, the topic chosen by itself",
        Consent("email", "news"),
        True,
        consents=(("email", "", "denied"), ("email", "news", "granted")),
    ),
    Case(
        "topic left",
        Consent("email", "news"),
        False,
        consents=(("email", "", "granted"), ("email", "news", "denied")),
    ),
    Case("topic pending", Consent("email", "news"), False, consents=(("email", "news", "pending"),)),
    Case("not", Not(Consent("email")), True),
]
HISTORY = [
    Case("never", bought(), False),
    Case("not", Not(bought()), True),
    Case("once", bought(), True, orders=((5, {}),)),
    Case("other event", History(EventMatch("review")), False, orders=((5, {}),)),
    Case("at this instant", bought(), True, orders=((0, {}),)),
    Case("in the future", bought(), False, orders=((-1, {}),)),
    Case("within", bought(within=DAY), True, orders=((DAY - 1, {}),)),
    Case("just outside", bought(within=DAY), False, orders=((DAY, {}),)),
    Case("since entry", bought(since_entry=True), True, orders=((2 * DAY - 1, {}),)),
    Case("the entry itself", bought(since_entry=True), False, orders=((2 * DAY, {}),)),
    Case("within and since", bought(since_entry=True, within=DAY), False, orders=((DAY + 1, {}),)),
    Case("where", bought(where=total("at_least", 10)), True, orders=((5, {"total": 10}),)),
    Case("where", bought(where=total("at_least", 10)), False, orders=((5, {"total": 9}), (6, {}))),
    Case("where text", bought(where=total("at_least", 10)), False, orders=((5, {"total": "10"}),)),
    Case("count", bought(count=count("at_least", 2)), True, orders=((5, {}), (6, {}))),
    Case("count", bought(count=count("at_least", 2)), False, orders=((5, {}),)),
    Case(
        "count where",
        bought(count=count("is", 1), where=total("is", 1)),
        True,
        orders=((5, {"total": 1}), (6, {})),
    ),
    Case("count none", bought(count=count("at_most", 0)), True),
    Case("count is 0", bought(count=count("is", 0)), True, orders=((-5, {}),)),
    Case("count in", bought(count=count("in", (1, 3))), True, orders=((5, {}),)),
    Case(
        "count between", bought(count=count("at_least", 1) + count("less_than", 2)), True, orders=((5, {}),)
    ),
    Case("first of none", bought(first=Pick(60)), False),
    Case("not first of none", Not(bought(first=Pick(60))), True),
    # As with `within`: what happened exactly so long ago is too old.
    Case("first within", bought(first=Pick(6)), True, orders=((5, {}), (1, {}))),
    Case("first too old", bought(first=Pick(5)), False, orders=((5, {}), (1, {}))),
    Case("first of those within", bought(within=3, first=Pick(2)), True, orders=((5, {}), (1, {}))),
    Case("most recent within", bought(most_recent=Pick(2)), True, orders=((5, {}), (1, {}))),
    Case("most recent is to come", bought(most_recent=Pick(2)), False, orders=((5, {}), (-1, {}))),
    Case(
        "most recent where",
        bought(most_recent=Pick(where=total("at_least", 10))),
        False,
        orders=((5, {"total": 10}), (1, {"total": 9})),
    ),
    Case(
        "of two at one time the later told",
        bought(first=Pick(where=total("is", 1)), most_recent=Pick(where=total("is", 2))),
        True,
        orders=((5, {"total": 1}), (5, {"total": 2})),
    ),
    Case(
        "most recent and count",
        bought(count=count("is", 1), most_recent=Pick(2)),
        False,
        orders=((5, {}), (1, {})),
    ),
    Case("not count", Not(bought(count=count("at_least", 2))), True),
    Case("sum", bought(sum=total("at_least", 10)), True, orders=((5, {"total": 4}), (6, {"total": 6}))),
    Case("sum", bought(sum=total("more_than", 10)), False, orders=((5, {"total": 4}), (6, {"total": 6}))),
    Case(
        "sum of cents",
        bought(sum=total("at_least", 0.8)),
        True,
        orders=((5, {"total": 0.1}), (6, {"total": 0.7})),
    ),
    Case(
        "sum of cents", bought(sum=total("is", 0.3)), True, orders=((5, {"total": 0.1}), (6, {"total": 0.2}))
    ),
    Case(
        "sum of numbers only",
        bought(sum=total("is", 6)),
        True,
        orders=((5, {"total": "4"}), (6, {"total": 6}), (7, {"total": True}), (8, {}), (9, {"total": None})),
    ),
    Case("sum of none", bought(sum=total("is", 0)), True),
    Case(
        "count and sum", bought(count=count("is", 1), sum=total("is", 5)), True, orders=((5, {"total": 5}),)
    ),
    Case(
        "count, not sum", bought(count=count("is", 1), sum=total("is", 5)), False, orders=((5, {"total": 4}),)
    ),
]
TRIGGER = [
    Case("none", trigger("a", "exists", False), False),
    Case("none and no test", Trigger(()), False),
    Case("not", Not(trigger("a", "is", 1)), True),
    Case("present", Trigger(()), True, trigger={}),
    Case("property", trigger("a", "at_least", 100), True, trigger={"a": 100}),
    Case("property", trigger("a", "at_least", 100), False, trigger={"a": "abc"}),
    Case("no property", trigger("a", "is_not", 100), False, trigger={}),
]

GROUPS = {
    "present": PRESENT,
    "dates": DATES,
    "missing": MISSING,
    "columns": COLUMNS,
    "keys": KEYS,
    "logic": LOGIC,
    "consent": CONSENT,
    "history": HISTORY,
    "trigger": TRIGGER,
}
