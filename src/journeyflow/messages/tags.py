"""Jinja tags kept out of the way of tools that know only HTML.

Each tag becomes a word that no markup tool touches, and comes back when the tool is done.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

_OPENING = re.compile(r"(?=(\{[{%#]))")
_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}


@dataclass(frozen=True, slots=True)
class Held:
    """A text in which every tag is a word: its number between two `mark`s."""

    text: str
    tags: tuple[str, ...]
    mark: str  # letters that the text itself does not have

    def restore(self, text: str) -> str:
        """What was made of `text`, with the tags back in their places."""
        bare = re.sub(rf"<!--({self.mark}\d+{self.mark})-->", r"\1", text)
        return self._word.sub(lambda match: self.tags[int(match[1])], bare)

    def without_tags(self) -> str:
        return self._word.sub("", self.text)

    def numbers(self, text: str) -> list[int]:
        """The tags that are left in what was made of `text`, in order."""
        return [int(word[1]) for word in self.words(text)]

    def words(self, text: str) -> Iterator[re.Match[str]]:
        """Where tags stand in it; the first group is a tag's number."""
        return self._word.finditer(text)

    def is_block(self, text: str) -> bool:
        """Whether it is nothing but tags that print nothing."""
        return not self._word.sub("", text).strip() and not any(
            self.tags[number].startswith("{{") for number in self.numbers(text)
        )

    def blocks_as_comments(self) -> str:
        """`{% ... %}` between HTML tags as comments: those may stand between table rows, words may not."""
        # Markup is matched first and left alone, so that `number` is found only in running text.
        markup = (
            r"<!--.*?-->|<(?P<raw>style|title|script|textarea)\b.*?</(?P=raw)\s*>"
            r"|<[A-Za-z/!](?:\"[^\"]*\"|'[^']*'|[^'\">])*>"
        )
        word = rf"{self.mark}(?P<number>\d+){self.mark}"
        return re.sub(f"{markup}|{word}", self._comment, self.text, flags=re.DOTALL | re.IGNORECASE)

    @property
    def _word(self) -> re.Pattern[str]:
        return re.compile(rf"{self.mark}(\d+){self.mark}")

    def _comment(self, match: re.Match[str]) -> str:
        number = match["number"]
        is_block = number is not None and self.tags[int(number)].startswith("{%")
        return f"<!--{match[0]}-->" if is_block else match[0]


def hold(text: str) -> Held:
    tags: list[str] = []
    mark = next(mark for length in count(1) if (mark := "q" * length + "jf") not in text)

    parts, done = [], 0
    for start, end in _places(text):
        parts += [text[done:start], f"{mark}{len(tags)}{mark}"]
        tags.append(text[start:end])
        done = end
    return Held("".join(parts) + text[done:], tuple(tags), mark)


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Where each tag begins and ends. What is never closed is none, and its end is not looked for again."""
    last = {opening: text.rfind(closing) for opening, closing in _CLOSING.items()}
    end = 0
    for found in _OPENING.finditer(text):
        start, opening = found.start(), found[1]
        if start >= end and start + 2 <= last[opening]:
            end = text.index(_CLOSING[opening], start + 2) + 2
            yield start, end
