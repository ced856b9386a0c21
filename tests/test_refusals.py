"""What is refused unseen really fails for everybody, and what is not refused can be filled in."""

from typing import Any

import pytest
from jinja2 import TemplateSyntaxError

from journeyflow.errors import RenderError
from journeyflow.messages.render import Place, fill
from journeyflow.refusals import refusals
from journeyflow.sandbox import ROOTS, compile_jinja, parse_jinja

VALUES = ["Ann", "", 7, 2.5, True, None, ["gold", "new"], {"city": "Lund"}]


def told(text: str) -> list[str]:
    return [refusal.message for refusal in refusals(parse_jinja(text))]


def rendered(text: str, value: Any) -> str:
    data = {root: {"x": value} for root in ROOTS}
    return fill(compile_jinja(parse_jinja(text), escape=False), data, Place("it", frozenset(), ""))


@pytest.mark.parametrize(
    "text",
    [
        "{{ 9**9**9 }}",
        "{{ customer.x ** 2 }}",
        "{{ 1/0 }}",
        "{{ customer.x / (1 - 1) }}",
        "{{ 7 // 0 }}{{ 7 % 0 }}",
        "{{ 1e308 // 0.0 }}",
        "{{ 1e999 + customer.x }}",
        "{{ (1" + "0" * 400 + ") / 2.5 }}",
        "{{ [1]*9 }}",
        "{{ 'ab' * 3 }}",
        "{{ customer.x * 'ab' }}",
        "{{ (customer.x ~ 'a') * 2 }}",
        "{{ none * 2 }}",
        "{{ 'a' - 1 }}",
        "{{ 'a' + 1 }}",
        "{{ [1] + 'a' }}",
        "{{ customer.x.upper() }}",
        "{{ customer['x'].upper() }}",
        "{{ customer.items() }}",
        "{{ event() }}",
        "{{ 'a'.upper() }}",
        "{{ [1].append(2) }}",
        "{{ {'a': 1}.items() }}",
        "{{ (customer.x | default('')).strip() }}",
        "{{ (customer.x ~ '!').upper() }}",
        "{% set name = customer.x %}{{ name.upper() }}",
        "{% set name %}x{% endset %}{{ name.upper() }}",
        "{% with name = customer.x %}{{ name.upper() }}{% endwith %}",
        "{% for letter in 'ab' %}{{ letter.upper() }}{% endfor %}",
        "{{ 'a'.upper }}",
        "{{ [1, 2].first }}",
        "{{ range.__self__ }}",
        "{{ namespace.__init__ }}",
        "{{ range(1001) | length }}",
        "{{ range() }}",
        "{{ range(1, 2, 0) }}",
        "{{ range(1.5) }}",
        "{% if true %}{{ 'a' | uper }}{% endif %}",
        "{% if true %}{{ 'a' is numbr }}{% endif %}",
        "{{ 'a' | upper(1) }}",
        "{{ 'a' | replace('b') }}",
        "{{ 'a' | default(fallback='b') }}",
        "{{ 1 is divisibleby }}",
        "{% set customer.x = 1 %}",
        "{{ 'a' % 'b' }}",
        "{{ '%0999999999d' % 1 }}",
        "{{ '%s' | format('a') }}",
        "{{ 'a' | center(9) }}",
        "{{ 'a' | safe }}",
        "{{ ['a'] | map('uper') }}",
        "{{ ['a'] | select('numbr') }}",
        "{{ [{}] | selectattr('a', 'numbr') }}",
        "{{ [1] | batch(2, 0) }}",
        "{{ {'a': 1} | tojson(indent=9) }}",
        "{{ dict(a=1) }}",
        "{% set turn = cycler('a') %}{{ turn.next() }}",
        "{% set comma = joiner(', ') %}{{ comma() }}",
        "{% set ns = namespace(n=0) %}{% set ns.n = 1 %}",
        "{% macro bold(t) %}*{{ t }}*{% endmacro %}{{ bold('a') }}",
        "{% macro box() %}{{ caller() }}{% endmacro %}{% call box() %}a{% endcall %}",
        "{% for a in [[1]] recursive %}{{ loop(a) }}{% endfor %}",
        "{% block greeting %}hi{% endblock %}{{ self.greeting() }}",
        "{% for a in 'b' %}{{ loop.__init__() }}{% endfor %}",
    ],
)
def test_what_never_can_be_filled_in(text: str) -> None:
    assert told(text)
    for value in VALUES:
        with pytest.raises((RenderError, NameError, TemplateSyntaxError)):
            rendered(text, value)


@pytest.mark.parametrize(
    "text",
    [
        "{{ customer.x }}",
        "{{ 2 * 3 + 1 / 4 - 7 // 2 }}",
        "{{ -1 * true }}",
        "{{ 'a' + 'b' ~ 1 }}{{ [1] + [2] }}",
        "{{ 1 if customer.x else 0 }}",
        "{{ customer.x | default('') | string | upper | trim | replace('a', 'b') | truncate(5, true, '') }}",
        "{{ customer.x | string | urlencode }}{{ [3, 1] | sort(reverse=true) | join(', ') }}",
        "{{ [{'a': 1}] | map(attribute='a') | sum }}{{ ['a'] | map('upper') | first }}",
        "{{ [1, 2, 3] | select('odd') | list }}{{ {'b': 1} | dictsort }}{{ [1] | batch(2) }}",
        "{{ {'a': 1} | tojson }}{{ 7 is divisibleby(7) }}{{ 'a' is in ['a'] }}{{ 3 is gt 2 }}",
        "{{ 2.71 | round(1, 'floor') }}{{ 'x' | e }}{{ ['a'] | slice(2) }}{{ 9 % 4 }}",
        "{% filter upper %}a{% endfilter %}{{ {'a': {'b': 1}}.a.b }}{{ 'abc'[1] }}{{ [1, 2][0] }}",
        "{% for a in [1, 2] %}{{ loop.cycle('x', 'y') }}{{ loop.changed(a) }}{{ loop.index }}{% endfor %}",
        "{{ range(1, 4) | list }}{{ range(1000) | length }}{% for a in range(2) %}{{ a }}{% endfor %}",
        "{{ 1234.5 | money('SEK') }}{{ '9.90' | money('EUR', decimals=0) }}{{ 0.2 | percent(1) }}",
        "{{ '2026-11-28T09:00:00Z' | date('long') }}{{ '2026-11-28' | date('weekday') }}",
        "{{ '2026-11-28T09:00:00Z' | time }}{{ '2026-11-28T09:00:00Z' | datetime('short') }}",
        "{{ 2 | plural(one='a point', other='{n} points') }}{{ ['a', 'b'] | listed('or') }}",
    ],
)
def test_what_can_be_filled_in(text: str) -> None:
    assert told(text) == []
    for value in VALUES:
        if value is not None:  # that is missing
            rendered(text, value)


@pytest.mark.parametrize(
    ("text", "way_out"),
    [
        ("{{ [1] | map(customer.x) }}", '"map" is given the name of a filter in quotes; write it out'),
        ("{{ range(*customer.x) }}", 'values are given one by one; take the "*" out'),
        ("{{ 1 | money(**customer) }}", 'values are given one by one; take the "*" out'),
        ("{% set f = range %}", '"range" is called, as in range(3); give it numbers'),
        (
            "{% macro a() %}{% endmacro %}",
            "there are no macros; write the text out, or put it into a part for",
        ),
        ("{% autoescape false %}a{% endautoescape %}", "values are always escaped in HTML; take"),
        ("{% block a %}{% endblock %}", 'there are no blocks; take "block" and "endblock" out'),
        ("{{ 'a' | safe }}", "values of customers are text and never HTML; take it out"),
        ("{{ 'a' | monye('SEK') }}", 'there is no filter "monye"; did you mean "money"?'),
    ],
)
def test_what_could_be_filled_in_and_may_not_be_written(text: str, way_out: str) -> None:
    assert [message for message in told(text) if way_out in message]


def test_what_is_around_a_refusal_is_told_too_and_what_is_inside_is_not() -> None:
    refused = refusals(
        parse_jinja("{{ customer.x.upper().lower() }}\n{{ 1 / 0 }}\n\n{% if 2 ** 2 %}{% endif %}")
    )
    assert [refusal.line for refusal in refused] == [1, 2, 4]


def test_a_filter_of_the_same_name_is_shown() -> None:
    assert told("{{ customer.x.upper() }}") == [
        '"upper" is called, and values have only filters; write {{ customer.x | upper }}'
    ]
    assert told("{% if 1 %}{{ 'a' | uper }}{% endif %}") == [
        'there is no filter "uper"; did you mean "upper"?'
    ]
