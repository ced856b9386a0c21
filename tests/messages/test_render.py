import traceback
from typing import Any

import pytest

from journeyflow.errors import RenderError
from journeyflow.messages.render import MAX_BYTES, Rendered, Renderer, with_defaults
from journeyflow.messages.templates import Template
from journeyflow.messages.webhook import render_body
from journeyflow.plan import Datum

SECRET = "Zebulon"


def render(text: str = "text", customer: dict[str, Any] | None = None, **parts: Any) -> Rendered:
    template = Template(
        "hello", "email", "sv", **({"subject": "subject", "html": "<p></p>"} | parts), text=text
    )
    context = {"customer": customer or {}, "event": {"items": 3}, "journey": {}, "sender": {}}
    return Renderer().render(template, context)


def refusal(text: str = "text", customer: dict[str, Any] | None = None, **parts: Any) -> str:
    with pytest.raises(RenderError) as caught:
        render(text, customer, **parts)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def test_values_are_escaped_in_html_only() -> None:
    part = "{{ customer.name }} & co"
    rendered = render(part, {"name": "<Åsa>"}, subject=part, html=part)
    assert rendered == Rendered(subject="<Åsa> & co", html="&lt;Åsa&gt; & co", text="<Åsa> & co\n")


def test_a_value_is_never_rendered_again() -> None:
    assert render("{{ customer.name }}", {"name": "{{ 7 * 7 }}{% raw %}"}).text == "{{ 7 * 7 }}{% raw %}\n"


def test_an_item_wins_over_a_method_of_the_same_name() -> None:
    assert render("{{ event.items + 1 }}").text == "4\n"


def test_the_same_template_renders_the_next_customer() -> None:
    renderer = Renderer()
    template = Template("hello", "sms", "", text="Hi {{ customer.name }}")
    texts = [renderer.render(template, {"customer": {"name": name}}).text for name in ("Ann", "Bob")]
    assert texts == ["Hi Ann", "Hi Bob"]


def test_a_changed_template_is_not_taken_for_the_old_one() -> None:
    renderer = Renderer()
    texts = [renderer.render(Template("hello", "sms", "", text=text), {}).text for text in ("old", "new")]
    assert texts == ["old", "new"]


def test_tags_alone_on_a_line_leave_no_gap() -> None:
    assert (
        render("one\n\n{% if customer.x %}\n\nno\n\n{% endif %}\n\ntwo", {"x": False}).text == "one\n\ntwo\n"
    )


def test_a_long_run_of_spaces_is_read_once() -> None:
    """A customer's text may be nothing else; looked at from each of its spaces, it would take minutes."""
    spaces = " " * 200_000
    assert render("a{{ customer.x }}b\n \n\t\n\nc", {"x": spaces}).text == f"a{spaces}b\n\nc\n"


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n", "\x00", "\x85", "\u2028", "\x1b"])
def test_a_subject_cannot_be_broken_into_headers(line_break: str) -> None:
    name = f"{SECRET}{line_break}Bcc: all@example.com"
    message = refusal(customer={"name": name}, subject="Hi {{ customer.name }}!")
    assert message == 'template "hello" (email, sv) has a line break or control character in its subject'


def test_a_subject_must_say_something() -> None:
    assert "empty subject" in refusal(customer={"name": " "}, subject="{{ customer.name }}")


def test_a_text_must_say_something() -> None:
    assert "empty text" in refusal("{% if false %}x{% endif %}")


@pytest.mark.parametrize(
    "text",
    [
        "{{ customer.first_name }}",
        "{% if customer['first_name'] %}{% endif %}",
        "{{ customer.first_name > 1 }}",
    ],
)
def test_a_missing_variable_is_named(text: str) -> None:
    message = refusal(text, {"name": SECRET})
    assert message.startswith('template "hello" (email, sv) uses "customer.first_name", which is missing')


@pytest.mark.parametrize(
    "text",
    [
        "{{ customer.x }}",
        "{{ customer['x'] }}",
        "{{ customer.x ~ 'a' }}",
        "{{ 'a' ~ customer.deep.x }}",
        "{{ customer.list[0] }}",
        "{{ customer.x | upper }}",
        "{% if customer.x %}{% endif %}",
        "{% for one in customer.list %}{{ one }}{% endfor %}",
        "{% for one in customer.list %}{{ one ~ 'a' }}{% endfor %}",
    ],
)
def test_null_is_missing(text: str) -> None:
    assert "missing for this customer" in refusal(text, {"x": None, "deep": {"x": None}, "list": [None]})


@pytest.mark.parametrize(
    "text",
    [
        "{{ customer.x | default('a') }}",
        "{{ customer.list[0] | d('a') }}",
        "{% for one in customer.list %}{{ one | default('a') }}{% endfor %}",
        "{% for one in customer.list if one is defined %}{% else %}a{% endfor %}",
        "{{ 'a' if customer.x is none else 'b' }}",
        "{{ 'a' if customer.y is none else 'b' }}",
        "{{ 'b' if customer.x is defined else 'a' }}",
        "{{ 'a' if customer.list[0] is undefined else 'b' }}",
    ],
)
def test_null_can_be_asked_for_as_what_is_missing(text: str) -> None:
    assert render(text, {"x": None, "list": [None]}).text == "a\n"


def test_a_missing_variable_that_was_looked_up_is_not_quoted() -> None:
    message = refusal("{{ event[customer.name] }}", {"name": SECRET})
    assert "a variable that is missing" in message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ customer.x + 1 }}", SECRET),
        ("{{ customer.x|round }}", SECRET),
        ("{{ 1 / customer.x }}", 0),
        ("{% for a in customer.x %}{% endfor %}", 5),
        ("{{ customer.x }}", "\ud800" + SECRET),
        ("{{ customer.x|money('SEK') }}", SECRET),
        ("{{ customer.x|date }}", SECRET),
        ("{{ customer.x|plural(one='a', other='b') }}", SECRET),
        ("{{ 1|money(customer.x) }}", SECRET),
        ("{{ '2026-11-28'|date(customer.x) }}", SECRET),
    ],
)
def test_a_value_that_does_not_fit(text: str, value: object) -> None:
    assert refusal(text, {"x": value}).startswith('template "hello" (email, sv) was given a ')


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ customer.__init__.__globals__ }}",
        "{{ customer['__class__'] }}",
        "{{ ''['__class__'] }}",
        "{{ ().__class__ }}",
        "{{ customer.name.format(customer) }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ ''|attr('__class__') }}",
        "{{ customer|attr('update') }}",
        "{{ customer.update({'a': 1}) }}",
        "{{ [].append(1) }}",
        "{{ self.__init__.__globals__ }}",
        "{{ range.__self__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ namespace.__init__ }}",
        "{{ 'x' * 300000000 }}",
        "{{ [0] * 300000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ range(999999999)|join }}",
        "{{ lipsum(n=1000) }}",
    ],
)
def test_the_sandbox_holds(text: str) -> None:
    customer = {"name": "{0.__class__}"}
    refusal(text, customer)
    assert customer == {"name": "{0.__class__}"}


def test_an_endless_message_is_stopped() -> None:
    text = "{% for a in range(100) %}{% for b in range(90) %}" + "0123456789" * 6 + "{% endfor %}{% endfor %}"
    assert refusal(text) == 'template "hello" (email, sv) came out larger than 500 kB for this customer'


def test_the_size_is_counted_in_bytes() -> None:
    assert len(render("{{ customer.x }}", {"x": "a" * MAX_BYTES}).text) == MAX_BYTES + 1
    assert "larger" in refusal("{{ customer.x }}", {"x": "å" * MAX_BYTES})


def test_a_stored_template_that_does_not_compile() -> None:
    assert "is not valid Jinja" in refusal("{% if %}")
    assert "nested too deep" in refusal("{{ " + "(" * 400 + "1" + ")" * 400 + " }}")
    assert "nested too deep" in refusal("{% for a in 'b' %}" * 21 + "{% endfor %}" * 21)


@pytest.mark.parametrize(
    "text", ["{% if %}", "{{ " + "[" * 400 + "]" * 400 + " }}", "{{ " + "9" * 5000 + " }}"]
)
def test_a_stored_body_that_does_not_compile(text: str) -> None:
    with pytest.raises(RenderError, match='webhook "steps/0", "a" is not valid Jinja'):
        render_body([Datum("a", text)], "steps/0", {})


def test_defaults_fill_what_is_missing_or_blank() -> None:
    data = {"customer": {"a": None, "b": " ", "c": 0, "d": False, "e": "kept"}}
    defaults = {f"customer.{name}": "default" for name in "abcdef"} | {"event.place.name": "here"}
    filled = with_defaults(data, defaults)
    assert filled["customer"] == {
        "a": "default", "b": "default", "c": 0, "d": False, "e": "kept", "f": "default",
    }  # fmt: skip
    assert filled["event"] == {"place": {"name": "here"}}


def test_defaults_leave_the_callers_data_alone() -> None:
    data: dict[str, Any] = {"customer": {"place": {"a": 1}}}
    with_defaults(data, {"customer.place.b": 2, "customer.c": 3})
    assert data == {"customer": {"place": {"a": 1}}}
