"""The words of the pages, in every language that has a file in `pages/words`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_WORDS = Path(__file__).parent / "pages" / "words"
_LAST = "en"  # when nothing else fits
_SAME = {"no": "nb", "nn": "nb"}  # languages whose readers are served by another one's words
_MOST_RANGES = 20  # of an Accept-Language header that are looked at


@dataclass(frozen=True, slots=True)
class Words:
    language: str
    texts: Mapping[str, str]

    def say(self, key: str, brand: str) -> str:
        return self.texts[key].format(brand=brand)

    def pick(self, texts: Mapping[str, str]) -> str:
        """Of a policy's texts by locale the one in this language, else the one for every other."""
        by_language = {_language(locale): text for locale, text in texts.items()}
        return by_language.get(self.language) or texts.get("") or next(iter(texts.values()), "")


class Speech:
    def __init__(self) -> None:
        texts = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(_WORDS.glob("*.json"))}
        self._words = {language: Words(language, each) for language, each in texts.items()}
        self.names: dict[str, str] = {language: each["name"] for language, each in texts.items()}

    def words(self, locale: str | None, accepted: str, default: str) -> Words:
        """The customer's own language, else the first that the browser accepts, else the programme's."""
        wished = [locale or "", *_ranges(accepted), default, _LAST]
        there = (self._words.get(_language(one)) for one in wished)
        return next(words for words in there if words is not None)

    def language(self, locale: str) -> str:
        """As the pages' list of languages has it; one without words is its own."""
        return _language(locale) if _language(locale) in self._words else locale


def _ranges(header: str) -> Iterator[str]:
    """The languages of an Accept-Language header (RFC 9110), the most wanted first."""
    found = []
    for position, part in enumerate(header.split(",")[:_MOST_RANGES]):
        tag, _, weight = part.partition(";")
        quality = _quality(weight)
        if quality > 0:
            found.append((-quality, position, tag.strip()))
    return (tag for _, _, tag in sorted(found))


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0


def _language(locale: str) -> str:
    language = locale.replace("_", "-").partition("-")[0].lower()
    return _SAME.get(language, language)
