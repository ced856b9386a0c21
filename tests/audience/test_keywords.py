"""Keywords of text messages: golden cases in keywords.txt, and what no text may break."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from journeyflow.audience import keyword_table as table
from journeyflow.audience.keywords import Keyword, Reading, mentions_stop, read_keyword, words

CASES = [
    tuple(line.rsplit(" => ", 1))
    for line in (Path(__file__).parent / "keywords.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
LISTS = {
    Keyword.STOP: table.STOP_FIRST + table.STOP_ALONE + table.STOP_ANYWHERE + table.STOP_REFUSALS,
    Keyword.HELP: table.HELP,
    Keyword.START: table.START,
    Keyword.YES: table.YES,
    Keyword.JOIN: table.JOIN,
}
DRESSES = [
    "!",
    " ",
    ".",
    "🙏",
    "\u200b",
    "\u00ad",
    "\ufe0f",
    "\n",
    "...",
    "\u2026",
    '"',
    "\N{NO-BREAK SPACE}",
]


def told(reading: Reading | None) -> str:
    return "-" if reading is None else ("" if reading.sure else "~") + reading.keyword


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_golden(text: str, expected: str) -> None:
    assert told(read_keyword(text, brand="Skivlyckan")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("don't stop", True), ("Where is the bus stop?", True), ("nonstop", False), ("the end", False)],
)
def test_what_is_near_an_opt_out(text: str, expected: bool) -> None:
    assert read_keyword(text) is None
    assert mentions_stop(text) is expected


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 150
    assert len({text for text, _ in CASES}) == len(CASES) - 1, (
        "only the Swedish and Danish slut is there twice"
    )


def test_no_word_means_two_things() -> None:
    seen: dict[tuple[str, ...], Keyword] = {}
    for keyword, phrases in LISTS.items():
        for phrase in phrases:
            assert seen.setdefault(words(phrase), keyword) == keyword, phrase


@pytest.mark.parametrize("keyword", LISTS)
def test_each_entry_of_the_table_is_found(keyword: Keyword) -> None:
    for phrase in LISTS[keyword]:
        assert read_keyword(phrase.upper()) == Reading(keyword, sure=True), phrase


@given(st.text(max_size=400))
@example("\x00")
@example("\ud800stop")
@example("stop" * 100_000)
def test_no_text_breaks_it(text: str) -> None:
    read_keyword(text, brand=text[:20])
    assert all(word for word in words(text))


@given(
    st.sampled_from(table.STOP_FIRST),
    st.lists(st.sampled_from(DRESSES), max_size=4).map("".join),
    st.lists(st.sampled_from(DRESSES), max_size=4).map("".join),
    st.text(st.characters(codec="utf-8"), max_size=100),
)
def test_an_opt_out_is_one_whatever_it_wears(word: str, before: str, after: str, rest: str) -> None:
    assert read_keyword(f"{before}{word.upper()}{after}") == Reading(Keyword.STOP, sure=True)
    reading = read_keyword(f"{before}{word}{after} {rest}")
    assert reading is not None
    assert reading.keyword is Keyword.STOP


OPT_INS = [phrase for word in (Keyword.START, Keyword.YES, Keyword.JOIN) for phrase in LISTS[word]]


@given(st.sampled_from(OPT_INS), st.sampled_from(["but", "123", "inte", "niemals", "hylla"]), st.booleans())
def test_nobody_is_opted_in_by_a_sentence(phrase: str, other: str, is_first: bool) -> None:
    reading = read_keyword(f"{other} {phrase}" if is_first else f"{phrase} {other}")
    assert reading is None or reading.keyword in (Keyword.STOP, Keyword.HELP)
