"""What is refused unseen really fails for everybody, and what is not refused can be filled in."""

from typing import Any

import pytest

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
        "{{ range(100001) | length }}",
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
    ],
)
def test_what_never_can_be_filled_in(text: str) -> None:
    assert told(text)
    for value in VALUES:
        with pytest.raises((RenderError, NameError)):
            rendered(text, value)


@pytest.mark.parametrize(
    "text",
    [
        "{{ customer.x }}",
        "{{ 2 * 3 + 1 / 4 - 7 // 2 }}",
        "{{ -1 * true }}",
        "{{ '%d of %s' % (0, 3) }}{{ '%d' % 0 }}",
        "{{ 'a' + 'b' ~ 1 }}{{ [1] + [2] }}",
        "{{ 1 if customer.x else 0 }}",
        "{{ customer.x | default('') | string | upper | trim | replace('a', 'b') | truncate(5, true, '') }}",
        "{{ customer.x | string | urlencode }}{{ [3, 1] | sort(reverse=true) | join(', ') }}",
        "{{ [{'a': 1}] | map(attribute='a') | sum }}{{ ['a'] | map('upper') | first }}",
        "{{ [1, 2, 3] | select('odd') | list }}{{ {'b': 1} | dictsort }}{{ [1] | batch(2, 0) | list }}",
        "{{ {'a': 1} | tojson }}{{ 7 is divisibleby(7) }}{{ 'a' is in ['a'] }}{{ 3 is gt 2 }}",
        "{{ 2.71 | round(1, 'floor') }}{{ 'x' | indent(width=2) }}{{ 'x' | e }}{{ '%s' | format('a') }}",
        "{% filter upper %}a{% endfilter %}{{ {'a': {'b': 1}}.a.b }}{{ 'abc'[1] }}{{ [1, 2][0] }}",
        "{% macro bold(t) %}*{{ t }}*{% endmacro %}{{ bold('a') }}{{ bold(t='a') }}",
        "{% macro box() %}{{ caller() }}{% endmacro %}{% call box() %}a{% endcall %}",
        "{% macro twice(f) %}{{ f(1) }}{% endmacro %}{% macro one(x) %}{{ x }}{% endmacro %}{{ twice(one) }}",
        "{% for a in [1, 2] %}{{ loop.cycle('x', 'y') }}{{ loop.changed(a) }}{{ loop.index }}{% endfor %}",
        "{% for a in [[1], []] recursive %}{{ loop(a) if a is iterable }}{% endfor %}",
        "{% set turn = cycler('a', 'b') %}{{ turn.next() }}{{ turn.current }}",
        "{% macro name(customer) %}{{ customer() }}{% endmacro %}{% macro a() %}{% endmacro %}{{ name(a) }}",
        "{% macro each() %}{{ caller(range) }}{% endmacro %}{% call(f) each() %}{{ f(2) }}{% endcall %}",
        "{% set comma = joiner(', ') %}{{ comma() }}{{ comma() }}",
        "{% set ns = namespace(n=0) %}{% set ns.n = ns.n + 1 %}{{ ns.n * 2 }}",
        "{% set f = range %}{{ f(2) | list }}{% for g in [range] %}{{ g(2) | list }}{% endfor %}",
        "{{ dict(a=1).a }}{{ range(1, 4) | list }}{{ range(100000) | length }}",
        "{% block greeting %}hi{% endblock %}{{ self.greeting() }}",
    ],
)
def test_what_can_be_filled_in(text: str) -> None:
    assert told(text) == []
    for value in VALUES:
        rendered(text, value)


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
