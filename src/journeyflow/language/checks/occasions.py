"""Journeys that the same moment brings one customer into."""

from collections.abc import Iterator, Sequence

from cronsim import CronSim

from journeyflow.language.checks.loads import SOME_TIME
from journeyflow.language.checks.logic import Both, Formula, Logic, can_hold_together, formula
from journeyflow.language.definition import (
    DateEntry,
    EventEntry,
    Journey,
    ScheduleEntry,
    SegmentEntry,
)


def occasions(journeys: Sequence[Journey]) -> list[list[Journey]]:
    """Journeys by their occasion to enter, where there are several."""
    found: dict[object, list[Journey]] = {}
    for journey in journeys:
        found.setdefault(_occasion(journey), []).append(journey)
    return [group for group in found.values() if len(group) > 1]


class Fits:
    """Which journeys with one occasion a single customer can enter: all pairs of them are compared."""

    def __init__(self, journeys: Sequence[Journey]) -> None:
        self._asked = [formula(journey.when) if journey.when else None for journey in journeys]
        self._known: dict[tuple[Formula, Formula], bool] = {}
        self._masks = [0] * len(journeys)  # of each the numbers of those that fit it, as bits
        for number, journey in enumerate(journeys):
            for other in range(number):
                if self._fit(number, other) and _one_event(journey, journeys[other]):
                    self._masks[number] |= 1 << other
                    self._masks[other] |= 1 << number

    def largest(self, counts: dict[int, int]) -> Iterator[list[int]]:
        """Sets of the journeys with these numbers, so many that each pair that fits is in one of them.

        The sets are those with the highest counts as far as that is seen by taking the highest first.
        """
        order = sorted(counts, key=lambda number: (-counts[number], number))
        covered = dict.fromkeys(counts, 0)
        for one in order:
            for other in order:
                if self._masks[one] >> other & ~covered[one] >> other & 1:
                    members = self._grown(one, other, order)
                    for member in members:
                        covered[member] |= sum(1 << each for each in members)
                    yield sorted(members)

    def _grown(self, one: int, other: int, order: list[int]) -> list[int]:
        members, fitting = [one, other], self._masks[one] & self._masks[other]
        for number in order:
            if fitting >> number & 1:
                members.append(number)
                fitting &= self._masks[number]
        return members

    def _fit(self, one: int, other: int) -> bool:
        """What is asked of the customer does not exclude it."""
        asked, also = self._asked[one], self._asked[other]
        if asked is None or also is None:
            return True
        if (asked, also) not in self._known:
            self._known[asked, also] = not Logic().is_impossible(Both((asked, also)))
        return self._known[asked, also]


def _one_event(one: Journey, other: Journey) -> bool:
    """Whether one event can enter both."""
    if isinstance(one.enter, EventEntry) and isinstance(other.enter, EventEntry):
        return can_hold_together(one.enter.pattern.where, other.enter.pattern.where)
    return True


def _occasion(journey: Journey) -> object:
    match journey.enter:
        case EventEntry():
            return "event", journey.enter.pattern.event.value
        case SegmentEntry():
            return "segment", journey.enter.segment.value
        case DateEntry():
            return "date", journey.enter.attribute.value, journey.enter.offset
        case ScheduleEntry():
            return "schedule", *_times(journey.enter.cron)
        case _:
            return "journey", journey.name.value


def _times(cron: str) -> tuple[object, ...]:
    """The same for all ways to write the same times."""
    read = CronSim(cron, SOME_TIME)
    weekdays = frozenset(0 if day == 7 else day for day in read.weekdays)
    return *map(frozenset, (read.minutes, read.hours, read.days, read.months)), weekdays, read.day_and
