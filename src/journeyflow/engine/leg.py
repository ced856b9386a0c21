"""The state of one leg: which members are where, and what was decided about them."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.conditions import Condition
from journeyflow.engine.local_time import default_zone, zone
from journeyflow.engine.questions import who_fulfils
from journeyflow.members import Mask, mask_of, place_of, positions, to_hex
from journeyflow.plan import Plan
from journeyflow.policy import Policy


@dataclass(frozen=True, slots=True)
class Member:
    position: int
    enrollment: int
    customer: int
    key: str  # the customer's id, as the user gave it
    timezone: str | None
    country: str | None = None
    rested_at: int | None = None  # the step it rested at before this leg
    rested_until: datetime | None = None


@dataclass(slots=True)
class Leg:
    """Steps move members with `go`, `rest`, `finish`, `leave` and `fail`; each says why with `note`."""

    connection: AsyncConnection
    now: datetime
    cohort: int
    number: int
    version: int
    plan: Plan
    policy: Policy
    members: dict[int, Member]  # by position; only those still active
    at: defaultdict[int, Mask] = field(default_factory=lambda: defaultdict(int))  # step -> who does it next
    stops: defaultdict[tuple[int, datetime], Mask] = field(default_factory=lambda: defaultdict(int))
    finished: Mask = 0
    gone: dict[tuple[str, str], Mask] = field(default_factory=dict)  # (exited | failed, reason) -> who
    channels: set[str] = field(default_factory=set)  # where messages were queued
    woken_by: dict[int, int] = field(default_factory=dict)  # position -> event, or 0: the journey was resumed
    trail: list[list[Any]] = field(default_factory=list)  # [step, what, members, detail]
    is_paused: bool = False  # the journey, as far as the leg knew when it began

    def go(self, members: Mask, to: int) -> None:
        self.at[to] |= members

    def rest(self, members: Mask, step: int, until: datetime) -> None:
        self.stops[step, until] |= members

    def finish(self, members: Mask) -> None:
        self.finished |= members

    def leave(self, members: Mask, reason: str) -> None:
        self._go_away("exited", reason, members)

    def fail(self, members: Mask, reason: str) -> None:
        self._go_away("failed", reason, members)

    def note(self, step: int, what: str, members: Mask, **detail: Any) -> None:
        if members:
            self.trail.append([step, what, to_hex(members), detail])

    def chosen(self, members: Mask) -> list[Member]:
        return [self.members[position] for position in positions(members)]

    def by_zone(self, members: Mask) -> dict[ZoneInfo, Mask]:
        """The members by the zone they live in; unknown zones count as the programme's default."""
        default = default_zone(self.policy)
        zones: dict[ZoneInfo, Mask] = defaultdict(int)
        for member in self.chosen(members):
            zones[(zone(member.timezone) if member.timezone else None) or default] |= 1 << member.position
        return zones

    async def holding(self, condition: Condition, members: Mask) -> Mask:
        """Those of `members` for whom the condition holds now."""
        if not members:
            return 0
        rows = await who_fulfils(condition).ask(self.connection, self.cohort, members, self.now)
        return mask_of(place_of(row.id)[1] for row in rows)

    def _go_away(self, state: str, reason: str, members: Mask) -> None:
        if members:
            self.gone[state, reason] = self.gone.get((state, reason), 0) | members
