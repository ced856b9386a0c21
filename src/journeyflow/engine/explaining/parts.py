"""What each part of a condition says about a customer now, and on what that rests."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.conditions import Frame, holds
from journeyflow.audience.facts import Seen, facts
from journeyflow.conditions import (
    All,
    Any,
    Attribute,
    Condition,
    Consent,
    History,
    InSegment,
    Message,
    Not,
    Rfm,
    Trigger,
)
from journeyflow.store.customers import customers


@dataclass(frozen=True, slots=True)
class Part:
    """One of the conditions that have to hold together."""

    condition: Condition
    holds: bool
    facts: Seen
    within: "list[Part]" = field(default_factory=list)  # of what it is made, where that was asked for


async def parts_of(
    connection: AsyncConnection, condition: Condition, customer: int, now: datetime
) -> list[Part]:
    """Those that have to hold together, each as it is now."""
    return [await _part(connection, part, customer, now) for part in _together(condition)]


async def all_parts_of(
    connection: AsyncConnection, condition: Condition, customer: int, now: datetime
) -> list[Part]:
    """As `parts_of`, with what they are made of: alternatives, and what is inside of other segments."""
    found = []
    for part in await parts_of(connection, condition, customer, now):
        inner = [
            one
            for inside in _inside(part.condition)
            for one in await all_parts_of(connection, inside, customer, now)
        ]
        found.append(replace(part, within=inner))
    return found


async def _part(connection: AsyncConnection, part: Condition, customer: int, now: datetime) -> Part:
    frame = Frame(customer=customers, now=now)
    seen = facts([part], frame)
    query = select(holds(part, frame), *seen.columns).where(customers.c.id == customer)
    row = (await connection.execute(query)).one()
    return Part(part, bool(row[0]), seen.seen(row[1:]))


def _together(condition: Condition) -> list[Condition]:
    if isinstance(condition, All):
        return [part for one in condition.of for part in _together(one)]
    return [condition]


def _inside(condition: Condition) -> tuple[Condition, ...]:
    match condition:
        case Any(of) | All(of):
            return of
        case InSegment():
            return (condition.condition,)
        case Not(All() | Any() | InSegment() as of):
            return (of,) if isinstance(of, InSegment) else of.of
        case Not() | Attribute() | Trigger() | History() | Consent() | Message() | Rfm():
            return ()
        case _:
            assert_never(condition)
