"""The ways through a journey as a graph: its steps in the order of the text, and the least time between."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from journeyflow.language.checks.hours import closed_hours, is_closed, minute_of
from journeyflow.language.definition import (
    DateEntry,
    EndStep,
    Journey,
    SendStep,
    Step,
    WaitBestTimeStep,
    WaitForStep,
    WaitStep,
    WaitUntilDateStep,
    WaitUntilStep,
)
from journeyflow.language.walk import all_steps, step_lists
from journeyflow.policy import Policy

_WEEK = 7 * 1_440  # minutes


@dataclass(frozen=True, slots=True)
class Way:
    to: int  # number of a place, always a later one
    seconds: int = 0  # that pass at least
    pauses: bool = False  # the customer rests in between, however short


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of day that all customers at a place are at, in their own zone."""

    minute: int
    days: frozenset[int] = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Place:
    step: Step | None  # None: the end
    ways: tuple[Way, ...] = ()
    moment: Moment | None = None  # when customers come here, if that is known


def ways(journey: Journey, policy: Policy) -> tuple[Place, ...]:
    """The places, of which the last is the end and the only one without a way on."""
    steps = [step for step in all_steps(journey.steps) if not isinstance(step, EndStep)]
    graph = _Graph(steps)
    graph.lay(journey.steps, len(steps))  # the end comes behind all of them
    places = [Place(step, graph.ways[number]) for number, step in enumerate(steps)]
    return (*_stretched(places, journey, policy), Place(None))


def begins(journey: Journey, places: Sequence[Place]) -> int:
    """Where customers enter."""
    return len(places) - 1 if not journey.steps or isinstance(journey.steps[0], EndStep) else 0


@dataclass(frozen=True, slots=True)
class Daily:
    """What keeps apart the passages that wait until a time of day."""

    seconds: int  # from such a wait to the next at least; 0: there is none
    early: frozenset[int]  # places that are reached before it


def daily(places: Sequence[Place], start: int) -> Daily:
    """Of the first wait until a time of day on each way from `start`."""
    found: list[Moment] = []
    early = {start}
    for number in range(start, len(places)):
        place = places[number]
        if number in early and isinstance(place.step, WaitUntilStep):
            found.append(_moment_of(place.step))
        elif number in early:
            early.update(way.to for way in place.ways)
    return Daily(_least_gap(found), frozenset(early))


def _least_gap(moments: Sequence[Moment]) -> int:
    """The least seconds from a time of the week to the next one; 0 where there is none."""
    times = sorted({day * 1_440 + moment.minute for moment in moments for day in moment.days})
    gaps = (after - before for before, after in pairwise([*times, *(time + _WEEK for time in times[:1])]))
    return min(gaps, default=0) * 60


class _Graph:
    def __init__(self, steps: Sequence[Step]) -> None:
        self._numbers = {id(step): number for number, step in enumerate(steps)}
        self.ways: list[tuple[Way, ...]] = [()] * len(steps)

    def lay(self, steps: tuple[Step, ...], after: int) -> None:
        """Behind `steps` it goes on at `after`."""
        for number, step in enumerate(steps):
            if not isinstance(step, EndStep):
                behind = self._start(steps[number + 1 :], after)
                self.ways[self._numbers[id(step)]] = self._out_of(step, behind)
                for inner in step_lists(step):
                    self.lay(inner, behind)

    def _start(self, steps: tuple[Step, ...], after: int) -> int:
        if not steps:
            return after
        return len(self.ways) if isinstance(steps[0], EndStep) else self._numbers[id(steps[0])]

    def _out_of(self, step: Step, behind: int) -> tuple[Way, ...]:
        match step:
            case WaitStep():
                return (Way(behind, step.seconds, pauses=True),)
            case WaitUntilStep() | WaitBestTimeStep():
                return (Way(behind, pauses=True),)
            case WaitUntilDateStep():
                return (Way(behind),)  # a date that is missing, or over, is not waited for
            case WaitForStep():
                then, otherwise = self._start(step.then, behind), self._start(step.otherwise, behind)
                return Way(then, pauses=True), Way(otherwise, step.timeout, pauses=True)
            case _:
                lists = step_lists(step)
                return tuple(Way(self._start(inner, behind)) for inner in lists) or (Way(behind),)


def _stretched(places: list[Place], journey: Journey, policy: Policy) -> list[Place]:
    """With the least time that each wait until a time of day takes, where the time before it is known."""
    enter = journey.enter
    first = Moment(minute_of(enter.at)) if isinstance(enter, DateEntry) else None
    moments: dict[int, Moment | None] = {0: first}
    found: list[Place] = []
    for number, place in enumerate(places):
        before = moments.get(number)
        after, step = _after(place.step, before, journey, policy), place.step
        if isinstance(step, WaitUntilStep) and before and after:
            place = replace(place, ways=(replace(place.ways[0], seconds=_between(before, after)),))
        for way in place.ways:
            moments[way.to] = after if moments.get(way.to, after) == after else None
        found.append(replace(place, moment=before))
    return found


def _after(step: Step | None, before: Moment | None, journey: Journey, policy: Policy) -> Moment | None:
    match step:
        case WaitUntilStep():
            return _moment_of(step)
        case WaitStep() | WaitForStep() | WaitUntilDateStep() | WaitBestTimeStep():
            return None  # a length in hours moves the time of day when the clocks change
        case SendStep():
            closed = closed_hours(policy, journey.category.value, step.channel.value)
            held = before and is_closed(before.minute, closed)
            return None if held or step.if_capped == "wait" else before
        case _:
            return before


def _moment_of(step: WaitUntilStep) -> Moment:
    return Moment(minute_of(step.at), frozenset(step.days or range(7)))


def _between(before: Moment, after: Moment) -> int:
    """The least seconds from the one moment to the next of the other, which is strictly later.

    A day counts as a day, also that on which the clocks are put forward: a weekly message is no problem
    for a cap of one a week.
    """
    gaps = (
        (day - first) * 1_440 + after.minute - before.minute for first in before.days for day in after.days
    )
    return min((gap % _WEEK or _WEEK for gap in gaps), default=0) * 60
