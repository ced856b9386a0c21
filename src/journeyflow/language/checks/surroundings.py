"""What a journey is checked against. None: not known, so nothing is said about it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from journeyflow.language.definition import Segment
from journeyflow.policy import Policy, SmsRules


@dataclass(frozen=True, slots=True)
class Message:
    """One language version of a template, as far as a journey that sends it depends on it."""

    name: str
    channel: str
    locale: str | None = None  # "": for every locale; None: the file is faulty and nothing else is known
    file: str = ""
    needs: frozenset[str] = frozenset()  # dotted paths that it cannot be rendered without
    reads: frozenset[str] = frozenset()  # dotted paths that stand in it at all
    words: str = ""  # its text, with single spaces
    parts: int = 1  # SMS that the text takes when names are long
    # The same under the policy's rules, where a way out is added to what rests on consent.
    parts_under: Callable[[SmsRules, bool], int] | None = field(default=None, compare=False)
    can_unsubscribe: bool = True

    def length(self, rules: SmsRules, rests_on_consent: bool) -> int:
        """SMS that are sent when names are long."""
        return self.parts_under(rules, rests_on_consent) if self.parts_under else self.parts


def messages_by_name(messages: Iterable[Message]) -> dict[tuple[str, str], list[Message]]:
    """By name and channel."""
    found: dict[tuple[str, str], list[Message]] = {}
    for message in messages:
        found.setdefault((message.name, message.channel), []).append(message)
    return found


@dataclass(frozen=True, slots=True)
class Surroundings:
    segments: Mapping[str, Segment] | None
    policy: Policy | None
    messages: Mapping[tuple[str, str], list[Message]] | None
    journeys: Collection[str] | None = None  # names of all journeys of the programme
