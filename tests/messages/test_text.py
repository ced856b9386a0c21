"""The plain-text part that is made from the HTML."""

from pathlib import Path

import pytest

from journeyflow.messages.render import Renderer
from journeyflow.messages.tags import hold
from journeyflow.messages.templates import load_templates


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One{% if true %} and two{% endif %}</p><p>Three</p>", "One and two\n\nThree\n"),
        ("<p>One{% if false %} and two{% endif %}</p><p>Three</p>", "One\n\nThree\n"),
        ("<p>One{% set x = 1 %}</p><p>Three</p>", "One\n\nThree\n"),
        ("<p>{{ 'One' }}{% if true -%}{% endif -%}</p><p>Three</p>", "OneThree\n"),  # as its author wants it
        ("<p>One</p>{% if false %}<p>Two</p>{% endif %}<p>Three</p>", "One\n\nThree\n"),
    ],
)
def test_paragraphs_stay_apart_whatever_tags_end_them(tmp_path: Path, html: str, text: str) -> None:
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello" / "email.html").write_text(f"---\nsubject: Hello\n---\n{html}")
    [template], problems = load_templates(tmp_path)
    assert problems == []
    assert Renderer().render(template, {}).text == text


@pytest.mark.parametrize("opening", ["{{", "{%", "{#"])
def test_tags_that_are_never_closed_are_looked_for_once(opening: str) -> None:
    """From each anew, to the end of the text, it would take minutes."""
    text = f"{{{{ 'a' }}}}{opening} b" + opening * 100_000
    assert hold(text).tags == ("{{ 'a' }}",)
