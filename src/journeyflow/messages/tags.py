"""Jinja tags kept out of the way of tools that know only HTML.

Each tag becomes a word that no markup tool touches, and comes back when the tool is done.
"""

import re
from dataclasses import dataclass

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_WORD = re.compile(r"qjf(\d+)fjq")
_COMMENT = re.compile(r"<!--qjf(\d+)fjq-->")


@dataclass(frozen=True, slots=True)
class Held:
    """A text whose tags are words, and the tags by their number."""

    text: str
    tags: tuple[str, ...]


def hold(text: str) -> Held:
    tags: list[str] = []

    def word(match: re.Match[str]) -> str:
        tags.append(match[0])
        return f"qjf{len(tags) - 1}fjq"

    return Held(_TAG.sub(word, text), tuple(tags))


def restore(text: str, tags: tuple[str, ...]) -> str:
    return _WORD.sub(lambda match: tags[int(match[1])], _COMMENT.sub(r"qjf\1fjq", text))


def blocks_as_comments(held: Held) -> str:
    """`{% ... %}` between HTML tags as comments, which may stand between table rows, where words may not."""

    def comment(match: re.Match[str]) -> str:
        number = match["number"]
        is_block = number is not None and held.tags[int(number)].startswith("{%")
        return f"<!--{match[0]}-->" if is_block else match[0]

    return _OUTSIDE_MARKUP.sub(comment, held.text)


def numbers(text: str) -> list[int]:
    """The tags in a text, in order."""
    return [int(number) for number in _WORD.findall(text)]


# Markup is skipped whole, so that `number` is found only in running text.
_OUTSIDE_MARKUP = re.compile(
    r"<!--.*?-->|<(?P<raw>style|title|script|textarea)\b.*?</(?P=raw)\s*>|<[A-Za-z/!](?:\"[^\"]*\"|'[^']*'|[^'\">])*>"
    r"|qjf(?P<number>\d+)fjq",
    re.DOTALL | re.IGNORECASE,
)
