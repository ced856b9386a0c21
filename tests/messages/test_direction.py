"""An e-mail says its language, and is read from the side that the language is read from."""

from pathlib import Path

import pytest

from journeyflow.messages.templates import Template, load_templates

BODY = "<mj-body><mj-section><mj-column><mj-text>Text</mj-text></mj-column></mj-section></mj-body>"


def loaded(folder: Path, name: str, body: str) -> Template:
    place = folder / "hello"
    place.mkdir()
    (place / name).write_text(f"---\nsubject: Hello\n---\n{body}", encoding="utf-8")
    templates, problems = load_templates(folder)
    assert problems == []
    return templates[0]


def html(folder: Path, name: str, body: str) -> str:
    return loaded(folder, name, body).html or ""


@pytest.mark.parametrize(
    ("locale", "direction"), [("sv", "ltr"), ("ar", "rtl"), ("he-IL", "rtl"), ("fa", "rtl"), ("ur", "rtl")]
)
@pytest.mark.parametrize(("suffix", "body"), [("mjml", f"<mjml>{BODY}</mjml>"), ("html", "<p>Text</p>")])
def test_language_and_direction(tmp_path: Path, locale: str, direction: str, suffix: str, body: str) -> None:
    assert f'<html lang="{locale}" dir="{direction}"' in html(tmp_path, f"email.{locale}.{suffix}", body)


@pytest.mark.parametrize("head", ["", "<mj-head><mj-title>Hello</mj-title></mj-head>"])
def test_text_and_columns_begin_at_the_right(tmp_path: Path, head: str) -> None:
    found = html(tmp_path, "email.ar.mjml", f"<mjml>{head}{BODY}</mjml>")
    assert "text-align:right" in found
    assert "direction:rtl" in found


@pytest.mark.parametrize(
    ("name", "body", "kept"),
    [
        ("email.ar.mjml", f'<mjml lang="fa" dir="ltr">{BODY}</mjml>', '<html lang="fa" dir="ltr"'),
        ("email.ar.html", '<html dir="ltr" lang="en"><p>a</p></html>', '<html dir="ltr" lang="en">'),
        ("email.ar.html", '<html lang="ar-EG"><p>a</p></html>', '<html lang="ar-EG" dir="rtl">'),
        ("email.html", "<p>a</p>", "<html><head>"),
        ("email.mjml", f"<mjml>{BODY}</mjml>", '<html dir="auto"'),  # an unknown one is none
        ("email.mjml", f'<mjml lang="fa">{BODY}</mjml>', '<html lang="fa"'),
        (
            "email.ar.mjml",
            '<mjml><mj-head><mj-attributes><mj-text align="center" /></mj-attributes></mj-head>'
            + BODY
            + "</mjml>",
            "text-align:center;color",
        ),
    ],
)
def test_what_the_author_says_holds(tmp_path: Path, name: str, body: str, kept: str) -> None:
    assert kept in html(tmp_path, name, body)


def test_the_text_part_is_the_same(tmp_path: Path) -> None:
    assert loaded(tmp_path, "email.ar.mjml", f"<mjml>{BODY}</mjml>").text == "Text"
