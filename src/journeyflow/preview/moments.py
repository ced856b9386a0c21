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
from journeyflow.engine.local_time import next_local, quiet_until
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
    WaitFor,
    WaitUntil,
    WaitUntilDate,
    Webhook,
)
from journeyflow.policy import Cap, Policy, QuietHours

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
    arrivals: dict[int, Window] = {0: Window(entered, entered)}
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
        self._category_name = plan.category
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
            case WaitUntilDate():
                # At once where there is no date or it has passed.
                happens = Window(arrival.earliest, None)
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

    def _send(self, step: Send, arrival: Window) -> Window:
        awake = partial(self._after_quiet_hours, step)
        sent = arrival.moved(awake)
        if step.if_capped.do == "wait" and any(self._concerns(cap, step) for cap in self._policy.caps):
            # It may wait for room until then, and then find that it is night again.
            last_room = arrival.moved(_later(step.if_capped.up_to or 0))
            return sent.over(last_room.moved(awake))
        return sent

    def _concerns(self, cap: Cap, step: Send) -> bool:
        return (
            self._category.caps == "apply"
            and cap.at_most > 0  # under a cap of none there is never room to wait for
            and cap.channel in (None, step.channel)
            and cap.category in (None, self._category_name)
        )

    def _after_quiet_hours(self, step: Send, moment: datetime) -> datetime:
        """The end of one rule's quiet hours may lie within another's."""
        if self._category.quiet_hours == "exempt":
            return moment
        rules = [rule for rule in self._policy.quiet_hours if rule.channel in (None, step.channel)]
        end = moment
        while (until := self._quiet_until(rules, end)) is not None:
            if until - moment > _MOST_QUIET:
                raise PlanError(step.path, "quiet hours leave no time of day to send; shorten them")
            end = until
        return end

    def _quiet_until(self, rules: list[QuietHours], moment: datetime) -> datetime | None:
        ends = (quiet_until(moment, rule, self._tz) for rule in rules)
        return next((end for end in ends if end is not None), None)


def _later(seconds: int) -> Callable[[datetime], datetime]:
    delay = timedelta(seconds=seconds)
    return lambda moment: moment + delay
