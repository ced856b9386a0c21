"""One segment in numbers and examples: its size, who is in it, and why somebody is or is not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience import sizes
from journeyflow.audience.sizes import Due, Size, Stay
from journeyflow.conditions import Condition
from journeyflow.engine.explaining.parts import Part, all_parts_of
from journeyflow.engine.explaining.uses import Use, uses
from journeyflow.engine.programme import Programme
from journeyflow.errors import JourneyflowError
from journeyflow.language.problems import instead
from journeyflow.store.customers import customers

RECENT = timedelta(days=7)  # who joined and left since is counted


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked besides the size."""

    name: str
    fresh: bool = False
    sample: int | None = None
    customer: str | None = None  # the user's id
    period: tuple[timedelta, int] | None = None  # of the size: a step, and how many


@dataclass(frozen=True, slots=True)
class Reasons:
    customer: str
    parts: list[Part]
    stays: list[Stay]


@dataclass(frozen=True, slots=True)
class SegmentAccount:
    size: Size
    condition: Condition
    uses: list[Use]
    due: Due | None
    sample: list[str] | None
    reasons: Reasons | None
    history: list[tuple[datetime, int]] | None


async def segment_account(
    connection: AsyncConnection, programme: Programme, wish: Wish, now: datetime, chance: Callable[[], float]
) -> SegmentAccount:
    """Raises JourneyflowError where there is no such segment or customer."""
    segments = {one.name: one for one in await programme.segments(connection)}
    if wish.name not in segments:
        raise JourneyflowError(f'no segment is called "{wish.name}"; {_way_out(wish.name, list(segments))}')
    condition = segments[wish.name].condition
    [size] = await sizes.sizes(connection, now - RECENT, wish.name)
    used = [use for use in await uses(connection, programme) if use.segment == wish.name]
    return SegmentAccount(
        size,
        condition,
        used,
        due=await sizes.due(connection, wish.name, condition, now) if wish.fresh else None,
        sample=await sizes.sample(connection, wish.name, wish.sample, chance) if wish.sample else None,
        reasons=await _reasons(connection, wish, condition, now) if wish.customer is not None else None,
        history=await sizes.history(connection, wish.name, now, *wish.period) if wish.period else None,
    )


def _way_out(name: str, names: list[str]) -> str:
    return instead(name, names) if names else "none has been applied yet; run: journeyflow apply"


async def _reasons(
    connection: AsyncConnection, wish: Wish, condition: Condition, now: datetime
) -> Reasons | None:
    assert wish.customer is not None
    found = await connection.execute(select(customers.c.id).where(customers.c.key == wish.customer))
    customer = found.scalar()
    if customer is None:
        raise JourneyflowError(f'no customer has the id "{wish.customer}"')
    parts = await all_parts_of(connection, condition, customer, now)
    return Reasons(wish.customer, parts, await sizes.stays(connection, wish.name, customer))
