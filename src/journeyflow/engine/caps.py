"""Caps: the most messages one customer gets, held exactly by counting what may still leave as leaving now.

Whoever asks holds the customers' locks, so that two who ask for the same last place take turns. Sent,
unknown, sending and queued messages take room; what surely did not leave gives it back.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from sqlalchemy import and_, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow import countries
from journeyflow.engine.local_time import at_local, default_zone, zone
from journeyflow.plan import WEBHOOK, Plan
from journeyflow.policy import Calendar, Cap, Policy
from journeyflow.store.database import locked
from journeyflow.store.ledger import WAS, messages

_UNSENT = ("queued", "sending")
_LONGEST = {"day": timedelta(hours=26), "week": timedelta(days=8), "month": timedelta(days=32)}


@dataclass(frozen=True, slots=True)
class Ask:
    """One message that wants room."""

    key: int  # the asker's own number for it
    enrollment: int
    step: int
    customer: int
    channel: str
    category: str
    topic: str
    journey: str
    priority: int
    country: str | None
    zone: ZoneInfo

    @staticmethod
    def of(
        plan: Plan, policy: Policy, channel: str, timezone: str | None, country: str | None, **numbers: int
    ) -> "Ask":
        """`numbers`: key, enrollment, step and customer."""
        default, own = default_zone(policy), zone(timezone) if timezone else None
        where = countries.of_customer(country, own.key if own else None, default.key)
        return Ask(
            channel=channel,
            category=plan.category,
            topic=plan.topic,
            journey=plan.journey,
            priority=plan.priority,
            country=where,
            zone=own or default,
            **numbers,
        )


@dataclass(frozen=True, slots=True)
class Full:
    """There is no room: the rule, the messages that fill it, and when there is room again."""

    cap: Cap
    messages: tuple[int, ...]
    room_at: datetime

    def detail(self) -> dict[str, Any]:
        """For the ledger."""
        rule = {name: value for name in _NAMED if (value := getattr(self.cap, name)) is not None}
        return {
            "cap": {**rule, "at_most": self.cap.at_most, "per": self.cap.per},
            "messages": list(self.messages),
            "room_at": self.room_at.isoformat(),
        }


_NAMED = ("channel", "category", "topic", "journey", "country")


async def reserve(
    connection: AsyncConnection, policy: Policy, asks: Sequence[Ask], now: datetime
) -> dict[int, Full]:
    """Those who find no room, by their key; in the order given, who got room takes it from those behind.

    A queued message of lower priority gives its place up where that makes room: it becomes `outranked`.
    """
    concerned = [(one, caps) for one in asks if (caps := _concerning(policy, one))]
    if not concerned:
        return {}
    taken = await _taken(connection, policy, [one for one, _ in concerned], now)
    await _lock_lower(connection, taken, {one.customer: one.priority for one, _ in concerned})
    full: dict[int, Full] = {}
    outranked: list[dict[str, Any]] = []
    for one, caps in concerned:
        rows = taken[one.customer]
        fulls = [found for cap in caps if (found := _full(cap, rows, one, now))]
        losers = _losers(fulls, rows, one, now)
        if losers is None:
            full[one.key] = max(fulls, key=lambda found: found.room_at)
            continue
        gone = {loser.id for loser in losers}
        outranked += (_outranked(loser.id, one, fulls[0], gone) for loser in losers)
        taken[one.customer] = [row for row in rows if row not in losers] + [_Taken.by(one)]
    if outranked:
        await connection.execute(_OUTRANK, outranked)
    return full


_OUTRANK = (
    update(messages)
    .where(messages.c.id == bindparam("message"))
    .values(state="outranked", reason="outranked", detail=bindparam("new_detail"))
)


@dataclass(slots=True, eq=False)
class _Taken:
    """A message that takes room."""

    id: int
    channel: str
    category: str
    topic: str
    journey: str
    priority: int
    left: datetime | None  # None: may still leave, and counts as leaving now
    is_queued: bool = False  # and so may be outranked

    @staticmethod
    def by(one: Ask) -> "_Taken":
        """What has just been granted: it has no number yet."""
        return _Taken(0, one.channel, one.category, one.topic, one.journey, one.priority, None)


def _concerning(policy: Policy, one: Ask) -> list[Cap]:
    return [
        cap
        for cap in policy.caps
        if _counts(cap, one.channel, one.category, one.topic, one.journey)
        and countries.is_in(one.country, cap.country)
    ]


def _counts(cap: Cap, channel: str, category: str, topic: str, journey: str) -> bool:
    return (
        cap.channel in (None, channel)
        and cap.category in (None, category)
        and cap.topic in (None, topic)
        and cap.journey in (None, journey)
    )


async def _taken(
    connection: AsyncConnection, policy: Policy, asks: Sequence[Ask], now: datetime
) -> dict[int, list[_Taken]]:
    """By customer, oldest first."""
    exempt = [name for name, category in policy.categories.items() if category.caps == "exempt"]
    left = func.coalesce(messages.c.sent_at, messages.c.at)
    recent = left > now - max(_length(cap) for cap in policy.caps)
    query = (
        select(
            messages.c.id, messages.c.customer_id, messages.c.channel, messages.c.category, messages.c.topic,
            messages.c.journey, messages.c.priority, messages.c.state, left.label("left"),
        )
        .where(
            messages.c.customer_id.in_({one.customer for one in asks}),
            or_(
                messages.c.state.in_(_UNSENT),
                and_(messages.c.state.in_(["unknown", *WAS["sent"]]), recent),
            ),
            messages.c.category.not_in(exempt),
            messages.c.channel != WEBHOOK,
        )
        .order_by(left, messages.c.id)
    )  # fmt: skip
    found: dict[int, list[_Taken]] = defaultdict(list)
    for row in await connection.execute(query):
        left_at = None if row.state in _UNSENT else row.left
        taken = _Taken(row.id, row.channel, row.category, row.topic, row.journey, row.priority, left_at)
        taken.is_queued = row.state == "queued"
        found[row.customer_id].append(taken)
    return found


async def _lock_lower(
    connection: AsyncConnection, taken: dict[int, list[_Taken]], priorities: dict[int, int]
) -> None:
    """Queued messages of lower priority are kept from being claimed; one that was just now, is not queued."""
    lower = {
        row.id: row
        for customer, rows in taken.items()
        for row in rows
        if row.is_queued and row.priority < priorities[customer]
    }
    if not lower:
        return
    query = select(messages.c.id).where(messages.c.id.in_(list(lower)), messages.c.state == "queued")
    rows = await connection.execute(locked(connection, query.order_by(messages.c.id), of=messages))
    for gone in set(lower) - set(rows.scalars()):
        lower[gone].is_queued = False


def _full(cap: Cap, rows: Iterable[_Taken], one: Ask, now: datetime) -> Full | None:
    inside = [(row.left or now, row.id) for row in _inside(cap, rows, one, now)]
    if len(inside) < cap.at_most:
        return None
    if isinstance(cap.per, int):
        room_at = sorted(inside)[len(inside) - cap.at_most][0] + timedelta(seconds=cap.per)
    else:
        room_at = _midnight(_next_period(cap.per, now.astimezone(one.zone).date()), one.zone)
    return Full(cap, tuple(id for _, id in inside if id), room_at)


def _inside(cap: Cap, rows: Iterable[_Taken], one: Ask, now: datetime) -> list[_Taken]:
    begins = _begins(cap, one, now)
    return [
        row
        for row in rows
        if (row.left is None or row.left > begins)
        and _counts(cap, row.channel, row.category, row.topic, row.journey)
    ]


def _begins(cap: Cap, one: Ask, now: datetime) -> datetime:
    """What left later than this counts."""
    if isinstance(cap.per, int):
        return now - timedelta(seconds=cap.per)
    first = _first_day(cap.per, now.astimezone(one.zone).date())
    return _midnight(first, one.zone) - timedelta.resolution


def _losers(fulls: Sequence[Full], rows: Sequence[_Taken], one: Ask, now: datetime) -> list[_Taken] | None:
    """Who has to give way so that no cap is full, the lowest and newest first; None: it cannot be done."""
    losers: list[_Taken] = []
    for full in fulls:
        inside = _inside(full.cap, rows, one, now)
        too_many = len(inside) - full.cap.at_most + 1 - sum(row in losers for row in inside)
        lower = [row for row in inside if row.is_queued and row.priority < one.priority and row not in losers]
        lower.sort(key=lambda row: (row.priority, -row.id))
        if len(lower) < too_many:
            return None
        losers += lower[: max(too_many, 0)]
    return losers


def _outranked(loser: int, by: Ask, full: Full, gone: set[int]) -> dict[str, Any]:
    """What filled the cap with the one that took the place; it has no number yet, but an enrollment."""
    others = [message for message in full.messages if message not in gone]
    told = {"messages": others, "outranked_by": [by.enrollment, by.step]}
    return {"message": loser, "new_detail": full.detail() | told}


def _length(cap: Cap) -> timedelta:
    return timedelta(seconds=cap.per) if isinstance(cap.per, int) else _LONGEST[cap.per]


def _first_day(period: Calendar, day: date) -> date:
    match period:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            assert_never(period)


def _next_period(period: Calendar, day: date) -> date:
    first = _first_day(period, day)
    return _first_day(period, first + {"day": 1, "week": 7, "month": 31}[period] * timedelta(days=1))


def _midnight(day: date, tz: ZoneInfo) -> datetime:
    return at_local(day, time(0), tz)
