"""How much one customer can get from a journey, and against which caps that runs.

The longest path over the least delays: an event can come at once, and a wait until a time of day counts
what it takes at least. What branches ask is not looked at, so a path may be one that few customers take.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, pairwise

from cronsim import CronSim

from journeyflow.language.checks.logic import can_hold_together
from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.checks.ways import Place, begins, ways
from journeyflow.language.definition import (
    DateEntry,
    EventEntry,
    Journey,
    ScheduleEntry,
    SegmentEntry,
    SendStep,
)
from journeyflow.language.problems import Report, quoted
from journeyflow.policy import DAY, Cap, Category, Policy

WINDOWS = {"24 hours": DAY, "7 days": 7 * DAY, "30 days": 30 * DAY}

_HORIZON = 400 * DAY  # no path is followed for longer
_MOST_PASSAGES = 200
_SHOWN = 6  # sends of a path that are named
_WAY_OUT = 'Send less, wait longer, or say with "if_capped" what becomes of the rest'


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


def check(journey: Journey, around: Surroundings, report: Report) -> None:
    policy = around.policy
    if policy is None or not _caps(policy, journey):
        return
    places = ways(journey, policy)
    for cap in _caps(policy, journey):
        count, chain = _most(journey, places, cap.per, _counted_by(cap))
        over = _over(chain, cap) if count > cap.at_most else None
        again = "" if over else ", each time that somebody enters"
        mark = over.mark if over else journey.enter.mark
        if count > cap.at_most and not (over and _waits_long_enough(over, cap)):
            message = (
                f"a customer can get {count} messages from this journey in {_length(cap.per)}, and the cap "
                f"for {_named(cap)} is {cap.at_most}: {_path(chain)}{again}; {_totals(journey, policy)}. "
            )
            report.add(mark, "JF501", message + _WAY_OUT)


def check_together(journeys: Sequence[tuple[Journey, Report]], around: Surroundings) -> None:
    """Journeys that the same moment brings a customer into."""
    policy = around.policy
    if policy is None or not policy.caps:
        return
    for group in _groups(journeys):
        for cap in policy.caps:
            _check_group(group, cap, policy)


def most(journey: Journey, policy: Policy) -> dict[str, int]:
    """The most messages that a customer can get in each of WINDOWS."""
    places = ways(journey, policy)
    return {name: _most(journey, places, seconds, _any)[0] for name, seconds in WINDOWS.items()}


def _caps(policy: Policy, journey: Journey) -> list[Cap]:
    category = journey.category.value
    if policy.categories.get(category, Category()).caps == "exempt":
        return []
    return [cap for cap in policy.caps if cap.category in (None, category)]


def _counted_by(cap: Cap) -> Callable[[SendStep], bool]:
    return lambda send: cap.channel in (None, send.channel.value)


def _any(_send: SendStep) -> bool:
    return True


def _most(
    journey: Journey, places: Sequence[Place], window: int, counts: Callable[[SendStep], bool]
) -> tuple[int, Chain | None]:
    period = _period(journey)
    fronts = _fronts(places, counts, window if period is None else _HORIZON)
    best = max(
        (reach for front in fronts for reach in front if reach.seconds < window),
        key=lambda reach: reach.count,
        default=None,
    )
    if best is None:
        return 0, None
    entered = fronts[begins(journey, places)]
    if period is not None and entered:
        repeated = _repeated(places, entered[-1], period, window)
        if repeated > best.count:
            return repeated, entered[-1].chain
    return best.count, best.chain


def _fronts(places: Sequence[Place], counts: Callable[[SendStep], bool], horizon: int) -> list[_Front]:
    """For each place, how many sends can follow (its own among them) in how little time."""
    fronts: list[_Front] = [()] * len(places)
    for number in range(len(places) - 1, -1, -1):
        step, found = places[number].step, list(_behind(places[number], fronts, horizon))
        if isinstance(step, SendStep) and counts(step):
            gained = (_after(step, number, reach) for reach in found)
            fronts[number] = _best([_Reach(0, 1, Chain(step, number, 0, None)), *gained])
        else:
            fronts[number] = _best(found)
    return fronts


def _behind(place: Place, fronts: Sequence[_Front], horizon: int) -> Iterator[_Reach]:
    for way in place.ways:
        for reach in fronts[way.to]:
            if reach.seconds + way.seconds < horizon:
                yield _Reach(reach.seconds + way.seconds, reach.count, reach.chain)


def _after(step: SendStep, number: int, reach: _Reach) -> _Reach:
    return _Reach(reach.seconds, reach.count + 1, Chain(step, number, reach.seconds, reach.chain))


def _best(found: list[_Reach]) -> _Front:
    front: list[_Reach] = []
    for reach in sorted(found, key=lambda reach: (reach.seconds, -reach.count)):
        if not front or reach.count > front[-1].count:
            front.append(reach)
    return tuple(front)


def _repeated(places: Sequence[Place], reach: _Reach, period: int, window: int) -> int:
    """The most in a window when a customer goes the way of `reach` again and again."""
    lasts = _shortest(places)[_last(reach.chain).place] + reach.seconds
    period = max(period, lasts)
    if period == 0:
        return 0  # without any pause there is no limit, which is another problem than this
    first = [reach.seconds - link.seconds for link in reach.chain]
    rounds = min(window // period + lasts // period + 2, _MOST_PASSAGES)
    times = sorted(time + round * period for round in range(rounds) for time in first)
    most, start = 0, 0
    for number, time in enumerate(times):
        while time - times[start] >= window:
            start += 1
        most = max(most, number - start + 1)
    return most


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


def _groups(journeys: Sequence[tuple[Journey, Report]]) -> list[list[tuple[Journey, Report]]]:
    """Journeys with one occasion to enter; for events, those that one and the same event can enter."""
    by_occasion: dict[object, list[tuple[Journey, Report]]] = {}
    for journey, report in journeys:
        by_occasion.setdefault(_occasion(journey), []).append((journey, report))
    return [_compatible(group) for group in by_occasion.values()]


def _occasion(journey: Journey) -> object:
    match journey.enter:
        case EventEntry():
            return "event", journey.enter.pattern.event.value
        case SegmentEntry():
            return "segment", journey.enter.segment.value
        case DateEntry():
            return "date", journey.enter.attribute.value, journey.enter.offset
        case ScheduleEntry():
            return "schedule", journey.enter.cron
        case _:
            return "journey", journey.name.value


def _compatible(group: list[tuple[Journey, Report]]) -> list[tuple[Journey, Report]]:
    """Those that fit the first of them in order of their names; a pair that excludes itself is no group."""
    found: list[tuple[Journey, Report]] = []
    for journey, report in group:
        if all(_can_enter_both(journey, other) for other, _ in found):
            found.append((journey, report))
    return found


def _can_enter_both(one: Journey, other: Journey) -> bool:
    if isinstance(one.enter, EventEntry) and isinstance(other.enter, EventEntry):
        return can_hold_together(one.enter.pattern.where, other.enter.pattern.where)
    return True


def _check_group(group: list[tuple[Journey, Report]], cap: Cap, policy: Policy) -> None:
    shares = [
        (count, journey, report)
        for journey, report in group
        if cap in _caps(policy, journey) and (count := _at_entry(journey, policy, cap))
    ]
    total = sum(count for count, _, _ in shares)
    if len(shares) < 2 or total <= cap.at_most or any(count > cap.at_most for count, _, _ in shares):
        return
    last = min(range(len(shares)), key=lambda number: (shares[number][1].priority, -number))
    others = [f"{quoted(journey.name.value)} ({count})" for count, journey, _ in shares]
    message = (
        f"the same moment brings customers into {' and '.join(others)}: together {total} messages in "
        f"{_length(cap.per)}, and the cap for {_named(cap)} is {cap.at_most}; "
        f"this journey comes last by priority, so let it wait longer, or exclude the others' customers"
    )
    _, journey, report = shares[last]
    report.add(journey.enter.mark, "JF502", message)


def _at_entry(journey: Journey, policy: Policy, cap: Cap) -> int:
    """The most messages in the first window after entry."""
    places = ways(journey, policy)
    front = _fronts(places, _counted_by(cap), cap.per)[begins(journey, places)]
    return max((reach.count for reach in front), default=0)


def _over(chain: Chain | None, cap: Cap) -> SendStep | None:
    """The send that the cap has no room for."""
    return next((link.send for number, link in enumerate(chain or ()) if number == cap.at_most), None)


def _waits_long_enough(send: SendStep, cap: Cap) -> bool:
    return send.if_capped == "wait" and (send.up_to or 0) >= cap.per


def _last(chain: Chain) -> Chain:
    *_, last = chain
    return last


def _path(chain: Chain | None) -> str:
    names = [f"{link.send.template.value} (line {link.send.mark.line})" for link in chain or ()]
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _totals(journey: Journey, policy: Policy) -> str:
    return ", ".join(f"{count} in {name}" for name, count in most(journey, policy).items())


def _named(cap: Cap) -> str:
    return " ".join(filter(None, (cap.category, cap.channel))) or "all messages"


def _length(seconds: int) -> str:
    for size, unit in ((DAY, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds % size == 0:
            number = seconds // size
            return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
    return f"{seconds} seconds"


_SOME_TIME = datetime(2024, 1, 1, tzinfo=UTC)
