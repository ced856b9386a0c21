"""A branch splits the members: each takes the first arm whose condition holds.

What the conditions asked about, and what it was, is kept in `observations`: it is read in the same statement
that decides, so that both saw the same.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, case, insert, literal

from journeyflow.audience.conditions import holds
from journeyflow.audience.facts import facts
from journeyflow.engine.leg import Leg, frame_at, members_of
from journeyflow.members import Mask, enrollment_ids, mask_of, place_of
from journeyflow.plan import Branch
from journeyflow.store.passages import enrollments, observations


async def run(leg: Leg, number: int, step: Branch, members: Mask) -> None:
    takers = await _decide(leg, number, step, members)
    for index, arm in enumerate(step.arms):
        leg.note(number, "arm", takers[index], arm=index)
        leg.go(takers[index], arm.to)
    leg.note(number, "otherwise", takers[-1])
    leg.go(takers[-1], step.otherwise)


async def _decide(leg: Leg, number: int, step: Branch, members: Mask) -> list[Mask]:
    """Who takes which arm; the last are those for whom none holds."""
    frame = frame_at(leg.now)
    conditions = [arm.when for arm in step.arms]
    asked = facts(conditions, frame)
    first = [(holds(condition, frame), index) for index, condition in enumerate(conditions)]
    arm = case(*first, else_=literal(len(conditions))).label("arm")
    ids = enrollment_ids(leg.cohort, members)
    query = members_of(ids, conditions, enrollments.c.id, arm, *asked.columns)
    rows = (await leg.connection.execute(query)).all()
    seen = [
        {"enrollment_id": row.id, "step": number, "at": leg.now, "facts": asked.seen(row[2:])} for row in rows
    ]
    await leg.connection.execute(insert(observations), seen)
    return [_takers(rows, index) for index in range(len(conditions) + 1)]


def _takers(rows: Sequence[Row[Any]], arm: int) -> Mask:
    return mask_of(place_of(row.id)[1] for row in rows if row.arm == arm)
