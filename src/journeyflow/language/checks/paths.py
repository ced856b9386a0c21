"""The paths through a journey with the most sends in the least time."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf

from journeyflow.language.checks.ways import Place
from journeyflow.language.definition import JourneyStep, SendStep, WaitUntilStep

IsCounted = Callable[[SendStep], bool]

# Sends of one path, from which on nobody counts them exactly. Hand-overs multiply them: forty to a journey
# that has forty to the next come to millions, and no cap is so wide.
LIMIT = 60


@dataclass(frozen=True, slots=True)
class Chain:
    """Sends on one path, each with those behind it."""

    send: SendStep
    place: int
    seconds: int  # from this one to where the path is over
    rest: "Path"


@dataclass(frozen=True, slots=True)
class Fork:
    """A step that hands over: another journey begins, and this one goes on."""

    step: JourneyStep
    seconds: int  # from this step to where the path is over
    here: "Reach | None"
    there: "Reach"
    again: int | None  # how soon the other journey takes a customer in again, in seconds


Path = Chain | Fork | None


@dataclass(frozen=True, slots=True)
class Reach:
    """So many sends are possible within so many seconds."""

    seconds: int
    count: int
    path: Path


Front = tuple[Reach, ...]  # both numbers rise; the first that comes to the limit is the last


@dataclass(frozen=True, slots=True)
class Other:
    """A journey that may be handed over to."""

    entered: Front  # behind its entry
    again: int | None


@dataclass(frozen=True, slots=True)
class Sent:
    send: SendStep
    place: int
    seconds: int  # after the beginning of the path
    journey: str  # that the send stands in
    through: JourneyStep | None  # the step that hands over to that journey, if it is another one


def fronts(
    places: Sequence[Place], is_counted: IsCounted, others: Mapping[str, Other], limit: int = LIMIT
) -> list[Front]:
    """For each place, how many sends can follow (its own among them) in how little time, up to the last."""
    found: list[Front] = [()] * len(places)
    closed = _closed(places, others)
    for number in range(len(places) - 1, -1, -1):
        step, behind = places[number].step, _behind(places[number], found, limit)
        if isinstance(step, SendStep) and is_counted(step):
            gained = (_sent(step, number, reach) for reach in behind)
            behind = (Reach(0, 1, Chain(step, number, 0, None)), *gained)
        elif isinstance(step, JourneyStep) and step.journey.value in others and number not in closed:
            behind = (*behind, *_beside(step, behind, others[step.journey.value], limit))
        else:
            found[number] = behind  # the best already
            continue
        found[number] = _best(behind, limit)
    return found


def passages(
    places: Sequence[Place],
    is_counted: IsCounted,
    others: Mapping[str, Other],
    *,
    through_times: bool,
    limit: int = LIMIT,
) -> list[Front]:
    """For each place, how many sends can follow in how little time, up to the end of the journey.

    Through waits until a time of day only if `through_times`.
    """
    found: list[Front] = [()] * len(places)
    found[-1] = (Reach(0, 0, None),)
    for number in range(len(places) - 2, -1, -1):
        step = places[number].step
        if isinstance(step, WaitUntilStep) and not through_times:
            continue
        behind = _behind(places[number], found, limit)
        if isinstance(step, SendStep) and is_counted(step):
            behind = tuple(_sent(step, number, reach) for reach in behind)
        elif isinstance(step, JourneyStep) and step.journey.value in others:
            other = others[step.journey.value]
            behind = tuple(
                _fork(step, other, reach.seconds, reach, other.entered[-1]) if reach.count < limit else reach
                for reach in behind
            )
        found[number] = behind
    return found


def within(front: Front, window: int) -> Reach | None:
    """The most sends in less than so many seconds."""
    number = bisect_left(front, window, key=lambda reach: reach.seconds)
    return front[number - 1] if number else None


def sends(reach: Reach, journey: str) -> tuple[Sent, ...]:
    """In the order of time, of a path in the journey of that name.

    They may be fewer than `reach` counts: a journey is entered again only when it takes the customer in.
    """
    found: list[Sent] = []
    left = [(0, 0, _Part(0, reach, journey, None))]  # by start, then in the order of the paths
    number = 0
    closed: dict[str, float] = {}  # until when a journey takes nobody in
    while left:
        part = heappop(left)[-1]
        fork = _collect(part, found)
        if fork:
            start, name = part.start + part.reach.seconds - fork.seconds, fork.step.journey.value
            number += 2
            if fork.here:
                heappush(left, (start, number, _Part(start, fork.here, part.journey, part.through)))
            if closed.get(name, 0) <= start:
                closed[name] = inf if fork.again is None else start + max(fork.again, fork.there.seconds)
                there = _Part(start, fork.there, name, part.through or fork.step)
                heappush(left, (start, number + 1, there))
    return tuple(sorted(found, key=lambda sent: sent.seconds))


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Of a path, in one journey."""

    start: int
    reach: Reach
    journey: str
    through: JourneyStep | None


def _collect(part: _Part, found: list[Sent]) -> Fork | None:
    """The sends up to the first fork, which is returned."""
    link, over = part.reach.path, part.start + part.reach.seconds
    while isinstance(link, Chain):
        found.append(Sent(link.send, link.place, over - link.seconds, part.journey, part.through))
        link = link.rest
    return link


def _closed(places: Sequence[Place], others: Mapping[str, Other]) -> set[int]:
    """Hand-overs to a journey that takes nobody in twice, where all ways have led by one to it before."""
    found: set[int] = set()
    entered: dict[int, frozenset[str]] = {}
    for number, place in enumerate(places):
        step, before = place.step, entered.get(number, frozenset())
        if isinstance(step, JourneyStep) and (name := step.journey.value) in others:
            found |= {number} if name in before else set()
            before |= {name} if others[name].again is None else set()
        for way in place.ways:
            entered[way.to] = entered.get(way.to, before) & before
    return found


def _behind(place: Place, fronts: Sequence[Front], limit: int) -> Front:
    moved = [_moved(fronts[way.to], way.seconds) for way in place.ways]
    return moved[0] if len(moved) == 1 else _best((reach for front in moved for reach in front), limit)


def _moved(front: Front, seconds: int) -> Front:
    if seconds == 0:
        return front
    return tuple(Reach(reach.seconds + seconds, reach.count, reach.path) for reach in front)


def _best(found: Iterable[Reach], limit: int) -> Front:
    front: list[Reach] = []
    for reach in sorted(found, key=lambda reach: (reach.seconds, -reach.count)):
        if not front or reach.count > front[-1].count:
            front.append(reach)
            if reach.count >= limit:
                break
    return tuple(front)


def _sent(step: SendStep, number: int, reach: Reach) -> Reach:
    return Reach(reach.seconds, reach.count + 1, Chain(step, number, reach.seconds, reach.path))


def _beside(step: JourneyStep, behind: Front, other: Other, limit: int) -> Iterator[Reach]:
    """The other journey by itself, and both together in the time that the longer one takes."""
    for seconds in sorted({reach.seconds for reach in (*behind, *other.entered)}):
        here, there = within(behind, seconds + 1), within(other.entered, seconds + 1)
        if here and here.count >= limit:
            return
        if there:
            yield _fork(step, other, seconds, here if there.count < limit else None, there)


def _fork(step: JourneyStep, other: Other, seconds: int, here: Reach | None, there: Reach) -> Reach:
    count = there.count + (here.count if here else 0)
    return Reach(seconds, count, Fork(step, seconds, here, there, other.again))
