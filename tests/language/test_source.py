"""Bounds come first, places are exact, and a scalar stays the text that was written."""

import pytest

from journeyflow.language.problems import Mark
from journeyflow.language.source import MAX_BYTES, MapNode, TextNode, read


def codes(text: bytes) -> list[str]:
    return [problem.code for problem in read("x.yaml", text).report.problems]


@pytest.mark.parametrize("piece", [b"[", b"{a: ", b"- ", b"? ", b"[a, ", b"{? "])
def test_deep_nesting_is_refused_before_it_is_built(piece: bytes) -> None:
    assert codes(piece * (MAX_BYTES // len(piece))) == ["JF013"]


def test_a_large_file_is_refused() -> None:
    assert codes(b"a: b\n# " + b"x" * (MAX_BYTES - 7)) == []
    assert codes(b"a: b\n# " + b"x" * (MAX_BYTES - 6)) == ["JF012"]


def test_many_values_are_refused() -> None:
    assert codes(b"[" + b"1, " * 1_999 + b"]") == []
    assert codes(b"[" + b"1, " * 2_000 + b"]") == ["JF014"]


def test_depth_is_counted_exactly() -> None:
    assert codes(b"[" * 32 + b"]" * 32) == []
    assert codes(b"[" * 33 + b"]" * 33) == ["JF013"]


def test_words_stay_as_they_are_written() -> None:
    root = read("x.yaml", b"{on: 21:00, yes: 0x10, no: 'NO', 1: 2026-01-31}").root
    assert isinstance(root, MapNode)
    assert [(key.value, value.value) for key, value in root.entries if isinstance(value, TextNode)] == [
        ("on", "21:00"),
        ("yes", "0x10"),
        ("no", "NO"),
        ("1", "2026-01-31"),
    ]
    assert [value.plain for _, value in root.entries if isinstance(value, TextNode)] == [
        True,
        True,
        False,
        True,
    ]


def test_places_are_counted_in_characters() -> None:
    root = read("x.yaml", "åäö: 'é'\r\n🎉: {b: c}\n".encode()).root
    assert isinstance(root, MapNode)
    marks = [(key.mark, value.mark) for key, value in root.entries]
    assert marks == [(Mark(1, 1, 3), Mark(1, 6, 3)), (Mark(2, 1, 1), Mark(2, 4, 6))]


@pytest.mark.parametrize("escape", [r"\0", r"\e", r"\u202e", r"\ufeff"])
def test_escapes_bring_in_no_control_characters(escape: str) -> None:
    found = codes(f'a: "{escape}"'.encode())
    assert found == ([] if escape == r"\u202e" else ["JF003"])


def test_invisible_characters_are_shown() -> None:
    document = read("x.yaml", "a\u202e: 1\na\u202e: 2\n".encode())
    assert "\u202e" not in str(document.report.problems[0])


@pytest.mark.parametrize("text", ["a: |\n  -\tb\n  c\n---\t# d", "-\ta", "- -\ta", "  - - \ta"])
def test_a_tab_after_a_dash_is_told(text: str) -> None:
    assert codes(text.encode())[0] == "JF002"


def test_a_tab_after_the_beginning_of_a_document_or_a_key_does_no_harm() -> None:
    assert codes(b"---\t# hello\na:\tb") == []


def test_a_line_with_many_problems_is_made_visible_once() -> None:
    first, second = read("x.yaml", b"[&a 1, &b 2]").report.problems
    assert first.snippet is second.snippet


def test_of_a_long_line_the_part_round_the_word_is_shown() -> None:
    (problem,) = read("x.yaml", b"[" + b"aaaa, " * 100 + b"&b c, " + b"dddd, " * 100 + b"]").report.problems
    _, line, caret = str(problem).splitlines()
    assert len(line) <= len("    1 | ") + 120
    assert line[caret.index("^") : caret.rindex("^") + 1] == "&b c"
