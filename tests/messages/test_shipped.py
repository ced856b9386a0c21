"""The shipped mails, rendered as two customers get them, against what was read and found good.

UPDATE_GOLDEN=1 writes the files anew; read the difference before it is committed.
"""

import os
import re
from pathlib import Path

import pytest

from journeyflow.messages.render import Rendered, Renderer
from journeyflow.messages.segments import measured
from journeyflow.messages.templates import Template, load_templates
from journeyflow.reading import Reader

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
TEMPLATES, PROBLEMS = load_templates(ROOT / "templates" / "messages")
SENDER = {
    "from": "Club <club@example.com>",
    "reply_to": "help@example.com",
    "postal_address": "1 Main Street",
}
LINKS = {
    "unsubscribe_url": "https://post.example.com/u/abc.def",
    "preferences_url": "https://post.example.com/p/abc.def",
    "confirm_url": "https://post.example.com/c/abc.def",
    "registration_url": "https://post.example.com/r/abc.def",
}
KNOWN = {"first_name": "Åsa", "tier": "gold", "points": 1_400, "birthday": "1980-02-29"}
ORDER = {"items": 2, "total": 1_234.5}
LOCALES = ["en", "nl", "sv"]
EMAILS = [template for template in TEMPLATES if template.channel == "email"]


def render(template: Template, customer: dict[str, object], event: dict[str, object]) -> Rendered:
    journey = {"name": "any", "title": "Any"}
    context = {"customer": customer, "event": event, "journey": journey, "sender": SENDER, **LINKS}
    return Renderer().render(template, context, Reader(template.locale, "Europe/Stockholm"))


def label(template: Template) -> str:
    return f"{template.name}.{template.channel}.{template.locale}"


def check(path: Path, found: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def test_every_template_loads() -> None:
    assert PROBLEMS == []


def test_every_message_is_there_in_all_languages() -> None:
    languages: dict[tuple[str, str], set[str]] = {}
    for template in TEMPLATES:
        languages.setdefault((template.name, template.channel), set()).add(template.locale)
    assert set(map(frozenset, languages.values())) == {frozenset(LOCALES)}


@pytest.mark.parametrize("template", TEMPLATES, ids=label)
def test_what_is_read(template: Template) -> None:
    told = render(template, KNOWN, ORDER)
    untold = render(template, {}, {})
    parts = [f"{rendered.subject or '(no subject)'}\n\n{rendered.text}" for rendered in (told, untold)]
    check(GOLDEN / f"{label(template)}.txt", "\n=====\n\n".join(part.rstrip() + "\n" for part in parts))


@pytest.mark.parametrize("template", EMAILS, ids=label)
def test_the_html(template: Template) -> None:
    html = render(template, KNOWN, ORDER).html or ""
    check(GOLDEN / f"{label(template)}.html", re.sub(r">(?=<)", ">\n", html) + "\n")


@pytest.mark.parametrize("template", EMAILS, ids=label)
def test_an_email_says_who_writes_and_how_to_stop_it(template: Template) -> None:
    rendered = render(template, KNOWN, {})
    for part in (rendered.html or "", rendered.text):
        assert SENDER["postal_address"] in part
        assert LINKS["preferences_url"] in part
        assert LINKS["unsubscribe_url"] in part


@pytest.mark.parametrize("template", EMAILS, ids=label)
def test_an_email_loads_nothing_from_elsewhere(template: Template) -> None:
    html = render(template, KNOWN, {}).html or ""
    assert not re.search(r"<link|@import|<img|url\(", html)
    assert f'lang="{template.locale}"' in html


@pytest.mark.parametrize("template", EMAILS, ids=label)
def test_the_preheader_comes_before_everything_that_is_seen(template: Template) -> None:
    html = render(template, KNOWN, {}).html or ""
    body = html[html.index("<body") :]
    assert template.preheader
    assert body.index(template.preheader) < body.index("Skivlyckan")
    assert template.preheader not in render(template, KNOWN, {}).text


@pytest.mark.parametrize("template", [one for one in TEMPLATES if one.channel == "sms"], ids=label)
def test_an_sms_fits_into_one_and_says_how_to_stop_it(template: Template) -> None:
    text = render(template, KNOWN | {"first_name": "Maximiliana"}, {}).text
    assert (measured(text).segments, measured(text).forcing) == (1, ())
    assert "STOP" in text
    assert "Skivlyckan" in text
