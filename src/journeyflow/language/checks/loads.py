"""How many messages one customer can get from a journey in a time, along all its ways.

The longest path over the least delays: an event can come at once, and a wait until a time of day counts
what it takes at least. What branches ask is not looked at, so a path may be one that few customers take.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, pairwise

from cronsim import CronSim

from journeyflow.language.checks.paths import (
    LIMIT,
    Front,
    IsCounted,
    Other,
    Reach,
    Sent,
    fronts,
    passages,
    sends,
    within,
)
from journeyflow.language.checks.ways import Place, begins, daily
from journeyflow.language.definition import EventEntry, Journey, JourneyStep, ScheduleEntry
from journeyflow.policy import DAY

WINDOWS = {"24 hours": DAY, "7 days": 7 * DAY, "30 days": 30 * DAY}
_LOOKED_AT = 8  # hand-overs of a journey from which on is looked, where the most is not counted exactly
PAUSE = 60  # seconds; of passages that follow each other faster there is no telling how many there are


@dataclass(frozen=True, slots=True)
class Most:
    count: int | None  # None: without limit
    sends: tuple[Sent, ...] = ()  # of one passage
    is_least: bool = False  # there can be more: it was not counted further


class Load:
    """The sends of a journey that are counted, with those of the `others` that it hands over to."""

    def __init__(
        self,
        journey: Journey,
        places: Sequence[Place],
        is_counted: IsCounted,
        others: Mapping[str, Other] | None = None,
        limit: int = LIMIT,
    ) -> None:
        """`limit`: so many sends of one path are counted exactly."""
        self.journey, self._limit = journey, limit
        others = others or {}
        found = fronts(places, is_counted, others, limit)
        self._entered: Front = found[begins(journey, places)]
        self._fronts = found
        self._forks = [
            front[-1]
            for place, front in zip(places, found, strict=True)
            if front and isinstance(place.step, JourneyStep) and place.step.journey.value in others
        ]
        self._known: dict[int, tuple[Sent, ...]] = {}
        self._passages = list(_passages(journey, places, is_counted, others, limit))

    @property
    def is_endless(self) -> bool:
        """Whether customers can come in again at once, and get something each time."""
        return any(passage.period < PAUSE for passage in self._passages)

    def most(self, window: int) -> Most:
        """In a window of so many seconds, also when a path is taken again and again."""
        best = self.once(window)
        for passage in self._passages:
            if passage.period < PAUSE:
                return Most(None, passage.sends())
            if passage.at_most(window) > (best.count or 0):
                best = max(best, passage.most(window), key=lambda most: most.count or 0)
        return best

    def once(self, window: int) -> Most:
        """In a single passage."""
        reaches = filter(None, (within(front, window) for front in self._fronts))
        first = max(reaches, key=lambda reach: reach.count, default=None)
        best = self._sends(first) if first else ()
        is_least = first is not None and first.count >= self._limit
        for reach in self._forks[:: len(self._forks) // _LOOKED_AT + 1] if is_least else self._forks:
            if reach.count > len(best):
                best = max(best, _densest(self._sends(reach), window), key=len)
        return Most(len(best), best, is_least)

    def at_entry(self, window: int) -> int:
        """In the seconds after entry."""
        reach = within(self._entered, window)
        return len(sends(reach, self.journey.name.value)) if reach else 0

    def _sends(self, reach: Reach) -> tuple[Sent, ...]:
        """Found once: each reach is asked about for several windows, and lives as long as its front."""
        if id(reach) not in self._known:
            self._known[id(reach)] = sends(reach, self.journey.name.value)
        return self._known[id(reach)]

    def as_other(self, longest: int) -> Other:
        """For those that hand over to it, where no window is longer than that many seconds."""
        entered = tuple(reach for reach in self._entered if reach.seconds < longest)
        return Other(entered, self.journey.again)


@dataclass(frozen=True, slots=True)
class _Passage:
    """A path from the entry to the end that is taken again and again."""

    journey: str
    reach: Reach
    period: int  # the least seconds from one to the next
    early: frozenset[int]  # places that may come at any time within the period
    is_cut: bool  # hand-overs on it were left out

    def at_most(self, window: int) -> int:
        return (window // self.period + 2) * self.reach.count

    def most(self, window: int) -> Most:
        found = self.sends()
        rounds, rest = divmod(window, self.period)
        times = sorted(sent.seconds % self.period for sent in found)
        twice = times + [time + self.period for time in times]
        densest = max(bisect_left(twice, time + rest) - number for number, time in enumerate(times))
        early = sum(sent.place in self.early and not sent.through for sent in found)
        return Most(rounds * len(found) + densest + early, found, self.is_cut)

    def sends(self) -> tuple[Sent, ...]:
        return sends(self.reach, self.journey)


def _densest(found: tuple[Sent, ...], window: int) -> tuple[Sent, ...]:
    """The most of them in a window."""
    times = [sent.seconds for sent in found]
    ends = [bisect_left(times, time + window) for time in times]
    start = max(range(len(found)), key=lambda number: ends[number] - number)
    return found[start : ends[start]]


def _passages(
    journey: Journey,
    places: Sequence[Place],
    is_counted: IsCounted,
    others: Mapping[str, Other],
    limit: int,
) -> Iterator[_Passage]:
    period = _period(journey)
    if period is None:
        return
    name, start = journey.name.value, begins(journey, places)
    least = max(period, _shortest(places)[start])
    again = {name: other for name, other in others.items() if _fits(other, least)}

    def is_cut(reach: Reach) -> bool:
        return bool(again) and reach.count >= limit

    for reach in _sending(passages(places, is_counted, again, through_times=False, limit=limit)[start]):
        yield _Passage(name, reach, max(period, reach.seconds), frozenset(), is_cut(reach))
    apart = daily(places, start)
    if apart.seconds:
        for reach in _sending(passages(places, is_counted, again, through_times=True, limit=limit)[start]):
            least = max(period, reach.seconds)
            early = apart.early if least < apart.seconds else frozenset[int]()
            yield _Passage(name, reach, max(least, apart.seconds), early, is_cut(reach))


def _sending(front: Front) -> list[Reach]:
    return [reach for reach in front if reach.count]


def _fits(other: Other, period: int) -> bool:
    """Whether it sends, and takes a customer in again in every period."""
    if not other.entered or other.again is None:
        return False
    return max(other.again, other.entered[-1].seconds) <= period


def _shortest(places: Sequence[Place]) -> list[int]:
    """The least seconds from each place to the end."""
    found = [0] * len(places)
    for number in range(len(places) - 2, -1, -1):
        found[number] = min(way.seconds + found[way.to] for way in places[number].ways)
    return found


def _period(journey: Journey) -> int | None:
    """The least seconds between two entries that can be counted on to come; None: none that matter here."""
    match journey.enter:
        case EventEntry():
            return journey.again
        case ScheduleEntry():
            return None if journey.again is None else max(journey.again, _interval(journey.enter.cron))
        case _:
            return journey.again or None


def _interval(cron: str) -> int:
    """The shortest time between two of the next 100 times; a year where there are fewer."""
    times = list(islice(CronSim(cron, SOME_TIME), 100))
    return min(
        (int((after - before).total_seconds()) for before, after in pairwise(times)), default=365 * DAY
    )


SOME_TIME = datetime(2024, 1, 1, tzinfo=UTC)
