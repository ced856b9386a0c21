"""Which messages a rule of the policy concerns: by channel, category, topic, journey, country."""

from collections.abc import Collection
from dataclasses import dataclass

from journeyflow.language import values
from journeyflow.language.definition import Word
from journeyflow.language.fields import Fields
from journeyflow.language.problems import Report, instead, quoted
from journeyflow.language.source import Node
from journeyflow.language.steps import CHANNELS


@dataclass(frozen=True, slots=True)
class Known:
    categories: Collection[str]
    topics: Collection[str]
    exempt: Collection[str] = ()  # categories that no cap counts


@dataclass(frozen=True, slots=True)
class Scope:
    channel: str | None = None
    category: str | None = None
    topic: str | None = None
    journey: Word | None = None
    country: str | None = None


KEYS = ("channel", "category", "topic", "journey", "country")


def scope(fields: Fields, known: Known, report: Report) -> Scope:
    """Of those KEYS that `fields` allows."""
    channel, category, topic, journey, country = (
        fields.get(key) if key not in fields.unknown else None for key in KEYS
    )
    return Scope(
        channel=known_channel(channel, report) if channel else None,
        category=_known(category, "category", known.categories, "JF203", report),
        topic=_known(topic, "topic", known.topics, "JF215", report),
        journey=values.name(journey, "the journey", report) if journey else None,
        country=values.country(country, "the country", report) if country else None,
    )


def known_channel(node: Node, report: Report) -> str | None:
    word = values.phrase(node, "the channel", report)
    if word is None or word.value in CHANNELS:
        return word.value if word else None
    report.add(
        word.mark, "JF204", f"no channel is called {quoted(word.value)}; {instead(word.value, CHANNELS)}"
    )
    return None


def _known(node: Node | None, kind: str, names: Collection[str], code: str, report: Report) -> str | None:
    word = values.name(node, f"the {kind}", report) if node else None
    if word and word.value not in names:
        way_out = instead(word.value, names) if names else f'name it under "{kind}s" first'
        report.add(word.mark, code, f"no {kind} is called {quoted(word.value)}; {way_out}")
    return word.value if word else None
