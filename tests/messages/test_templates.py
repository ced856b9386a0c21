from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeyflow.errors import RenderError
from journeyflow.messages.render import Renderer
from journeyflow.messages.templates import Template, TemplateProblem, load_templates

MJML = (
    "---\nsubject: Hi\n---\n"
    "<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"
)
HTML = "---\nsubject: Hi\n---\n<html><head>{}</head><body>{}</body></html>"


def load(folder: Path, files: dict[str, str]) -> tuple[list[Template], list[TemplateProblem]]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load_templates(folder)


def load_one(folder: Path, files: dict[str, str]) -> Template:
    templates, problems = load(folder, files)
    assert problems == []
    [template] = templates
    return template


def printed(folder: Path, files: dict[str, str]) -> list[str]:
    templates, problems = load(folder, files)
    assert templates == []
    return [str(problem).removeprefix(f"{folder}/") for problem in problems]


def test_files_become_templates(tmp_path: Path) -> None:
    files = {
        "a/email.mjml": MJML.format("x"),
        "a/email.sv-SE.html": HTML.format("", "x"),
        "b/sms.nl.txt": "x",
    }
    templates, problems = load(tmp_path, files | {"_parts/readme.md": "not a template"})
    assert problems == []
    assert [(one.name, one.channel, one.locale) for one in templates] == [
        ("a", "email", ""),
        ("a", "email", "sv-SE"),
        ("b", "sms", "nl"),
    ]


def test_no_folder_has_no_templates(tmp_path: Path) -> None:
    assert load_templates(tmp_path / "none") == ([], [])


def test_a_good_template_loads_beside_a_bad_one(tmp_path: Path) -> None:
    templates, problems = load(tmp_path, {"a/sms.txt": "{{", "b/sms.txt": "x"})
    assert [one.name for one in templates] == ["b"]
    assert [problem.line for problem in problems] == [1]


def test_front_matter(tmp_path: Path) -> None:
    front = (
        '---\nsubject: "Hi {{ customer.name }}"\npreheader: 2 < 3 & {{ customer.name }}\n'
        "defaults:\n  customer.name: you\n  customer.on: yes\n  customer.n: 12\n  customer.t: '12'\n"
        "  customer.b: true\n  customer.at: 21:00\n---\n"
    )
    template = load_one(tmp_path, {"a/email.html": front + "<html><body><p>x</p></body></html>"})
    assert template.subject == "Hi {{ customer.name }}"
    assert template.defaults == {
        "customer.name": "you", "customer.on": "yes", "customer.n": 12, "customer.t": "12",
        "customer.b": True, "customer.at": "21:00",
    }  # fmt: skip
    assert "2 &lt; 3 &amp; {{ customer.name }}" in (template.html or "")
    assert "2 < 3" not in template.text


def test_json_and_digest(tmp_path: Path) -> None:
    template = load_one(tmp_path, {"a/email.mjml": MJML.format("<mj-text>{{ customer.name }}</mj-text>")})
    again = Template.from_json(template.to_json())
    assert again == template
    assert again.digest == template.digest
    assert Template("a", "sms", "", text="1").digest != Template("a", "sms", "", text="2").digest


def test_jinja_survives_mjml(tmp_path: Path) -> None:
    body = (
        "<mj-raw>{% if customer.a < 1 and \"x\" != 'y' %}</mj-raw>"
        '<mj-button href="https://example.com/{{ customer["å"]|urlencode }}?a=1&b=2">Go {# why #}</mj-button>'
        "<mj-raw>{% endif %}</mj-raw><mj-text>5 > 3<br>{{ customer.name }}</mj-text>"
    )
    html = load_one(tmp_path, {"a/email.mjml": MJML.format(body)}).html or ""
    assert html.index("{% if customer.a < 1 and \"x\" != 'y' %}") < html.index("{# why #}")
    assert html.index("{# why #}") < html.index("{% endif %}") < html.index("{{ customer.name }}")
    assert 'https://example.com/{{ customer["å"]|urlencode }}?a=1&b=2{%+ endfilter +%}"' in html


def test_parts_are_put_in(tmp_path: Path) -> None:
    part = "<mj-section><mj-column><mj-text>{{ sender.reply_to }}</mj-text></mj-column></mj-section>"
    main = '---\nsubject: x\n---\n<mjml><mj-body><mj-include path="_parts/foot.mjml" /></mj-body></mjml>'
    template = load_one(tmp_path, {"a/email.mjml": main, "_parts/foot.mjml": part})
    assert template.text == "{{ sender.reply_to }}"
    assert "max-width:600px" in (template.html or "")


def test_styles_of_hand_written_html_move_to_the_elements(tmp_path: Path) -> None:
    style = "<style>p { color: red } @media (max-width: 9px) { p { color: blue } }</style>"
    html = load_one(tmp_path, {"a/email.html": HTML.format(style, "<p>x</p>")}).html or ""
    assert '<p style="color: red;">' in html
    assert "@media" in html


def test_a_loop_over_table_rows_keeps_its_place(tmp_path: Path) -> None:
    rows = "<table>{% for n in event.list %}<tr><td>{{ n }}</td></tr>{% endfor %}</table>"
    files = {"a/email.html": HTML.format("", rows), "a/email.txt": "{{ event.list|join(' ') }}"}
    template = load_one(tmp_path, files)
    rendered = Renderer().render(template, {"event": {"list": [1, 2, 3]}})
    assert (rendered.html or "").count("<td>") == 3
    assert rendered.text == "1 2 3\n"


def test_the_text_part_is_made_from_the_html(tmp_path: Path) -> None:
    body = (
        "<mj-text>One</mj-text><mj-raw>{% if customer.vip %}</mj-raw>"
        "<mj-text>Two &amp; <b>three</b></mj-text>"
        '<mj-raw>{% endif %}</mj-raw><mj-button href="https://example.com/{{ customer.id }}">Go</mj-button>'
        '<mj-text>Ask <a href="mailto:{{ sender.reply_to }}?subject=No">{{ sender.reply_to }}</a></mj-text>'
    )
    template = load_one(tmp_path, {"a/email.mjml": MJML.format(body)})
    context = {"customer": {"vip": True, "id": "<7>"}, "sender": {"reply_to": "help@example.com"}}
    rendered = Renderer().render(template, context)
    text = "One\n\nTwo & three\n\n[Go](https://example.com/<7>)\n\nAsk help@example.com\n"
    assert rendered.text == text
    context["customer"]["vip"] = False
    assert Renderer().render(template, context).text == text.replace("Two & three\n\n", "")


def test_words_that_look_like_held_tags_stay(tmp_path: Path) -> None:
    text = "qjf0qjf qqjf0qqjf {{ customer.name }} qjf9qjf"
    template = load_one(tmp_path, {"a/email.html": HTML.format("", f"<p>{text}</p>")})
    assert template.text == text
    assert text in (template.html or "")


BAD = {
    "jinja": (
        {"a/sms.txt": "---\ndefaults: {}\n---\none\ntwo {{ customer. }}"},
        'a/sms.txt:5:1: the Jinja does not parse: expected name or number; mend the tag',
    ),
    "jinja in the subject": (
        {"a/email.mjml": MJML.format("x").replace("Hi", '"{{ x"')},
        "a/email.mjml:2:1: the Jinja does not parse: unexpected end of template, expected 'end of print "
        "statement'; mend the tag",
    ),
    "unknown block": (
        {"a/sms.txt": "{% sned %}"},
        "a/sms.txt:1:1: the Jinja does not parse: Encountered unknown tag 'sned'; mend the tag",
    ),
    "unknown filter": (
        {"a/sms.txt": "{{ customer.x|shout }}"},
        "a/sms.txt:1:1: the Jinja does not parse: No filter named 'shout'; mend the tag",
    ),
    "a filter that draws lots": (
        {"a/sms.txt": "{{ [1, 2]|random }}"},
        "a/sms.txt:1:1: the Jinja does not parse: No filter named 'random'; mend the tag",
    ),
    "unknown variable": (
        {"a/sms.txt": "first_name\nHi {{ first_name }}"},
        'a/sms.txt:2:7: there is no variable "first_name"; there are confirm_url, coupon, customer, event, '
        "journey, preferences_url, registration_url, sender, unsubscribe_url",
    ),
    "another file": (
        {"a/sms.txt": "\n{% include 'b' %}"},
        "a/sms.txt:2:1: a template cannot load another one with Jinja; use mj-include, or write it here",
    ),
    "no subject": (
        {"a/email.mjml": "<mjml></mjml>"},
        'a/email.mjml:1:1: an e-mail needs a "subject" in its front matter; add one',
    ),
    "unknown key": (
        {"a/email.mjml": MJML.format("x").replace("subject", "subjct")},
        'a/email.mjml:2:1: the front matter has an unknown key "subjct"; known here: coupon, defaults, '
        "preheader, subject, tracking, utm",
    ),
    "a subject for an sms": (
        {"a/sms.txt": "---\nsubject: x\n---\nx"},
        'a/sms.txt:2:1: the front matter has an unknown key "subject"; known here: coupon, defaults, '
        "tracking, utm",
    ),
    "twice": (
        {"a/email.mjml": MJML.format("x").replace("---\n<", "subject: y\n---\n<")},
        'a/email.mjml:3:1: "subject" stands here a second time; remove one',
    ),
    "not YAML": (
        {"a/sms.txt": "---\ndefaults: [\n---\nx"},
        "a/sms.txt:3:1: the front matter is not YAML: expected the node content, but found '<stream "
        "end>'; mend it",
    ),
    "a list": (
        {"a/sms.txt": "---\n- x\n---\nx"},
        'a/sms.txt:2:1: the front matter should be lines such as "subject: ..."',
    ),
    "an alias": (
        {"a/email.html": "---\nsubject: *x\n---\nx"},
        'a/email.html:2:10: "*x" is an alias; write out what it stands for, or put quotes round the text',
    ),
    "an anchor": (
        {"a/email.html": "---\nsubject: &x y\n---\nx"},
        'a/email.html:2:10: "&x" is an anchor; delete it, or put quotes round the text',
    ),
    "a tag": (
        {"a/email.html": "---\nsubject: !x y\n---\nx"},
        'a/email.html:2:10: the tag "!x" is not needed; delete it, or put quotes round the text',
    ),
    "deep front matter": (
        {"a/email.html": f"---\nsubject: {'[' * 3_000}\n---\nx"},
        "a/email.html:2:29: this is nested too deep; take brackets out",
    ),
    "a long chain": (
        {"a/sms.txt": "{% if 1 %}" + "{% elif 1 %}" * 4_000 + "{% endif %}"},
        "a/sms.txt:1:1: the Jinja does not parse: it is nested too deep; mend the tag",
    ),
    "much Jinja": (
        {"a/sms.txt": "\n" + "{% set a = 1 %}" * 6_700},
        "a/sms.txt:2:1: the Jinja does not parse: there is too much Jinja in it; mend the tag",
    ),
    "a large dictionary": (
        {"a/sms.txt": "{% set a = {" + "'a': 1," * 6_700 + "} %}"},
        "a/sms.txt:1:1: the Jinja does not parse: there is too much Jinja in it; mend the tag",
    ),
    "deep HTML": (
        {"a/email.html": HTML.format("", "<!-->\n" + "<div/>" * 260 + "x" + "</div>" * 260)},
        "a/email.html:5:1189: this is nested more than 200 elements deep; take some of them out",
    ),
    "very deep MJML": (
        {"a/email.mjml": MJML.format("<mj-text>" + "<div>" * 20_000 + "</div>" * 20_000 + "</mj-text>")},
        "a/email.mjml:4:1023: this is nested more than 200 elements deep; take some of them out",
    ),
    "wrappers in wrappers": (
        {"a/email.mjml": MJML.format("<mj-wrapper>" * 5_000 + "</mj-wrapper>" * 5_000)},
        "a/email.mjml:4:2391: this is nested more than 200 elements deep; take some of them out",
    ),
    "deep in a part": (
        {
            "a/email.mjml": MJML.format('<mj-include path="_parts/x.mjml" />'),
            "_parts/x.mjml": "<mj-text>" + "<b>" * 5_000 + "</b>" * 5_000 + "</mj-text>",
        },
        "_parts/x.mjml:1:607: this is nested more than 200 elements deep; take some of them out",
    ),
    "too deep for a text": (
        {"a/email.mjml": MJML.format("<mj-wrapper>" * 150 + "</mj-wrapper>" * 150)},
        "a/email.mjml:4:1: this is nested too deep to become plain text; take some elements out, or write "
        "email.txt",
    ),
    "no end": (
        {"a/sms.txt": "---\ndefaults: {}\nx"},
        'a/sms.txt:1:1: the front matter has no end; close it with a line "---"',
    ),
    "a default's path": (
        {"a/sms.txt": "---\ndefaults:\n  first_name: you\n---\nx"},
        'a/sms.txt:3:3: "first_name" should be the path of a variable, such as customer.first_name',
    ),
    "a default's value": (
        {"a/sms.txt": "---\ndefaults:\n  customer.x: [1]\n---\nx"},
        'a/sms.txt:3:3: the default of "customer.x" should be a text, number, true or false',
    ),
    "defaults": (
        {"a/sms.txt": "---\ndefaults: you\n---\nx"},
        'a/sms.txt:2:11: "defaults" should be lines such as "customer.first_name: friend"',
    ),
    "unknown MJML": (
        {"a/email.mjml": MJML.format("\n  <mj-txt>x</mj-txt>\n")},
        'a/email.mjml:5:3: MJML has no tag "mj-txt"; did you mean "mj-text"?',
    ),
    "not closed": (
        {"a/email.mjml": "---\nsubject: x\n---\n<mjml>\n<mj-body>\n"},
        'a/email.mjml:4:1: "<mjml>" is never closed; add "</mjml>"',
    ),
    "crossed": (
        {"a/email.mjml": MJML.format("<mj-text>x</mj-button>")},
        'a/email.mjml:4:49: "</mj-button>" stands where "<mj-text>" is still open; close that first',
    ),
    "no MJML at all": (
        {"a/email.mjml": "---\nsubject: x\n---\nhello"},
        "a/email.mjml:4:1: this is not MJML: unable to parse next template in root template; mend the tags",
    ),
    "dropped": (
        {"a/email.mjml": MJML.format("\n  <mj-text colour='{{ customer.x }}'>x</mj-text>")},
        'a/email.mjml:5:20: "{{ customer.x }}" stands where MJML drops it; put it into mj-raw, or '
        'inside mj-text',
    ),
    "no such part": (
        {"a/email.mjml": MJML.format('<mj-include path="_parts/x.mjml" />')},
        'a/email.mjml:4:39: there is no part "_parts/x.mjml"; mend the path, which begins beside the '
        'folder "a"',
    ),
    "parts that make it huge": (
        {
            "a/email.mjml": MJML.format('<mj-include path="_parts/x.mjml" />' * 3),
            "_parts/x.mjml": f"<mj-text>{'x' * 200_000}</mj-text>",
        },
        "a/email.mjml:4:109: with its parts this is over 500 kB; shorten it",
    ),
    "a part elsewhere": (
        {"a/email.mjml": MJML.format('<mj-include path="../x.mjml" />'), "../x.mjml": "<mj-text>x</mj-text>"},
        'a/email.mjml:4:39: there is no part "../x.mjml"; mend the path, which begins beside the folder "a"',
    ),
    "no text": (
        {"a/email.html": HTML.format("", "<table>{% if 1 %}<tr><td>x</td></tr>{% endif %}</table>")},
        "a/email.html:4:1: a table with Jinja between its rows cannot become plain text; write that "
        "into email.txt",
    ),
    "half a block is hidden": (
        {"a/email.html": HTML.format("", '<p title="{% if 1 %}">x</p>{% endif %}')},
        "a/email.html:4:1: in the plain text made of this the Jinja no longer parses: Encountered "
        "unknown tag 'endif'; keep each {% if %} and its {% endif %} side by side, or write email.txt by "
        "hand",
    ),
    "text alone": (
        {"a/email.sv.txt": "x"},
        'a/email.sv.txt:1:1: "email.sv.txt" is the text part of an e-mail that has no .mjml or '
        '.html; add one',
    ),
    "both": (
        {"a/email.mjml": MJML.format("x"), "a/email.html": HTML.format("", "x")},
        "a/email.html:1:1: this e-mail is there as .mjml and as .html; remove one of them",
    ),
    "unknown file": (
        {"a/emial.mjml": "x"},
        'a/emial.mjml:1:1: "emial.mjml" is not a template; call it email.mjml, email.html, '
        "email.txt or sms.txt, with a locale as in email.sv.mjml",
    ),
    "a folder's name": (
        {"Big News/sms.txt": "x"},
        'Big News:1:1: the folder "Big News" should be a name in small letters, digits and hyphens; '
        'rename it',
    ),
    "empty": (
        {"a/sms.txt": "---\ndefaults: {}\n---\n\n"},
        "a/sms.txt:1:1: the text is empty; write the message below the front matter",
    ),
    "control character": (
        {"a/sms.txt": "x\ny\x00z"},
        "a/sms.txt:2:2: there is an invisible control character (number 0) here; remove it",
    ),
    "large": (
        {"a/sms.txt": "x" * 500_001},
        "a/sms.txt:1:1: the file is over 500 kB; shorten it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_problem_has_its_place_and_a_way_out(tmp_path: Path, name: str) -> None:
    files, expected = BAD[name]
    assert printed(tmp_path / "messages", files)[0] == expected


def test_all_problems_at_once(tmp_path: Path) -> None:
    files = {"a/email.mjml": MJML.format("<mj-x/><mj-y/>"), "b/sms.txt": "{{", "c/sms.txt": ""}
    assert [line.split(": ")[0] for line in printed(tmp_path, files)] == [
        "a/email.mjml:4:39", "a/email.mjml:4:46", "b/sms.txt:1:1", "c/sms.txt:1:1",
    ]  # fmt: skip


def test_a_problem_in_a_part_is_told_once(tmp_path: Path) -> None:
    main = MJML.format('<mj-include path="_parts/p.mjml" />')
    files = {"a/email.mjml": main, "b/email.mjml": main, "_parts/p.mjml": "\n<mj-txt />"}
    assert printed(tmp_path, files) == [
        '_parts/p.mjml:2:1: MJML has no tag "mj-txt"; did you mean "mj-text"?'
    ]


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "sms.txt").write_bytes(b"\xff\xfe")
    assert printed(tmp_path, {}) == ["a/sms.txt:1:1: the file is not UTF-8 text; save it as UTF-8"]


def test_windows_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "sms.txt").write_bytes("\ufeff---\r\ndefaults: {}\r\n---\r\nå\r\nä".encode())
    assert load_one(tmp_path, {}).text == "å\nä"


_PIECES = ["{{", "}}", "{%", "%}", "{#", "<", ">", '"', "&", "---\n", "{% if customer.x %}", "{% endif %}"]
_PIECES += [
    "</mj-text>",
    "<mj-raw>",
    "<!--",
    "-->",
    "qjf0qjf",
    "\n",
    ":",
    "<table>",
    "<![CDATA[",
    "\x00",
    "é",
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from(_PIECES), st.integers(0, 9)), min_size=1, max_size=4
    )
)
def test_a_spoilt_template_is_a_problem_or_renders(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, str, int]]
) -> None:
    text = MJML.format(
        '<mj-text>{{ customer.x }} <a href="{{ customer.y }}">z</a></mj-text><mj-raw>{# a #}</mj-raw>'
    )
    for at, piece, length in edits:
        text = text[:at] + piece + text[at + length :]
    templates, problems = load(tmp_path_factory.mktemp("spoilt"), {"a/email.mjml": text})
    assert len(templates) + bool(problems) == 1
    for template in templates:
        with suppress(RenderError):
            Renderer().render(template, {"customer": {"x": 1, "y": 2}})
