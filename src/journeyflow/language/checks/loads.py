"""How many messages one customer can get from a journey in a time, along all its ways.

The longest path over the least delays: an event can come at once, and a wait until a time of day counts
what it takes at least. What branches ask is not looked at, so a path may be one that few customers take.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, pairwise

from cronsim import CronSim

from journeyflow.language.checks.ways import Place, begins
from journeyflow.language.definition import EventEntry, Journey, ScheduleEntry, SendStep
from journeyflow.policy import DAY

_MOST_TIMES = 4_000  # of a path that is taken again and again


@dataclass(frozen=True, slots=True)
class Chain:
    """Sends on one path, from the first to the last."""

    send: SendStep
    place: int
    seconds: int  # from this one to the last
    rest: "Chain | None"

    def __iter__(self) -> Iterator["Chain"]:
        link: Chain | None = self
        while link is not None:
            yield link
            link = link.rest


@dataclass(frozen=True, slots=True)
class _Reach:
    """So many sends are possible within so many seconds."""

    seconds: int
    count: int
    chain: Chain


_Front = tuple[_Reach, ...]  # both numbers rise


class Load:
    """What a journey sends on one channel, or on all (None)."""

    def __init__(self, journey: Journey, places: Sequence[Place], channel: str | None) -> None:
        self._fronts = _fronts(places, channel)
        self._entered = self._fronts[begins(journey, places)]
        period = _period(journey)
        is_repeated = period is not None and bool(self._entered)
        self._passage = _passage(places, self._entered[-1], period or 0) if is_repeated else ([], 0)

    def most(self, window: int) -> tuple[int, Chain | None]:
        """In a window of so many seconds, and on which path; of that, when it is taken again and again."""
        found = filter(None, (_within(front, window) for front in self._fronts))
        best = max(found, key=lambda reach: reach.count, default=None)
        if best is None:
            return 0, None
        repeated = _densest(*self._passage, window)
        return (repeated, self._entered[-1].chain) if repeated > best.count else (best.count, best.chain)

    def at_entry(self, window: int) -> int:
        """In the seconds after entry."""
        reach = _within(self._entered, window)
        return reach.count if reach else 0


def _within(front: _Front, window: int) -> _Reach | None:
    number = bisect_left(front, window, key=lambda reach: reach.seconds)
    return front[number - 1] if number else None


def _fronts(places: Sequence[Place], channel: str | None) -> list[_Front]:
    """For each place, how many sends can follow (its own among them) in how little time."""
    fronts: list[_Front] = [()] * len(places)
    for number in range(len(places) - 1, -1, -1):
        step, found = places[number].step, list(_behind(places[number], fronts))
        if isinstance(step, SendStep) and channel in (None, step.channel.value):
            gained = (_after(step, number, reach) for reach in found)
            fronts[number] = _best([_Reach(0, 1, Chain(step, number, 0, None)), *gained])
        else:
            fronts[number] = _best(found)
    return fronts


def _behind(place: Place, fronts: Sequence[_Front]) -> Iterator[_Reach]:
    for way in place.ways:
        for reach in fronts[way.to]:
            yield _Reach(reach.seconds + way.seconds, reach.count, reach.chain) if way.seconds else reach


def _after(step: SendStep, number: int, reach: _Reach) -> _Reach:
    return _Reach(reach.seconds, reach.count + 1, Chain(step, number, reach.seconds, reach.chain))


def _best(found: list[_Reach]) -> _Front:
    front: list[_Reach] = []
    for reach in sorted(found, key=lambda reach: (reach.seconds, -reach.count)):
        if not front or reach.count > front[-1].count:
            front.append(reach)
    return tuple(front)


def _passage(places: Sequence[Place], reach: _Reach, period: int) -> tuple[list[int], int]:
    """When the sends of a passage are, and the least time from one passage to the next."""
    *_, last = reach.chain
    lasts = reach.seconds + _shortest(places)[last.place]
    return [reach.seconds - link.seconds for link in reach.chain], max(period, lasts)


def _densest(first: list[int], period: int, window: int) -> int:
    """The most in a window when a passage begins in every period; without a pause there is no limit."""
    if period == 0 or not first:
        return 0  # an entry without a pause is another problem than this
    rounds = min(window // period + 2, max(2, _MOST_TIMES // len(first)))
    times = [time + round * period for round in range(rounds) for time in first]
    return max(bisect_left(times, start + window) - number for number, start in enumerate(first))


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
    times = list(islice(CronSim(cron, _SOME_TIME), 100))
    return min(
        (int((after - before).total_seconds()) for before, after in pairwise(times)), default=365 * DAY
    )


_SOME_TIME = datetime(2024, 1, 1, tzinfo=UTC)
