"""What became of the messages to those who were exposed, by arm: where people were lost on the way.

Nobody leaves an arm by that. It explains why an arm brings little, and where a mismatch comes from.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, distinct, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.experiments.outcomes import Run
from journeyflow.store.ledger import WAS, messages

_SENT = "sent"


@dataclass(frozen=True, slots=True)
class Fate:
    """Customers of one arm, who count under each of their messages' fates once."""

    arm: str
    sent: int  # got at least one message of the journey
    lost: dict[str, int]  # by why a message was not sent: "dropped: cap", "failed", ...


async def fates(connection: AsyncConnection, run: Run, journey: str, now: datetime) -> list[Fate]:
    """In the order of the shares."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for arm, state, reason, customers in await connection.execute(_query(run, journey, now)):
        found[arm][f"{state}: {reason}" if reason else state] = customers
    return [_fate(arm, found[arm]) for arm in run.shares]


def _fate(arm: str, by_end: dict[str, int]) -> Fate:
    lost = {end: customers for end, customers in sorted(by_end.items()) if end != _SENT}
    return Fate(arm, by_end.get(_SENT, 0), lost)


def _query(run: Run, journey: str, now: datetime) -> Select[Any]:
    """Reasons are rules of the gate only for what was held or dropped; providers' may say anything."""
    state = case((messages.c.state.in_(WAS["sent"]), _SENT), else_=messages.c.state).label("end")
    reason = case((messages.c.state.in_(("held", "dropped")), messages.c.reason)).label("why")
    people = run.people
    theirs = messages.c.customer_id == people.c.customer_id
    meant = (messages.c.journey == journey, messages.c.at >= people.c.at, messages.c.at <= now)
    return (
        select(people.c.arm, state, reason, func.count(distinct(people.c.customer_id)))
        .join_from(people, messages, theirs)
        .where(*meant)
        .group_by(people.c.arm, state, reason)
    )
