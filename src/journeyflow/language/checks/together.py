"""The loads of all journeys of a programme, each with those that it hands over to."""

from collections.abc import Mapping, Sequence

from journeyflow.language.checks.circles import in_order
from journeyflow.language.checks.handovers import hand_overs
from journeyflow.language.checks.loads import WINDOWS, Load
from journeyflow.language.checks.paths import LIMIT, IsCounted
from journeyflow.language.checks.ways import Place, ways
from journeyflow.language.definition import Journey
from journeyflow.policy import Cap, Category, Policy


def caps_of(policy: Policy, journey: Journey) -> list[Cap]:
    """The caps that hold for a journey's messages."""
    category = journey.category.value
    if policy.categories.get(category, Category()).caps == "exempt":
        return []
    topic = journey.topic.value if journey.topic else ""
    return [
        cap
        for cap in policy.caps
        if cap.category in (None, category)
        and cap.topic in (None, topic)
        and cap.journey in (None, journey.name.value)
    ]


def on_channel(channel: str | None) -> IsCounted:
    """Messages on this channel, or all of them (None)."""
    return lambda step: channel in (None, step.channel.value)


def limit_of(policy: Policy) -> int:
    """Sends of one path that are to be counted exactly: more than any cap has room for."""
    return max([LIMIT, *(cap.at_most + 1 for cap in policy.caps)])


class Loads:
    """Made when they are asked for. A journey that is not among `journeys` is not followed."""

    def __init__(self, journeys: Mapping[str, Journey], policy: Policy) -> None:
        self._journeys, self._policy = journeys, policy
        self._uses = {
            name: [step.journey.value for step in hand_overs(one)] for name, one in journeys.items()
        }
        self._longest = max([*WINDOWS.values(), *(cap.seconds for cap in policy.caps)])
        self._places: dict[str, Sequence[Place]] = {}
        self._limit = limit_of(policy)
        under = [caps_of(policy, one) for one in journeys.values()]
        self._all = [cap for cap in policy.caps if not cap.channel and all(cap in caps for caps in under)]
        self._found: dict[tuple[str, object], Load] = {}

    def of(self, name: str, cap: Cap | None = None) -> Load:
        """The messages under a cap, or all of them."""
        kind = self._kind(cap)
        if (name, kind) not in self._found:
            for each in in_order(self._uses, name):
                if (each, kind) not in self._found:
                    self._found[each, kind] = self._load(each, cap)
        return self._found[name, kind]

    def alone(self, name: str, cap: Cap) -> Load:
        """Without the journeys that it hands over to."""
        return Load(self._journeys[name], self._ways(name), self._counted(name, cap), None, self._limit)

    def _load(self, name: str, cap: Cap | None) -> Load:
        kind = self._kind(cap)
        loads = {used: self._found[used, kind] for used in self._uses[name] if (used, kind) in self._found}
        others = {used: load.as_other(self._longest) for used, load in loads.items()}
        return Load(self._journeys[name], self._ways(name), self._counted(name, cap), others, self._limit)

    def _kind(self, cap: Cap | None) -> object:
        """The same for caps that count the same messages, however many and in whatever time."""
        return None if cap is None or cap in self._all else (cap.category, cap.channel)

    def _ways(self, name: str) -> Sequence[Place]:
        if name not in self._places:
            self._places[name] = ways(self._journeys[name], self._policy)
        return self._places[name]

    def _counted(self, name: str, cap: Cap | None) -> IsCounted:
        if cap is None:
            return on_channel(None)
        is_under = cap in caps_of(self._policy, self._journeys[name])
        return on_channel(cap.channel) if is_under else lambda step: False
