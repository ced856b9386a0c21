"""Where segments are used: by journeys that take people in, and by other segments."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.conditions import InSegment
from journeyflow.engine.programme import Programme
from journeyflow.plan import EnterBySegment, ExitRule
from journeyflow.store.programme import journeys

How = Literal["enter", "leave", "ask"]  # by joining it, by leaving it, in a condition


@dataclass(frozen=True, slots=True, order=True)
class Use:
    segment: str
    what: Literal["journey", "segment"]
    by: str  # its name
    how: How


async def uses(connection: AsyncConnection, programme: Programme) -> list[Use]:
    """Sorted, each once. What uses a segment that uses another one uses both."""
    found = set()
    for segment in await programme.segments(connection):
        found |= {Use(name, "segment", segment.name, how) for name, how in _named(segment.condition)}
    query = select(journeys.c.name, journeys.c.version_id).where(journeys.c.enabled)
    for journey, version in (await connection.execute(query)).all():
        plan = await programme.plan(connection, version)
        found |= {Use(name, "journey", journey, how) for name, how in _named(plan)}
    return sorted(found)


def _named(part: Any) -> Iterator[tuple[str, How]]:
    """The segments that a plan or a condition names, and those that they are made of."""
    match part:
        case EnterBySegment():
            yield part.segment, "enter"
        case ExitRule(leaves=str(segment)):
            yield segment, "leave"
        case InSegment():
            yield part.segment, "ask"
        case tuple():
            for one in part:
                yield from _named(one)
    if is_dataclass(part):
        for field in fields(part):
            yield from _named(getattr(part, field.name))
