"""What docs/templates.md shows is a template, and comes out as the page says."""

import re
from pathlib import Path

import pytest

from journeyflow.bounds import LONGEST_RANGE, MOST_TEXT, MOST_TURNS, MOST_VALUES
from journeyflow.filters import FILTERS
from journeyflow.messages.render import MAX_BYTES, Place, Renderer, fill
from journeyflow.messages.sms_text import finish
from journeyflow.messages.templates import load_templates
from journeyflow.policy import SmsRules
from journeyflow.reading import Reader
from journeyflow.refusals import refusals
from journeyflow.sandbox import compile_jinja, parse_jinja

PAGE = (Path(__file__).parents[2] / "docs" / "templates.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(\{\{.*\}\})` \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
FILES = {"mjml": "email.mjml", "sms": "sms.txt"}
LINES = [{"name": "Blue", "price": 100}, {"name": "Kind of Green", "price": 50.5}]
VALUES = {
    "customer": {"first_name": "Ann", "tier": "gold", "points": 7},
    "event": {"total": 150.5, "lines": LINES},
    "sender": {"postal_address": "1 Main Street"},
    "unsubscribe_url": "https://post.example.com/u/a.b",
}
SWEDISH, ENGLISH = Reader("sv", "Europe/Stockholm"), Reader("en-GB", "Europe/London")


def snippets(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def filled(text: str, reader: Reader) -> str:
    assert list(refusals(parse_jinja(text))) == []
    made = fill(compile_jinja(text, escape=False), VALUES, Place("it", frozenset(), ""), reader)
    return made.replace("\xa0", " ")


@pytest.mark.parametrize(("text", "swedish", "english"), ROWS)
def test_a_row_comes_out_as_it_says(text: str, swedish: str, english: str) -> None:
    text = text.replace("\\|", "|")
    assert (filled(text, SWEDISH), filled(text, ENGLISH)) == (swedish, english)


@pytest.mark.parametrize("kind", FILES)
def test_a_whole_file_is_a_template(kind: str, tmp_path: Path) -> None:
    [text] = snippets(kind)
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello" / FILES[kind]).write_text(text, encoding="utf-8")
    [template], problems = load_templates(tmp_path)
    assert problems == []
    assert "Ann" in Renderer().render(template, VALUES, ENGLISH).text


def test_tags_are_right() -> None:
    [text] = snippets("jinja")
    made = filled(text, ENGLISH)
    assert "2. Kind of Green, SEK 50.50" in made
    assert "Together SEK 150.50, which is 37.62 each." in made


def test_every_filter_is_on_the_page_and_no_other() -> None:
    table = PAGE.partition("## All filters")[2].partition("They do what")[0]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(FILTERS)


def test_the_limits_are_those_that_hold() -> None:
    table = PAGE.partition("| | at most |")[2].partition("A line break")[0]
    numbers = [int(number.replace(",", "")) for number in re.findall(r"\| ([\d,]+)", table)]
    assert numbers == [MAX_BYTES // 1000, MOST_TURNS, LONGEST_RANGE, MOST_VALUES, 18]
    assert MAX_BYTES == MOST_TEXT


def test_letters_are_replaced_as_the_page_says() -> None:
    before, after = re.findall(r"\*(Łukasz.*?)\* becomes \*(.*?)\*", PAGE)[0]
    assert finish(before, SmsRules(replace=True), "en", None, False) == after
