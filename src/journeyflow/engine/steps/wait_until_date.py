"""A wait until the date in an attribute. Whoever has rested until it is asked again: it may have moved."""

import re
from collections import defaultdict
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from journeyflow.audience import json_sql
from journeyflow.engine.leg import Leg
from journeyflow.engine.local_time import at_local
from journeyflow.members import Mask, positions
from journeyflow.plan import WaitUntilDate
from journeyflow.store.customers import customers

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ].+)?")


async def run(leg: Leg, number: int, step: WaitUntilDate, members: Mask) -> None:
    values = await _values(leg, step, members)
    going: dict[str, Mask] = defaultdict(int)
    resting: Mask = 0
    for tz, who in leg.by_zone(members).items():
        for position in positions(who):
            member = leg.members[position]
            until = _until(step, values.get(member.customer), tz)
            if isinstance(until, datetime) and until > leg.now:
                leg.rest(1 << position, number, until)
                resting |= 1 << position
            else:
                why = until if isinstance(until, str) else "reached" if member.rested_at == number else "past"
                going[why] |= 1 << position
    leg.note(number, "wait", resting)
    for why, who in going.items():
        leg.note(number, "goes_on", who, reason=why)
        leg.go(who, step.next)


async def _values(leg: Leg, step: WaitUntilDate, members: Mask) -> dict[int, str]:
    """By customer, where there is a value; one that is no text is empty."""
    ids = [member.customer for member in leg.chosen(members)]
    attributes = customers.c.attributes
    query = select(
        customers.c.id,
        json_sql.present_at(attributes, step.attribute).label("present"),
        json_sql.text_at(attributes, step.attribute).label("text"),
    ).where(customers.c.id.in_(ids))
    return {row.id: row.text or "" for row in await leg.connection.execute(query) if row.present}


def _until(step: WaitUntilDate, value: str | None, tz: ZoneInfo) -> datetime | str:
    """The moment, or why there is none. Of a date-time only the date counts, as written."""
    if value is None:
        return "missing"
    if not _DATE.fullmatch(value):
        return "unreadable"
    try:
        day = datetime.fromisoformat(value).date() + timedelta(days=step.offset)
        return at_local(day, time.fromisoformat(step.at), tz)
    except (ValueError, OverflowError):
        return "unreadable"
