"""The earliest and the latest moment at which each step of a plan can happen, for one zone and one entry.

A step happens when it is done: a wait when it ends, a message when it goes out. Windows are passed
along the jumps in the order of the steps; every rule here is monotone, so the ends of a window give the
ends of the next one. Workers are taken to be up, and leaving by an exit rule moves nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from typing import assert_never
from zoneinfo import ZoneInfo

from journeyflow.engine.gate import category_of
from journeyflow.engine.hours import Hours, Place
from journeyflow.engine.local_time import next_local
from journeyflow.errors import PlanError
from journeyflow.plan import (
    Branch,
    End,
    HandOver,
    Plan,
    Send,
    Split,
    Step,
    Update,
    Wait,
    WaitBestTime,
    WaitFor,
    WaitUntil,
    WaitUntilDate,
    Webhook,
)
from journeyflow.policy import Cap, Policy

_MOST_QUIET = timedelta(days=15)  # in one piece; a zone may skip a day


@dataclass(frozen=True, slots=True)
class Window:
    earliest: datetime
    latest: datetime | None  # None: no limit, it depends on a date of the customer's

    def over(self, other: "Window") -> "Window":
        """The smallest window round both."""
        earliest = min(self.earliest, other.earliest)
        if self.latest is None or other.latest is None:
            return Window(earliest, None)
        return Window(earliest, max(self.latest, other.latest))

    def moved(self, by: Callable[[datetime], datetime]) -> "Window":
        """Both ends of it."""
        return Window(by(self.earliest), None if self.latest is None else by(self.latest))


def windows(plan: Plan, policy: Policy, tz: ZoneInfo, entered: datetime) -> tuple[Window, ...]:
    """One for each step, in the plan's order. Raises PlanError for a message that can never go out."""
    arrivals: dict[int, Window] = {0: Window(entered, entered + timedelta(seconds=plan.spread))}
    found = []
    rules = _Rules(plan, policy, tz)
    for number, step in enumerate(plan.steps):
        happens, onward = rules.through(step, arrivals[number])
        found.append(happens)
        for to, window in onward:
            arrivals[to] = arrivals[to].over(window) if to in arrivals else window
    return tuple(found)


class _Rules:
    def __init__(self, plan: Plan, policy: Policy, tz: ZoneInfo) -> None:
        self._policy, self._tz = policy, tz
        self._end = len(plan.steps) - 1
        self._plan = plan
        self._category = category_of(policy, plan.category)

    def through(self, step: Step, arrival: Window) -> tuple[Window, list[tuple[int, Window]]]:
        """When the step happens, and when customers who came within `arrival` come to what follows."""
        match step:
            case Send():
                happens = self._send(step, arrival)
                # Whom the gate refuses (no consent, no address) goes on at once, also in quiet hours.
                return happens, [(step.next, Window(arrival.earliest, happens.latest))]
            case Wait():
                happens = arrival.moved(_later(step.seconds))
                return happens, [(step.next, happens)]
            case WaitUntil():
                happens = arrival.moved(partial(self._next, step))
                return happens, [(step.next, happens)]
            case WaitUntilDate() | WaitBestTime():
                happens = Window(arrival.earliest, self._latest(step, arrival.latest))
                return happens, [(step.next, happens)]
            case WaitFor():
                too_late = arrival.moved(_later(step.timeout))
                woken = arrival.over(too_late)
                return woken, [(step.then, woken), (step.otherwise, too_late)]
            case Branch():
                return arrival, [(to, arrival) for to in (*(arm.to for arm in step.arms), step.otherwise)]
            case Split():
                held_out = [(self._end, arrival)] if step.holdout else []
                return arrival, [*((variant.to, arrival) for variant in step.variants), *held_out]
            case Webhook() | Update() | HandOver():
                return arrival, [(step.next, arrival)]
            case End():
                return arrival, []
            case _:
                assert_never(step)

    def _next(self, step: WaitUntil, after: datetime) -> datetime:
        return next_local(after, time.fromisoformat(step.at), step.days, self._tz)

    def _latest(self, step: WaitUntilDate | WaitBestTime, arrival: datetime | None) -> datetime | None:
        """Both may end at once: where there is no date or it has passed, and where this hour is the best."""
        if arrival is None or isinstance(step, WaitUntilDate):
            return None
        otherwise = next_local(arrival, time.fromisoformat(step.at), (), self._tz)
        return max(otherwise, arrival + timedelta(seconds=step.within))

    def _send(self, step: Send, arrival: Window) -> Window:
        sent = self._opened(step, arrival)
        if step.if_capped.do == "wait" and any(self._concerns(cap, step) for cap in self._policy.caps):
            # It may wait for room until then, and then find that it is night again.
            last_room = arrival.moved(_later(step.if_capped.up_to or 0))
            return sent.over(self._opened(step, last_room))
        return sent

    def _concerns(self, cap: Cap, step: Send) -> bool:
        return (
            self._category.caps == "apply"
            and cap.channel in (None, step.channel)
            and cap.category in (None, self._plan.category)
            and cap.topic in (None, self._plan.topic)
            and cap.journey in (None, self._plan.journey)
        )

    def _opened(self, step: Send, arrival: Window) -> Window:
        """What the hours hold leaves when they end, or a little later, so that not all leave at once."""
        opening = partial(self._opening, step)
        if arrival.latest is None:
            return Window(opening(arrival.earliest), None)
        spread = timedelta(seconds=self._policy.spread)
        latest = opening(arrival.latest)
        # Somebody who was held a while before the latest arrival may leave after it.
        held = [
            before
            for before in (arrival.latest, latest - spread, arrival.earliest)
            if self._is_held(step, before)
        ]
        ends = (opening(before) + spread for before in held if arrival.earliest <= before <= arrival.latest)
        return Window(opening(arrival.earliest), max([latest, *ends]))

    def _opening(self, step: Send, moment: datetime) -> datetime:
        closed = (
            self._hours(step).closed(self._place, moment) if self._category.quiet_hours == "apply" else None
        )
        if closed is not None and closed.until - moment > _MOST_QUIET:
            raise PlanError(step.path, "the hours leave no time to send; shorten them")
        return closed.until if closed else moment

    def _is_held(self, step: Send, moment: datetime) -> bool:
        return self._opening(step, moment) > moment

    def _hours(self, step: Send) -> Hours:
        return Hours.of(self._policy, step.channel, self._plan.category, self._tz)

    @property
    def _place(self) -> Place:
        return Place(self._tz.key)


def _later(seconds: int) -> Callable[[datetime], datetime]:
    delay = timedelta(seconds=seconds)
    return lambda moment: moment + delay
