"""Problems with their place: gathered all at once, sorted, printed with a caret under the word."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from unicodedata import east_asian_width

from journeyflow.errors import JourneyflowError
from journeyflow.language.codes import CODES, Severity

FORBIDDEN = re.compile(
    r"[^\n\r\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_QUOTED = 60  # characters of the user's words that a message repeats
_SHOWN = 120  # characters of a line that are printed


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    line: int  # from 1
    column: int  # from 1, in characters
    width: int = 1


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    file: str
    line: int
    column: int
    code: str
    message: str
    width: int = 1
    snippet: str = field(default="", compare=False)  # the line of the file

    @property
    def severity(self) -> Severity:
        return CODES[self.code].severity

    def __str__(self) -> str:
        number = f"{self.line:>5}"
        kind = "warning: " if self.severity == "warning" else ""
        head = f"{self.file}:{self.line}:{self.column}: {self.code} {kind}{self.message}"
        if not self.snippet:
            return head
        line, start, width = _window(self.snippet, self.column - 1, self.width)
        caret = _blank(line[:start]) + "^" * _cells(line[start : start + width])
        return f"{head}\n{number} | {line.rstrip()}\n      | {caret}"


class ProgrammeError(JourneyflowError):
    """The programme has errors; nothing was done. Its warnings are told with them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(map(str, self.problems)))


class Report:
    """Gathers the problems of one file."""

    def __init__(self, file: str, text: str = "") -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.concerns: set[str] = set()  # codes of problems that this file has a part in, told in another one
        self._lines = _LINE_BREAK.split(text)
        self._shown: dict[int, str] = {}  # lines as they are shown: one can be long, and have many problems

    def add(self, mark: Mark, code: str, message: str) -> None:
        if code not in CODES:
            raise KeyError(code)
        place = (self.file, mark.line, mark.column)
        self.problems.append(Problem(*place, code, _visible(message), mark.width, self._snippet(mark.line)))

    def _snippet(self, line: int) -> str:
        if line not in self._shown and line <= len(self._lines):
            self._shown[line] = _visible(self._lines[line - 1])
        return self._shown.get(line, "")


def quoted(text: str) -> str:
    """The user's own words in double quotes, on one line and not too long."""
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= _QUOTED else f'"{line[:_QUOTED]}..."'


def instead(word: str, options: Collection[str]) -> str:
    """The way out: the option that was probably meant, else all of them."""
    near = nearest(word, options)
    return f"did you mean {quoted(near)}?" if near else f"use {either(options)}"


def nearest(word: str, options: Collection[str]) -> str | None:
    """The option that `word` is probably a slip of."""
    return next(iter(get_close_matches(word.lower()[:100], sorted(options), n=1, cutoff=0.6)), None)


def either(options: Collection[str]) -> str:
    *head, last = options
    return f"{', '.join(head)} or {last}" if head else last


def _visible(text: str) -> str:
    """What would not be seen, or would steer the terminal, is shown as a replacement character."""
    return "".join(char if char.isprintable() or char == "\t" else _INVISIBLE for char in text)


def _window(line: str, start: int, width: int) -> tuple[str, int, int]:
    """A long line is cut to the part round the word."""
    cut = max(0, start - _SHOWN // 2) if len(line) > _SHOWN else 0
    shown = line[cut : cut + _SHOWN]
    return shown, start - cut, max(1, min(width, len(shown) - (start - cut)))


def _blank(text: str) -> str:
    return "".join("\t" if char == "\t" else " " * _cells(char) for char in text)


def _cells(text: str) -> int:
    """Columns on a terminal: East Asian characters take two."""
    return max(1, sum(2 if east_asian_width(char) in "WF" else 1 for char in text))


_INVISIBLE = "\N{REPLACEMENT CHARACTER}"
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
