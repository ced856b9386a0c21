"""What a text message asks for: STOP and its relatives, HELP, START, YES and JOIN, in nine languages.

The rules, in their order:

1. A phrase that can only mean an opt-out counts wherever it stands, unless a negation stands directly before
   it, little words such as "ever" aside: "please don't ever stop sending". One in another clause is about
   something else ("I did not sign up, unsubscribe me"), and one in a question is a request ("why don't you
   stop texting me", "can't you stop texting me").
2. A word that can only mean an opt-out counts as the first word of the message or of a clause, whatever
   follows: "STOP PLEASE", "Non, stop", and even "stop by tomorrow?": in doubt opt out. Polite openers before
   it are passed over: "please stop".
3. A word that also means something else counts as an opt-out only as the whole message, polite words aside:
   "slut tack" is one, "slut på lager?", "ende gut, alles gut", "alto ahí", "end of the month?" are none.
4. HELP, START, YES and JOIN count only as the whole message, polite words aside, since nobody is to be
   opted in by half a sentence.

In doubt it is an opt-out, and that is where doubt ends: a word for stopping inside a sentence ("where is the
bus stop?", "don't stop") is none, but `mentions_stop`, so that somebody can look at it.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from journeyflow.audience import keyword_table as table


class Keyword(StrEnum):
    STOP = "stop"
    HELP = "help"
    START = "start"
    YES = "yes"
    JOIN = "join"


@dataclass(frozen=True, slots=True)
class Reading:
    keyword: Keyword
    sure: bool  # the message says nothing else


_CLAUSE_ENDS = frozenset(".,;:!?()\n\N{INVERTED EXCLAMATION MARK}\N{INVERTED QUESTION MARK}")
_DASHES = re.compile(r"\s[-\u2012-\u2015]+\s|[\u2014\u2015]")  # between clauses, not within words
_APOSTROPHES = re.compile(
    r"['\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}`\N{ACUTE ACCENT}]"
)
_SPELLINGS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "\N{OCTAGONAL SIGN}": " stop "}
)
_LONGEST = 2_000  # characters that are looked at; ten messages in one are 1,530


def read_keyword(text: str, brand: str = "") -> Reading | None:
    """What the message asks for; None: nothing of the kind. The brand's name at its end says nothing more."""
    said = words(text)
    closers = _closers() | frozenset(words(brand))
    shorter = _shorter(said, _openers(), closers)
    for keyword, phrases in _whole_messages().items():
        if not phrases.isdisjoint(shorter):
            return Reading(keyword, sure=True)
    clauses = _clauses(text)
    begins = any(_begins(clause, closers) for clause in [said, *clauses])
    if begins or _spelled_out(said) in _first_words() or _is_stop_within(said, clauses):
        return Reading(Keyword.STOP, sure=False)
    return None


def mentions_stop(text: str) -> bool:
    """Whether a word that can only mean an opt-out stands somewhere, as one word of a sentence perhaps."""
    return any((word,) in _first_words() for word in words(text))


def words(text: str) -> tuple[str, ...]:
    """Without case, accents, punctuation, emoji and characters that are not seen; apostrophes vanish."""
    return tuple(_bare(text).split())


def _clauses(text: str) -> list[tuple[str, ...]]:
    """The words between punctuation."""
    return [tuple(clause.split()) for clause in _bare(text).split("\n")]


def _bare(text: str) -> str:
    """Words, parted by spaces, and clauses, parted by line breaks."""
    plain = unicodedata.normalize("NFKC", text[:_LONGEST]).casefold().translate(_SPELLINGS)
    bare = _DASHES.sub("\n", _APOSTROPHES.sub("", unicodedata.normalize("NFKD", plain)))
    return "".join(map(_letter, bare))


def _letter(character: str) -> str:
    """Itself, or what parts words or clauses, or nothing for what only dresses or hides letters."""
    if character in _CLAUSE_ENDS:
        return "\n"
    kind = unicodedata.category(character)
    if kind[0] in "LN":
        return character
    return "" if kind[0] == "M" or kind == "Cf" else " "


def _shorter(said: tuple[str, ...], openers: frozenset[str], closers: frozenset[str]) -> set[tuple[str, ...]]:
    """The message as it is, and without polite words at its beginning, its end, or both."""
    begin, end = 0, len(said)
    while begin < end and said[begin] in openers:
        begin += 1
    while end > 0 and said[end - 1] in closers:
        end -= 1
    return {said, said[begin:], said[:end], said[begin:end]} - {()}


def _begins(clause: tuple[str, ...], closers: frozenset[str]) -> bool:
    shorter = _shorter(clause, _openers() | _prefixes(), closers)
    return any(one[:1] in _first_words() for one in shorter)


def _is_stop_within(said: tuple[str, ...], clauses: list[tuple[str, ...]]) -> bool:
    """A phrase may go on behind punctuation."""
    start = 0
    for clause in clauses:
        for place in range(start, start + len(clause)):
            phrases = _refusals() if _negates(said[start:place]) else _refusals() + _unmistakable()
            if any(said[place : place + len(phrase)] == phrase for phrase in phrases):
                return True
        start += len(clause)
    return False


def _negates(before: tuple[str, ...]) -> bool:
    """Whether the words of the clause so far end in a negation of what comes next."""
    end = len(before)
    while end > 0 and before[end - 1] in _fillers():
        end -= 1
    if end == 0 or before[end - 1] not in _negations():
        return False
    asks = before[end - 3 : end - 1] in _questions() or before[end - 1 : end + 1] in _questions()
    return not asks and _whys().isdisjoint(before[: end - 1])


def _spelled_out(said: tuple[str, ...]) -> tuple[str, ...]:
    """ "s.t.o.p" is one word."""
    return ("".join(said),) if all(len(word) == 1 for word in said) else ()


@cache
def _whole_messages() -> dict[Keyword, frozenset[tuple[str, ...]]]:
    alone = {
        Keyword.STOP: table.STOP_FIRST + table.STOP_ALONE + table.STOP_ANYWHERE + table.STOP_REFUSALS,
        Keyword.HELP: table.HELP,
        Keyword.START: table.START,
        Keyword.YES: table.YES,
        Keyword.JOIN: table.JOIN,
    }
    return {keyword: frozenset(map(words, phrases)) for keyword, phrases in alone.items()}


@cache
def _first_words() -> frozenset[tuple[str, ...]]:
    return frozenset(map(words, table.STOP_FIRST))


@cache
def _unmistakable() -> tuple[tuple[str, ...], ...]:
    return tuple(map(words, table.STOP_ANYWHERE))


@cache
def _refusals() -> tuple[tuple[str, ...], ...]:
    return tuple(map(words, table.STOP_REFUSALS))


@cache
def _negations() -> frozenset[str]:
    return _single(table.NEGATIONS)


@cache
def _fillers() -> frozenset[str]:
    return _single(table.FILLERS)


@cache
def _whys() -> frozenset[str]:
    return _single(table.WHYS)


@cache
def _questions() -> frozenset[tuple[str, ...]]:
    return frozenset(map(words, table.QUESTIONS))


@cache
def _prefixes() -> frozenset[str]:
    return _single(table.PREFIXES)


@cache
def _openers() -> frozenset[str]:
    return _single(table.OPENERS)


@cache
def _closers() -> frozenset[str]:
    return _single(table.CLOSERS)


def _single(listed: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word for one in listed for word in words(one))
