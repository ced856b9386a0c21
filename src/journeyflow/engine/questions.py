"""Statements about the members of a cohort that are made once and asked many times: making one costs more
than its answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.conditions import Frame, asks_of_trigger, holds, moment, moments
from journeyflow.conditions import Condition
from journeyflow.members import Mask, enrollment_ids
from journeyflow.store.customers import customers, events
from journeyflow.store.passages import enrollments

_trigger = events.alias("trigger")
MEMBER = Frame(customer=customers, now=None, trigger=_trigger, since=enrollments.c.since)
_KEPT = 1_000  # conditions


@dataclass(frozen=True, slots=True)
class Question:
    """Conditions in it are made with the frame MEMBER."""

    statement: Select[Any]
    moments: tuple[str, ...]

    async def ask(
        self, connection: AsyncConnection, cohort: int, members: Mask, now: datetime
    ) -> Sequence[Any]:
        """A row for each member that the statement selects."""
        told: dict[str, Any] = {name: moment(name, now) for name in self.moments}
        told["members"] = enrollment_ids(cohort, members)
        rows: Sequence[Any] = (await connection.execute(self.statement, told)).all()
        return rows


def question(
    conditions: Iterable[Condition], *columns: ColumnElement[Any], where: Sequence[ColumnElement[bool]] = ()
) -> Question:
    """Selects the columns for each member, from all that the conditions ask of."""
    query = select(*columns).join_from(enrollments, customers, enrollments.c.customer_id == customers.c.id)
    if any(map(asks_of_trigger, conditions)):  # by its number alone it has to be looked for in every month
        query = query.outerjoin(_trigger, _trigger.c.id == enrollments.c.event_id)
    query = query.where(enrollments.c.id.in_(bindparam("members", expanding=True)), *where)
    return Question(query, moments(query))


@lru_cache(_KEPT)
def who_fulfils(condition: Condition) -> Question:
    return question([condition], enrollments.c.id, where=[holds(condition, MEMBER)])
