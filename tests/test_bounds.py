"""Templates that would fill the memory or never end: refused when they are read, stopped if they were not."""

import tracemalloc
from typing import Any

import pytest
from jinja2 import TemplateSyntaxError

from journeyflow.bounds import LARGEST, MOST_TEXT, MOST_TURNS, MOST_VALUES, RUN, Run
from journeyflow.errors import RenderError
from journeyflow.messages.render import Place, fill
from journeyflow.reading import Reader
from journeyflow.refusals import refusals
from journeyflow.sandbox import ROOTS, compile_jinja, parse_jinja

MOST_MEMORY = 30_000_000  # bytes; a text may have 500 kB, and lists of its values on the way there
DATA = {root: {"x": "a", "n": 9**9, "items": [{"name": "a"}] * 100} for root in ROOTS}
TEN = "0123456789"
LONG = "{% set x = range(1000) | list %}" + "{% set x = x + x %}" * 4
LARGE = "{% set x = customer.x | replace('a', '" + TEN * 1_000 + "') %}" + "{% set x = x ~ x %}" * 5
TURNS = "{% for a in range(1000) %}" + "DO" * 10 + "{% endfor %}"
DOUBLED = "{% set x = customer.x %}" + "{% set x = MADE %}" * 25

READ = {  # what nobody needs to fill in to see it
    "a power of a power": "{{ 9 ** 9 ** 9 }}",
    "a repeated text": "{{ 'x' * 300000000 }}",
    "a repeated list": "{{ [0] * 300000000 }}",
    "a padded number": "{{ '%0300000000d' % 1 }}",
    "a padded number by a filter": "{{ '%0300000000d' | format(1) }}",
    "a centred text": "{{ 'x' | center(300000000) }}",
    "an indented text": "{{ 'x' | indent(300000000, true) }}",
    "a wrapped text": "{{ 'x y' | wordwrap(1, true, 'x' ~ customer.x) }}",
    "attributes of a tag": "{{ {'a': customer.x} | xmlattr }}",
    "an indented JSON": "{{ [[[[1]]]] | tojson(indent=300000000) }}",
    "a long range": "{{ range(300000000) | join }}",
    "filler text": "{{ lipsum(n=100000) }}",
    "a macro that calls itself": "{% macro a() %}{{ a() }}{{ a() }}{% endmacro %}{{ a() }}",
    "a loop that calls itself": "{% for a in [1, 2] recursive %}{{ loop([1, 2]) }}{% endfor %}",
    "a filled row": "{{ [1] | batch(300000000, 0) | list }}",
    "a method": "{{ 'x'.ljust(300000000) }}",
    "a grown number": "{% set ns = namespace(n=9) %}{% set ns.n = ns.n * ns.n %}",
}
FILLED_IN = {  # what depends on values
    "loops in loops": "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
    "loops over data": "{% for a in event['items'] %}{% for b in event['items'] %}"
    "{% for c in event['items'] %}{% endfor %}{% endfor %}{% endfor %}",
    "much text that is kept": "{% set x %}{% for a in range(1000) %}"
    + TEN * 1_000
    + "{% endfor %}{% endset %}",
    "much text that is filtered": "{% filter length %}{% for a in range(1000) %}" + TEN * 500 + "{% endfor %}"
    "{% endfilter %}",
    "much to look at": "{% for a in range(1000) %}" + "{% if a is none %}{% endif %}" * 700 + "{% endfor %}",
    "many filters": "{% set x = customer.x | replace('a', '"
    + TEN * 10_000
    + "') %}{% for a in range(1000) %}"
    "{% set y = x | upper %}{% endfor %}",
    "a long range": "{{ range(customer.n) | join }}",
    "a padded number": "{{ customer.x % customer.n }}",
    "a repeated text": "{{ customer.x * customer.n }}",
    "a joined text": DOUBLED.replace("MADE", "x ~ x"),
    "an added text": DOUBLED.replace("MADE", "x + x"),
    "a text in a text": DOUBLED.replace("{% set x = MADE %}", "{% set x %}{{ x }}{{ x }}{% endset %}"),
    "an added list": DOUBLED.replace("customer.x", "[1]").replace("MADE", "x + x"),
    "a list in a list": DOUBLED.replace("MADE", "[x, x]"),
    "a dictionary in one": DOUBLED.replace("MADE", "{'a': x, 'b': x}"),
    "a list that is compared": DOUBLED.replace("MADE", "(x, x)") + "{{ x == x }}",
    "a replaced text": DOUBLED.replace("MADE", "x | replace('a', 'aa')"),
    "an empty text replaced": DOUBLED.replace("MADE", "x | replace('', 'a')"),
    "a list with long commas": DOUBLED.replace("MADE", "[1, 2, 3] | join(x)"),
    "a list of lists": DOUBLED.replace("MADE", "[[], []] | map('default', x, true) | list"),
    "a grouped list": DOUBLED.replace("MADE", "[{'a': x}, {'a': x}] | map(attribute='a') | list"),
    "a grown number": DOUBLED.replace("customer.x", "9").replace("MADE", "x * x"),
    "a rounded number": "{{ 2.5 | round(customer.n) }}",
    "rows": "{{ [1] | batch(customer.n) }}",
    "columns": "{{ [1] | slice(customer.n) }}",
    "a long list in a long list": LONG + "{{ x | select('in', x) | list | length }}",
    "much to trim": "{% set x = customer.x | replace('a', '" + "ab" * 100 + "') %}{{ x | trim(x) }}",
    "decimals": "{{ 1 | number(customer.n) }}{{ 1 | money('SEK', decimals=customer.n) }}",
    "the words of a plural": DOUBLED.replace("MADE", "5 | plural('{n}' ~ x ~ x)"),
    "a list in words": DOUBLED.replace("MADE", "[x, x] | listed"),
}
OFTEN = {  # what takes long, and no room
    "a long list looked through often": LONG
    + "{% for a in range(1000) %}{% if 'no' in x %}{% endif %}{% endfor %}",
    "a long list compared often": LONG
    + "{% for a in range(1000) %}{% if x == x | list %}{% endif %}{% endfor %}",
    "a list added to often": LONG + TURNS.replace("DO", "{% set y = x + [1] %}"),
    "a text added to often": LARGE + TURNS.replace("DO", "{% set y = x + 'a' %}"),
    "a list cut often": LONG + TURNS.replace("DO", "{% set y = x[1:] %}"),
    "a text turned round often": LARGE + TURNS.replace("DO", "{% set y = x[::-1] %}"),
    "a long list tested often": LONG + TURNS.replace("DO", "{% if -1 is in x %}{% endif %}"),
    "a long text tested often": LARGE + TURNS.replace("DO", "{% if 'no' is in x %}{% endif %}"),
    "the letters of a long text tested often": LARGE + TURNS.replace("DO", "{% if x is lower %}{% endif %}"),
    "a long list watched for changes": LONG
    + "{% set y = x | list %}"
    + TURNS.replace("DO", "{% if loop.changed(x) or loop.changed(y) %}{% endif %}"),
}


def render(text: str) -> str:
    return fill(compile_jinja(text, escape=True), DATA, Place("it", frozenset(), ""))


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_refused_when_it_is_read(text: str) -> None:
    assert [refusal.line for refusal in refusals(parse_jinja(text))]


@pytest.mark.parametrize("text", [*READ.values(), *FILLED_IN.values()])
def test_stopped_when_it_is_filled_in(text: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises((RenderError, TemplateSyntaxError, NameError)):
            render(text)
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", OFTEN.values(), ids=OFTEN)
def test_what_is_done_too_often_is_stopped(text: str) -> None:
    with pytest.raises(RenderError, match="takes too much work"):
        render(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FILLED_IN["loops in loops"], f"it has loops of more than {MOST_TURNS} turns together"),
        (
            FILLED_IN["much to look at"],
            "it takes too much work to fill in; make its loops, lists and texts shorter",
        ),
        (FILLED_IN["a joined text"], f"it makes a text of more than {MOST_TEXT} characters; shorten it"),
        (FILLED_IN["a list in a list"], f"it makes a list of more than {MOST_VALUES} values; shorten it"),
        (FILLED_IN["a grown number"], "it makes a number too large to reckon with; mend the sum"),
        (
            FILLED_IN["a rounded number"],
            'that does not fit: the filter "round" expects from 0 to 10 decimals',
        ),
    ],
)
def test_why_is_told(text: str, told: str) -> None:
    with pytest.raises(RenderError) as caught:
        render(text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("{% for a in range(7) %}{% endfor %}", 7),
        ("{% for a in range(7) %}{% for b in 'ab' %}{% endfor %}{% endfor %}", 21),
        ("{% for a in range(7) if a > 5 %}{% for b in 'ab' %}{% endfor %}{% endfor %}", 9),
        ("{% for a in {'a': 1, 'b': 2} %}{{ loop.index }} of {{ loop.length }}{% endfor %}", 2),
        ("{% for a, b in {'a': 1} | items %}{{ a }}{% else %}none{% endfor %}", 1),
        ("{% for row in range(9) | batch(2) %}{% for a in row %}{% endfor %}{% endfor %}", 14),
    ],
)
def test_every_turn_is_counted_once(text: str, turns: int) -> None:
    run = Run(Reader())
    list(compile_jinja(text, escape=True).generate({RUN: run}))
    assert MOST_TURNS - run.turns == turns


@pytest.mark.parametrize("text", ["{{ a ~ b }}", "{% set c = a ~ b %}{{ c }}", "{{ [a, b] | join }}"])
def test_what_is_joined_is_escaped_as_before(text: str) -> None:
    data: dict[str, Any] = {"a": "<", "b": 1, RUN: Run(Reader())}
    assert "".join(compile_jinja(text, escape=True).generate(data)) == "&lt;1"
    data[RUN] = Run(Reader())
    assert "".join(compile_jinja(text, escape=False).generate(data)) == "<1"


@pytest.mark.parametrize("nested", ["x", "[x]", "{'a': x}"])
def test_as_many_values_as_the_list_of_bounds_says(nested: str) -> None:
    whole = "{% set x = range(1000) | list %}" + f"{{% set x = {' + '.join(['x'] * 20)} %}}"
    spare = nested.count("x") + nested.count("[") + nested.count("{") - 1
    assert render(f"{whole}{{{{ ({nested.replace('x', f'x[{spare}:]')}) | length }}}}")
    with pytest.raises(RenderError, match=f"more than {MOST_VALUES} values"):
        render(f"{whole}{{% set y = {nested.replace('x', '(x + [1])')} %}}{{{{ y | length }}}}")


def test_numbers_up_to_the_largest_are_reckoned_with() -> None:
    assert render(f"{{{{ {LARGEST - 1} + 1 }}}}") == str(LARGEST)
    with pytest.raises(RenderError):
        render(f"{{{{ {LARGEST} + 1 }}}}")


class _Thing:
    """What is no plain data."""


@pytest.mark.parametrize(
    "text", ["{{ customer.x }}", "{{ customer.x.y }}", "{% for a in customer.x %}{% endfor %}"]
)
def test_only_plain_data_can_be_used(text: str) -> None:
    with pytest.raises(RenderError, match=r"^it "):
        fill(compile_jinja(text, escape=False), {"customer": {"x": _Thing()}}, Place("it", frozenset(), ""))
