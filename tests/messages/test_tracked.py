"""Links of a template: which are found, what is left as it was, and where they lead in a message."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyflow.messages.links import LONGEST_TARGET, Click, Links
from journeyflow.messages.redirects import HtmlRedirects, ShortRedirects, place_of, with_pixel
from journeyflow.messages.render import Place, Renderer, fill
from journeyflow.messages.templates import Template, load_templates
from journeyflow.messages.tracked import in_html, in_text
from journeyflow.messages.utm import Parameters, parameters, with_parameters
from journeyflow.sandbox import TRACKER, compile_jinja

LINKS = Links("https://post.example.com/j", ["the secret of redirects, in tests only"])
SHIPPED = load_templates(Path(__file__).parents[2] / "templates" / "messages")[0]
CUSTOMER = {
    "id": "ann",
    "first_name": 'Åsa & "Co" <x>',
    "shop": "https://other.example/a?b=1&c=2",
    "none": "",
}
UTM = parameters(
    {"source": "jf", "campaign": "{journey}/{step}", "medium": "{channel}", "content": "{template} ä"},
    journey="hello",
    template="a",
    channel="email",
    step="steps/0",
)


def mark(number: int, address: str) -> str:
    return f"{{%+ filter tracked({number}) +%}}{address}{{%+ endfilter +%}}"


def marked(text: str) -> str:
    """What loading should make of a text in which the links are written as <<0:https://...>>."""
    return re.sub(r"<<(\d+):(.*?)>>", lambda match: mark(int(match[1]), match[2]), text, flags=re.DOTALL)


def unmarked(text: str) -> str:
    return re.sub(r"<<\d+:(.*?)>>", r"\1", text, flags=re.DOTALL)


HTML = {
    "one": '<a href="<<0:https://shop.example/>>">',
    "several": '<a href="<<0:http://a.example>>">x</a>\n<A HREF="<<1:HTTPS://b.example>>">',
    "single quotes": "<a class='x' href = '<<0:https://shop.example/?a=\"b\">>'>",
    "no quotes": "<a href=<<0:https://shop.example/a>>>x</a>",
    "a value inside": '<a href="<<0:https://shop.example/?c={{ customer["id"] }}&amp;d=1>>">',
    "all a value": '<a href="{{ event.url }}">',
    "a host with a value": '<a href="https://a.c{{ event.b }}"><a href="https://{{ event.b }}.example">',
    "a host that only looks ended": '<a href="https://a&#46;{{ event.b }}"><a href="https:///{{ event.b }}">',
    "a value that may be the host": '<a href="{% if event.a %}https://a/{% endif %}{{ event.b }}">',
    "a loop that may be the host": '<a href="https://a{% for i in x %}{{ i }}{% endfor %}/">',
    "a host by choice": '<a href="<<0:https://{% if event.a %}a{% else %}b{% endif %}.c/{{ event.b }}>>">',
    "a host and perhaps more": '<a href="<<0:https://a.c{% if event.a %}?b={{ event.b }}{% endif %}>>">',
    "a choice": '<a href="<<0:{% if event.a %}https://a.example{% else %}https://b.example{% endif %}>>">',
    "an area": '<map><area shape="rect" href="<<0:https://shop.example/>>"></map>',
    "lines": '<a\n  title="x"\n  href="<<0:\n https://shop.example/>>"\n>',
    "an own page": '<a href="{{ unsubscribe_url }}">x</a><a href="{{ preferences_url }}#sms">y</a>',
    "an own page by choice": '<a href="{% if event.a %}{{ confirm_url }}{% else %}https://a{% endif %}">',
    "no web": '<a href="mailto:a@b.example">a</a><a href="tel:+46">b</a><a href="#x">c</a><a name="x">d</a>',
    "no link": '<link href="https://a.example"><img src="https://a.example"><abbr href="https://a.example">',
    "another attribute": '<a data-href="https://a.example" title=\'href="https://b.example"\'>x</a> href="https://c"',
    "a comment": '<!-- <a href="https://no.example"> --><a href="<<0:https://yes.example>>">',
    "a comment that ends at once": '<!--><a href="<<0:https://yes.example>>">x</a> -->',
    "a comment of Jinja": '{# <a href="https://no.example"> #}<a href="<<0:https://yes.example>>">',
    "raw": '{% raw %}<a href="https://no.example">{{ x }}</a>{% endraw %}<a href="<<0:https://yes.example>>">',
    "style and title": '<title><a href="https://a.example"></title><style>a[href="https://b"] {}</style>',
    "half a block": '{% if event.a %}<a href="https://a.example/{% endif %}x">',
    "a variable that is set": '<a href="{% set x = 1 %}https://a.example/{{ x }}">{{ x }}</a>',
    "for Outlook": (
        '<!--[if mso]><v:roundrect href="<<1:https://b.example>>"><![endif]-->'
        '<a href="<<0:https://a.example>>">a</a>'
        '<!--[if !mso]><!--><a href="<<1:https://b.example>>">b</a><!--<![endif]-->'
        '<!--[if mso]><v:rect href="<<2:https://c.example>>"/><![endif]-->'
    ),
}
TEXTS = {
    "one": "See <<0:https://shop.example/a>>",
    "in a sentence": "See <<0:https://shop.example/a>>. Or (<<1:http://b.example/?x=1>>), now!",
    "a value": "<<0:https://shop.example/{{ customer.id }}>>\nbye {{ preferences_url }}",
    "an own page": "{{ unsubscribe_url }} and {{ event.url }} and shop.example",
    "a choice": "{% if a %}<<0:https://a.example/x>>{% else %}<<1:https://b.example>>.{% endif %}",
    "a choice inside": "<<0:https://a.example/{% if event.a %}x{% endif %}?b>>",
    "a loop": "{% for i in x %}<<0:https://a.example/{{ i }}>>{% endfor %}",
    "half a block": "{% if a %}https{% endif %}://a.example",
    "brackets": "(<<0:https://a.example/b_(c)>>) [x](<<1:https://b.example/[1]>>), <<2:http://c.example/)(>>!",
    "close together": "<<0:https://a.example/{{ a }}>>,<<1:https://b.example>>;<<2:https://c.example>>",
    "one inside another": "<<0:https://a.example/https://b.example?c=https://d.example>>",
    "a host with a value": "https://a.example{{ a }} https://{{ a }}/ https://{% if a %}a{% endif %}{{ a }}/",
    "lines": "a\n  <<0:https://a.example>>\n\n<<1:https://b.example>>\nb",
}


@pytest.mark.parametrize("name", HTML)
def test_links_of_html_are_found_and_nothing_else_changes(name: str) -> None:
    made, found = in_html(unmarked(HTML[name]))
    assert made == marked(HTML[name])
    assert found == len(set(re.findall(r"<<(\d+):", HTML[name])))
    compile_jinja(made, escape=True)


@pytest.mark.parametrize("name", TEXTS)
def test_links_of_texts_are_found_and_nothing_else_changes(name: str) -> None:
    assert in_text(unmarked(TEXTS[name])) == (marked(TEXTS[name]), TEXTS[name].count("<<"))


@pytest.mark.parametrize("text", [*map(unmarked, HTML.values()), *map(unmarked, TEXTS.values())])
@pytest.mark.parametrize("find", [in_html, in_text])
def test_without_a_tracker_a_message_is_the_same_to_the_byte(text: str, find: object) -> None:
    event = {"url": "https://e.example/?a=1&b=2", "a": True, "b": "x&"}
    own = dict.fromkeys(("unsubscribe_url", "preferences_url", "confirm_url"), "https://post.example.com/u/x")
    data = {"customer": CUSTOMER, "event": event, "x": [1], "a": True, **own}
    assert callable(find)
    place = Place("it", frozenset(), "")
    [before, after] = [fill(compile_jinja(part, escape=True), data, place) for part in (text, find(text)[0])]
    assert before == after


# Each would take minutes if all that lies in it were tried.
MANY = {
    "levels": ("https://x.example/" + "{% if a %}" * 4_000 + "{% endif %}" * 4_000, 0),
    "ways": ("https://x" + "{% if a %}x{% else %}y{% endif %}" * 60 + "/", 0),
}


@pytest.mark.parametrize("name", MANY)
def test_no_text_takes_long(name: str) -> None:
    text, found = MANY[name]
    assert in_text(text) == (text, found)


@given(st.text(alphabet="<a href=\"'>https://x{}%- \n!-[]if&;", max_size=200))
def test_whatever_stands_there_is_kept(text: str) -> None:
    made, _ = in_html(text)
    assert re.sub(r"\{%\+ (filter tracked\(\d+\)|endfilter) \+%\}", "", made) == text


class Hrefs(HTMLParser):
    """The addresses of links, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if tag == "a" and name == "href"]


def email(body: str, front: str = "") -> str:
    return f"---\nsubject: Hello\n{dedent(front)}---\n{body}\n"


def load(folder: Path, files: dict[str, str]) -> Template:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    [template], problems = load_templates(folder)
    assert problems == []
    return template


def problems_of(folder: Path, file: str, text: str) -> list[str]:
    (folder / file).parent.mkdir()
    (folder / file).write_text(text)
    return [str(problem).replace(f"{folder}/", "") for problem in load_templates(folder)[1]]


def render(template: Template, tracker: object, **event: object) -> str:
    own = dict.fromkeys(("unsubscribe_url", "preferences_url"), f"{LINKS.public_url}/u/x")
    context = {"customer": CUSTOMER, "event": event, "journey": {}, "sender": {}, **own, TRACKER: tracker}
    rendered = Renderer().render(template, context)
    return rendered.html or rendered.text


def redirects(added: Parameters = (), *, counts: bool = True) -> HtmlRedirects:
    return HtmlRedirects(LINKS, 12, added, counts)


# What is written in the attribute, and where a browser goes that reads it.
TARGETS = {
    "https://shop.example": "https://shop.example",
    "https://shop.example/räksmörgås?q=ö#å": "https://shop.example/räksmörgås?q=ö#å",
    "https://räksmörgås.example/💌": "https://räksmörgås.example/💌",
    "https://shop.example/?a=1&amp;b=2&c=3#top": "https://shop.example/?a=1&b=2&c=3#top",
    "https://shop.example/?copy=1&copy=2&reg&amp=3": "https://shop.example/?copy=1&copy=2®&amp=3",
    "https://shop.example/?a=%26%20&#38;b&#x3d;1": "https://shop.example/?a=%26%20&b=1",
    "https://shop.example/?n={{ customer.first_name | urlencode }}": (
        "https://shop.example/?n=%C3%85sa%20%26%20%22Co%22%20%3Cx%3E"
    ),
    "https://shop.example/?n={{ customer.first_name }}&m=1": 'https://shop.example/?n=Åsa & "Co" <x>&m=1',
    "{% if customer.none %}https://a.example{% else %}https://b.example{% endif %}": "https://b.example",
    " https://shop.example/a\n b ": "https://shop.example/a b",
}


@pytest.mark.parametrize("written", TARGETS)
def test_a_link_leads_where_it_led(tmp_path: Path, written: str) -> None:
    template = load(tmp_path, {"a/email.html": email(f'<p>Hello <a href="{written}">x</a></p>')})
    [url] = Hrefs(render(template, redirects())).found
    assert LINKS.read_click(url.removeprefix(f"{LINKS.public_url}/l/")) == Click(12, 0, TARGETS[written])


@pytest.mark.parametrize("written", [one for one in TARGETS if "{" not in one])
def test_an_address_is_read_as_browsers_read_it(written: str) -> None:
    """Also where nothing has put it into order beforehand, as in MJML."""
    url = redirects()(written, 3)
    assert LINKS.read_click(url.rsplit("/", 1)[1]) == Click(12, 3, TARGETS[written])


@pytest.mark.parametrize(
    "left",
    [
        "javascript:alert(1)", "mailto:a@b.example", "", "//shop.example", "data:text/html,x",
        f"{LINKS.public_url}/p/x", "https://shop.example/" + "x" * LONGEST_TARGET,
    ],
    ids=lambda text: text[:30],
)  # fmt: skip
def test_what_leads_to_no_page_on_the_web_or_to_an_own_one_is_left(left: str) -> None:
    assert redirects()(left, 0) == left


def test_what_a_value_leads_to_has_no_link_of_ours(tmp_path: Path) -> None:
    """Whoever fills in the value would have a link below our address to wherever they like."""
    body = '<p>Hello <a href="{{ customer.shop }}">x</a> <a href="https://a.example{{ event.x }}">y</a></p>'
    template = load(tmp_path, {"a/email.html": email(body)})
    found = Hrefs(render(template, redirects(UTM), x="@evil.example/")).found
    assert found == [CUSTOMER["shop"], "https://a.example@evil.example/"]


def test_the_same_message_comes_out_the_same(tmp_path: Path) -> None:
    template = load(tmp_path, {"a/email.html": email('<a href="https://a.example">x</a>')})
    again = load_templates(tmp_path)[0][0]
    assert render(template, redirects(UTM)) == render(again, redirects(UTM))
    assert template.digest == again.digest


def test_links_of_loops_have_the_number_of_their_place(tmp_path: Path) -> None:
    body = (
        '<a href="https://a.example">x</a>{% for i in event.items %}<a href="https://b.example/{{ i }}">y</a>'
        "{% endfor %}"
    )
    template = load(tmp_path, {"a/email.html": email(body)})
    found = [
        LINKS.read_click(url.rsplit("/", 1)[1])
        for url in Hrefs(render(template, redirects(), items=[1, 2])).found
    ]
    assert found == [
        Click(12, 0, "https://a.example"),
        Click(12, 1, "https://b.example/1"),
        Click(12, 1, "https://b.example/2"),
    ]


@pytest.mark.parametrize(
    "template", [one for one in SHIPPED if one.html], ids=lambda one: f"{one.name}-{one.locale}"
)
def test_the_links_of_the_shipped_mails_are_all_seen(template: Template) -> None:
    assert template.html is not None
    hrefs = Hrefs(re.sub(r"\{%\+ (filter tracked\(\d+\)|endfilter) \+%\}", "", template.html)).found
    assert template.links == len([href for href in hrefs if href.startswith("http")])
    assert "tracked(" not in template.text


def test_the_text_part_of_a_mail_is_left_as_it_is(tmp_path: Path) -> None:
    template = load(tmp_path, {"a/email.html": email('<p><a href="https://a.example">There</a></p>')})
    context = {"customer": {}, "event": {}, TRACKER: redirects(UTM)}
    assert "https://a.example" in Renderer().render(template, context).text


UTM_CASES = {
    "https://shop.example": "https://shop.example?{}",
    "https://shop.example/a": "https://shop.example/a?{}",
    "https://shop.example/a?": "https://shop.example/a?{}",
    "https://shop.example/a?b=1": "https://shop.example/a?b=1&{}",
    "https://shop.example/a?b=1&": "https://shop.example/a?b=1&{}",
    "https://shop.example/a#b?c": "https://shop.example/a?{}#b?c",
    "https://shop.example/a?b=/?x#c": "https://shop.example/a?b=/?x&{}#c",
}
ADDED = "utm_source=jf&utm_medium=email&utm_campaign=hello%2Fsteps%2F0&utm_content=a%20%C3%A4"


@pytest.mark.parametrize("url", UTM_CASES)
def test_parameters_are_added(url: str) -> None:
    assert with_parameters(url, UTM) == UTM_CASES[url].format(ADDED)


def test_a_parameter_that_is_there_stays() -> None:
    found = with_parameters("https://a.example/?utm_source=x&utm_campaign=#y", UTM)
    rest = "&utm_medium=email&utm_content=a%20%C3%A4"
    assert found == f"https://a.example/?utm_source=x&utm_campaign={rest}#y"


@pytest.mark.parametrize("counts", [True, False])
def test_parameters_are_added_to_links_that_count_and_to_others(tmp_path: Path, counts: bool) -> None:
    template = load(tmp_path, {"a/email.html": email('<a href="https://a.example/?b=1&amp;c=2#d">x</a>')})
    [url] = Hrefs(render(template, redirects(UTM, counts=counts))).found
    click = LINKS.read_click(url.removeprefix(f"{LINKS.public_url}/l/")) if counts else Click(12, 0, url)
    assert click == Click(12, 0, f"https://a.example/?b=1&c=2&{ADDED}#d")


@pytest.mark.parametrize(
    ("front", "utm", "tracking"),
    [
        ("", {}, True),
        ("utm: off\n", None, True),
        ("tracking: off\n", {}, False),
        (
            'utm:\n  campaign: spring\n  content: "{template}"\n',
            {"campaign": "spring", "content": "{template}"},
            True,
        ),
    ],
)
def test_a_template_has_rules_of_its_own(
    tmp_path: Path, front: str, utm: dict[str, str] | None, tracking: bool
) -> None:
    template = load(tmp_path, {"a/email.html": email("<p>x</p>", front)})
    assert (template.utm, template.tracking) == (utm, tracking)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("tracking: yes", '2:1: "tracking" should be "off", or be left out'),
        ("utm: none", '2:1: "utm" should be "off", or lines such as "campaign: spring"'),
        (
            "utm: {campain: x}",
            '2:7: "utm" has no "campain"; there are source, medium, campaign, term, content, id',
        ),
        ("utm: {campaign: {journey}}", '2:7: "campaign" should be a text, in quotes if it begins with "{"'),
        (
            'utm: {campaign: "{jurney}"}',
            '2:7: "campaign" has an unknown "{jurney}"; did you mean "{journey}"?',
        ),
    ],
)
def test_a_rule_that_is_none_is_told_with_its_place(tmp_path: Path, line: str, told: str) -> None:
    assert problems_of(tmp_path, "a/sms.txt", f"---\n{line}\n---\nx\n") == [f"a/sms.txt:{told}"]


def test_short_links_are_found_first_and_then_written(tmp_path: Path) -> None:
    text = (
        "A https://a.example/{{ event.x }}. {% for i in event.all %}https://b.example/{{ i }} {% endfor %}ö"
    )
    template = load(tmp_path, {"a/sms.txt": text})
    first = ShortRedirects(LINKS, UTM)
    before = render(template, first, x="1&2", all=[1, 2])
    assert before == "A https://a.example/1&2. https://b.example/1 https://b.example/2 ö"
    assert first.targets == {
        0: f"https://a.example/1&2?{ADDED}",
        1: f"https://b.example/1?{ADDED}",
        10_001: f"https://b.example/2?{ADDED}",
    }
    after = render(template, ShortRedirects(LINKS, UTM, {0: 7, 1: 8, 10_001: 9}), x="1&2", all=[1, 2])
    assert after == f"A {LINKS.short_url(7)}. {LINKS.short_url(8)} {LINKS.short_url(9)} ö"


def test_however_often_a_loop_turns_each_short_link_leads_to_its_own_page(tmp_path: Path) -> None:
    """Also where the text has more links than one would think."""
    text = " ".join(f"https://a.example/{place}" for place in range(150))
    text += "{% for i in event.all %} https://b.example/{{ i }} https://c.example/{{ i }}{% endfor %}"
    template, turns = load(tmp_path, {"a/sms.txt": text}), [*range(5)]
    first = ShortRedirects(LINKS, ())
    urls = render(template, first, all=turns).split()
    ids = {number: id for id, number in enumerate(first.targets, 1)}
    found = render(template, ShortRedirects(LINKS, (), ids), all=turns).split()
    targets = {LINKS.short_url(id): first.targets[number] for number, id in ids.items()}
    assert [targets[url] for url in found] == urls
    assert [place_of(number) for number in first.targets] == [*range(150), *[150, 151] * 5]


@pytest.mark.parametrize("html", ["<html><body><p>x</p></body></html>", "<p>x</p>"])
def test_the_image_that_counts_stands_at_the_end(html: str) -> None:
    found = with_pixel(html, "https://post.example.com/o/x.gif?a&b")
    before, _, after = found.partition(
        '<img src="https://post.example.com/o/x.gif?a&amp;b" width="1" height="1" alt=""'
    )
    assert before.endswith("<p>x</p>")
    assert re.sub(r"^[^>]*>", "", after) in ("</body></html>", "")


def test_a_target_is_readable_in_its_token() -> None:
    token = LINKS.click_url(12, 3, "https://shop.example/").rsplit("/", 1)[1]
    content = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert content[16:] == b"12 3 https://shop.example/", "so nobody needs us to see where a link leads"
