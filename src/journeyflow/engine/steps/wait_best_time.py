"""A wait until the hour at which the customer has mostly acted before.

What was counted of the customer is added to what all customers do, which weighs as much as ten events of
the customer's own: so of whom little is known, the habits of all tell. Inside of the hour, members leave at
one of four quarters, always the same for a member, since each moment is a stop of its own.
"""

import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from journeyflow.engine.best_hours import Hours, habit_of_all, habits
from journeyflow.engine.leg import Leg, Member
from journeyflow.engine.local_time import default_zone, next_local
from journeyflow.members import Mask
from journeyflow.plan import WaitBestTime
from journeyflow.store.passages import observations

_PRIOR = 10  # events
_QUARTERS = 4


@dataclass(frozen=True, slots=True)
class Choice:
    until: datetime
    # The customer's own, that of all customers, or the time in the plan: "at" if nothing is known, "outside"
    # if no known hour comes in time.
    how: Literal["habit", "all", "at", "outside"]
    hour: int
    times: int = 0  # of the customer's events, how many in that hour
    total: int = 0


async def run(leg: Leg, number: int, step: WaitBestTime, members: Mask) -> None:
    people = leg.chosen(members)
    zones = {member.timezone for member in people if member.timezone}, default_zone(leg.policy)
    ids = [member.customer for member in people]
    known = await habits(leg.connection, step.events, ids, zones, leg.now)
    of_all = await habit_of_all(leg.connection, step.events)
    chosen: dict[int, Choice] = {}
    for tz, who in leg.by_zone(members).items():
        clock = Clock.of(step, tz, leg.now)
        for member in leg.chosen(who):
            own = known.get(member.customer, Counter())
            chosen[member.position] = choose(step, clock, own, of_all, _quarter(member, number))
    await _rest(leg, number, people, chosen)


@dataclass(frozen=True, slots=True)
class Clock:
    """In one zone: when each hour comes next, by the quarter in it, and when `at` does."""

    now: datetime
    coming: tuple[tuple[datetime, ...], ...]
    at: datetime

    @staticmethod
    def of(step: WaitBestTime, tz: ZoneInfo, now: datetime) -> "Clock":
        quarters = tuple(
            tuple(_coming(now, time(hour, quarter * 60 // _QUARTERS), tz) for hour in range(24))
            for quarter in range(_QUARTERS)
        )
        return Clock(now, quarters, next_local(now, time.fromisoformat(step.at), (), tz))


def _coming(now: datetime, clock: time, tz: ZoneInfo) -> datetime:
    """Within the hour, whoever has missed their quarter need not wait for a day."""
    there = now.astimezone(tz)
    has_passed = there.hour == clock.hour and there.minute >= clock.minute
    return now if has_passed else next_local(now, clock, (), tz)


def choose(step: WaitBestTime, clock: Clock, own: Hours, of_all: Hours, quarter: int) -> Choice:
    """Of hours that are as good, the one that comes first."""
    latest = clock.now + timedelta(seconds=step.within)
    coming = clock.coming[quarter]
    within = [hour for hour in range(24) if coming[hour] <= latest and _weight(hour, own, of_all)]
    if not within:
        otherwise: Literal["outside", "at"] = "outside" if own or of_all else "at"
        return Choice(min(clock.at, latest), otherwise, time.fromisoformat(step.at).hour, 0, own.total())
    best = min(within, key=lambda hour: (-_weight(hour, own, of_all), coming[hour]))
    how: Literal["habit", "all"] = "habit" if own[best] else "all"
    return Choice(coming[best], how, best, own[best], own.total())


def _weight(hour: int, own: Hours, of_all: Hours) -> float:
    """The posterior mean of the hour's part, but for a factor that is the same for every hour."""
    return own[hour] + (_PRIOR * of_all[hour] / of_all.total() if of_all else 0)


def _quarter(member: Member, number: int) -> int:
    return zlib.crc32(f"{member.enrollment}/{number}".encode()) % _QUARTERS


async def _rest(leg: Leg, number: int, people: list[Member], chosen: dict[int, Choice]) -> None:
    groups: dict[tuple[str, int], Mask] = defaultdict(int)
    seen: list[dict[str, Any]] = []
    for member in people:
        choice = chosen[member.position]
        leg.rest(1 << member.position, number, choice.until)
        groups[choice.how, choice.hour] |= 1 << member.position
        facts = [[f"at {choice.hour}h", choice.times], ["at any hour", choice.total]]
        seen.append({"enrollment_id": member.enrollment, "step": number, "at": leg.now, "facts": facts})
    await leg.connection.execute(insert(observations), seen)
    for (how, hour), who in groups.items():
        leg.note(number, "wait", who, how=how, hour=hour)
