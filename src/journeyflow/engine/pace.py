"""Pace: those who come in together set out one cohort after the other, where their journey says `spread`."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from journeyflow.members import COHORT_SIZE
from journeyflow.plan import Plan

_COHORTS = 24  # that a crowd makes at least: in 2 hours, one sets out every 5 minutes


@dataclass(frozen=True, slots=True)
class Pace:
    """`people` set out evenly from `begin` on, and before `end`."""

    begin: datetime
    end: datetime
    people: int
    ahead: int = 0  # of the people: have come in already

    @property
    def size(self) -> int:
        """Of a cohort."""
        return min(COHORT_SIZE, -(-self.people // _COHORTS))

    def due(self, position: int) -> datetime:
        """When the cohort sets out whose first member comes in behind so many others."""
        whole = (self.end - self.begin) // timedelta(milliseconds=1)
        return self.begin + timedelta(milliseconds=whole * (self.ahead + position) // self.people)


@dataclass(frozen=True, slots=True)
class Crowd:
    """People who come in one part after the other; `before` counts those in the parts before this one."""

    since: datetime
    people: int
    before: int = 0


def pace_of(plan: Plan, people: int, now: datetime) -> Pace | None:
    """Of people who come in now; None: all set out at once."""
    if not plan.spread or not people:
        return None
    return Pace(now, now + timedelta(seconds=plan.spread), people)


def behind(pace: Pace, due: datetime, size: int) -> Pace:
    """The same people, behind a cohort of so many that sets out at `due` and has come in already."""
    return Pace(due, pace.end, pace.people + size, size) if pace.begin < due < pace.end else pace
