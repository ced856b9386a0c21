"""What templates write dates, numbers and lists with, in the language of the reader."""

from collections.abc import Mapping
from typing import Any

import pytest

from journeyflow.errors import RenderError
from journeyflow.messages.render import Place, fill
from journeyflow.reading import Reader
from journeyflow.sandbox import compile_jinja

LATE = "2026-11-28T23:30:00Z"  # the next day in Sweden, still the same in New York
ZONES = {"sv": "Europe/Stockholm", "en-US": "America/New_York", "pl": "Europe/Warsaw", "ar": "Africa/Cairo"}


def written(text: str, locale: str, *, plain: bool = False, **values: Any) -> str:
    reader = Reader(locale, ZONES.get(locale, "UTC"))
    place = Place("it", frozenset(f"customer.{name}" for name in values), "give it a default")
    return fill(compile_jinja(text, escape=False), {"customer": values}, place, reader, plain=plain)


def refused(text: str, **values: Any) -> str:
    with pytest.raises(RenderError) as caught:
        written(text, "sv", **values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("locale", "filter", "value", "said"),
    [
        ("sv", "date", LATE, "29 nov. 2026"),
        ("en-US", "date", LATE, "Nov 28, 2026"),
        ("sv", "date('full')", LATE, "söndag 29 november 2026"),
        ("sv", "date('short')", "2026-11-28", "2026-11-28"),  # a date alone is the same everywhere
        ("en-US", "date('day')", "2026-11-28", "November 28"),
        ("sv", "date('weekday')", "2026-11-28", "lördag"),
        ("pl", "date('month')", LATE, "listopad 2026"),
        ("sv", "date('long')", "2026-11-28T23:30:00", "28 november 2026"),  # no zone: as it stands
        ("sv", "time", LATE, "00:30"),
        ("en-US", "time", LATE, "6:30\u202fPM"),
        ("sv", "datetime('short')", LATE, "2026-11-29 00:30"),
        ("sv", "datetime", LATE, "29 nov. 2026 00:30:00"),
        ("ar", "date('day')", LATE, "29 نوفمبر"),
        ("sv", "number", 1234567.891, "1\xa0234\xa0567,891"),
        ("en-US", "number(1)", 0.25, "0.2"),
        ("sv", "number", "1234.5", "1\xa0234,5"),
        ("sv", "money('SEK')", 1234.5, "1\xa0234,50\xa0kr"),
        ("en-US", "money('USD')", -5, "-$5.00"),
        ("en-US", "money('SEK')", 5, "SEK\xa05.00"),
        ("sv", "money('JPY')", 1200, "1\xa0200\xa0JPY"),
        ("sv", "money('SEK', decimals=0)", 129, "129\xa0kr"),
        ("sv", "percent", 0.25, "25\xa0%"),
        ("en-US", "percent(1)", 0.255, "25.5%"),
        ("sv", "plural(one='en poäng', other='{n} poäng')", 1, "en poäng"),
        ("sv", "plural(one='en poäng', other='{n} poäng')", 1.0, "en poäng"),
        ("sv", "plural(one='en poäng', other='{n} poäng')", 1400, "1\xa0400 poäng"),
        ("pl", "plural(one='płyta', few='{n} płyty', many='{n} płyt', other='{n} płyty')", 3, "3 płyty"),
        ("pl", "plural(one='płyta', few='{n} płyty', many='{n} płyt', other='{n} płyty')", 5, "5 płyt"),
        ("ar", "plural(zero='صفر', two='اثنان', other='{n}')", 2, "اثنان"),
        ("ar", "plural(zero='صفر', two='اثنان', other='{n}')", 0, "صفر"),
        ("sv", "listed", ["a", "b", "c"], "a, b och c"),
        ("en-US", "listed('or')", ["a", "b", "c"], "a, b, or c"),
        ("sv", "listed", [], ""),
        ("nl-XX", "date('month')", LATE, "november 2026"),  # a language in a country nobody knows
        ("xx", "date('month')", LATE, "November 2026"),  # a language nobody knows
        ("sv", "map('money', 'SEK') | listed", [1, 2], "1,00\xa0kr och 2,00\xa0kr"),
    ],
)
def test_as_the_reader_writes(locale: str, filter: str, value: object, said: str) -> None:
    assert written("{{ customer.x | " + filter + " }}", locale, x=value) == said


def test_an_sms_has_spaces_that_every_telephone_has() -> None:
    text = "{{ customer.x | money('SEK') }}, {{ customer.at | time }}"
    assert written(text, "sv", plain=True, x=1234.5, at=LATE) == "1 234,50 kr, 00:30"
    assert written("{{ customer.at | time }}", "en-US", plain=True, at=LATE) == "6:30 PM"


@pytest.mark.parametrize(
    ("text", "values", "told"),
    [
        ("{{ customer.x | date }}", {"x": "soon"}, 'filter "date" expects a date such as 2026-11-28'),
        ("{{ customer.x | date }}", {"x": ""}, 'filter "date" expects a date such as'),
        ("{{ customer.x | date }}", {"x": 20261128}, 'filter "date" expects a date such as'),
        ("{{ customer.x | date('yyyy') }}", {"x": LATE}, "expects short, medium, long or full"),
        ("{{ customer.x | time }}", {"x": "2031-01-02"}, "expects a date with a time of day"),
        ("{{ customer.x | date }}", {"x": "0001-01-01T00:00:00+14:00"}, "a date that the calendar has"),
        ("{{ customer.x | number }}", {"x": "many"}, 'filter "number" expects a number'),
        ("{{ customer.x | number }}", {"x": True}, 'filter "number" expects a number'),
        ("{{ customer.x | number }}", {"x": "nan"}, "expects a number that is not larger"),
        ("{{ customer.x | number }}", {"x": 1e300}, "expects a number that is not larger"),
        ("{{ customer.x | money('kronor') }}", {"x": 1}, "expects a currency of three letters"),
        ("{{ customer.x | money(customer.y) }}", {"x": 1, "y": 7}, "expects a currency of three letters"),
        ("{{ customer.x | percent(99) }}", {"x": 1}, "expects from 0 to 6 decimals"),
        ("{{ customer.x | plural('points') }}", {"x": [1]}, 'filter "plural" expects a number'),
        ("{{ customer.x | listed('nor') }}", {"x": ["a"]}, 'filter "listed" expects "and" or "or"'),
        ("{{ customer.x | map('date') | listed }}", {"x": ["soon"]}, 'filter "date" expects a date such as'),
    ],
)
def test_what_does_not_fit_is_told_without_its_value(text: str, values: dict[str, Any], told: str) -> None:
    message = refused(text, **values)
    assert told in message
    assert not any(str(value) in message for value in values.values() if isinstance(value, str) and value)


@pytest.mark.parametrize(
    "name", ["date", "time", "datetime", "number", "percent", "money('SEK')", "plural('a')"]
)
def test_what_is_missing_is_told_by_its_name(name: str) -> None:
    place = Place("it", frozenset({"customer.y"}), "give it a default")
    with pytest.raises(RenderError, match=r'it uses "customer.y", which is missing'):
        fill(compile_jinja("{{ customer.y | " + name + " }}", escape=False), {"customer": {}}, place)


@pytest.mark.parametrize("timezone", ["Nowhere/Atall", "../etc/passwd", "", "x" * 300])
def test_an_unknown_timezone_is_told(timezone: str) -> None:
    place = Place("it", frozenset(), "")
    data: Mapping[str, Any] = {"customer": {"x": LATE}}
    with pytest.raises(RenderError, match="a customer whose timezone there is not"):
        fill(compile_jinja("{{ customer.x | date }}", escape=False), data, place, Reader("sv", timezone))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ [1, 2, 3, 4, 5] | batch(2) }}", "[[1, 2], [3, 4], [5]]"),
        ("{{ [1, 2, 3, 4, 5] | slice(3) }}", "[[1, 2], [3, 4], [5]]"),
        ("{{ [1] | slice(3) }}", "[[1], [], []]"),
        ("{{ [{'a': 1.5}, {'a': 2}] | sum(attribute='a') }}", "3.5"),
        ("{{ [{'a': 1}, {'a': 2}] | join(', ', attribute='a') }}", "1, 2"),
        ("{{ 'banana' | replace('a', 'o', 2) }}", "bonona"),
        ("{{ 2.345 | round(2, 'floor') }}", "2.34"),
        (
            "{% for k, all in [{'a': 1}, {'a': 1}] | groupby('a') %}{{ k }}:{{ all | length }}{% endfor %}",
            "1:2",
        ),
        ("{{ {'b': 1, 'a': 2} | dictsort }}", "[('a', 2), ('b', 1)]"),
        ("{{ {'a': '<'} | tojson }}", '{"a": "\\u003c"}'),
    ],
)
def test_what_is_made_anew_does_as_jinja_does(text: str, said: str) -> None:
    assert written(text, "en") == said
