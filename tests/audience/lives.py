"""Customers with a row in every table that can hold one about them, as the tables themselves say."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Float, Integer, Table, Text, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.conditions import EventMatch
from journeyflow.members import enrollment_id
from journeyflow.plan import End, EnterByEvent, Plan, Send, WaitFor
from journeyflow.store.customers import customers
from journeyflow.store.passages import cohorts, enrollments, legs
from journeyflow.store.programme import journey_versions
from journeyflow.store.reports import reports
from journeyflow.store.segments import touched
from journeyflow.store.short_links import short_links
from journeyflow.store.types import UtcDateTime, metadata

NOW = datetime(2031, 5, 7, 12, tzinfo=UTC)
PLAN = Plan(
    "welcome", "Welcome", "marketing", 50, EnterByEvent(EventMatch("joined")),
    (
        Send("steps/0", 1, "email", "hi"),
        WaitFor("steps/1", (EventMatch("ordered"),), 86_400, 2, 2),
        End("end"),
    ),
)  # fmt: skip


def personal_tables() -> list[Table]:
    """Those with a way to a customer: by keys, a place in a cohort, or a message. Parents first."""
    found = {customers.name}
    for table in metadata.sorted_tables:
        parents = {key.column.table.name for key in table.foreign_keys}
        if parents & found or {"cohort_id", "member"} <= set(table.columns.keys()):
            found.add(table.name)
    keyed = [table for table in metadata.sorted_tables if table.name in found]
    return [*keyed, reports, short_links, touched]


async def cohort_of(connection: AsyncConnection, size: int) -> int:
    """A cohort whose members got a message, and were woken by the event that has their own number."""
    version = {"journey": PLAN.journey, "digest": PLAN.digest, "plan": PLAN.to_json(), "source": ""}
    made = insert(journey_versions).values(**version, applied_at=NOW).returning(journey_versions.c.id)
    number = (await connection.execute(made)).scalar_one()
    made = insert(cohorts).values(version_id=number, size=size, created_at=NOW).returning(cohorts.c.id)
    cohort = int((await connection.execute(made)).scalar_one())
    everyone = f"{(1 << size) - 1:x}"
    first = {"arrivals": [[-1, everyone, []]], "trail": [[0, "queued", everyone, {}]]}
    woken = [[member, member + 1] for member in range(size)]
    second = {"arrivals": [[1, everyone, woken]], "trail": [[1, "event", everyone, {}]]}
    outcome: dict[str, list[Any]] = {"resting": [], "channels": [], "late": []}
    for leg, rows in enumerate((first, second)):
        await connection.execute(
            insert(legs).values(cohort_id=cohort, number=leg, at=NOW, outcome=outcome, **rows)
        )
    return cohort


async def live(connection: AsyncConnection, cohort: int, member: int, mark: str) -> None:
    """One row a table; every text and every JSON in them has `mark` in it, as far as its meaning allows."""
    ids: dict[str, Any] = {
        cohorts.name: cohort,
        journey_versions.name: 1,
        enrollments.name: enrollment_id(cohort, member),
    }
    for table in personal_tables():
        row = {column.name: _value(column, ids, member, mark) for column in table.columns}
        row = {name: value for name, value in row.items() if value is not None}
        made = await connection.execute(insert(table).values(**row))
        key = made.inserted_primary_key
        ids.setdefault(table.name, key[0] if key else None)


def _value(column: Column[Any], ids: dict[str, Any], member: int, mark: str) -> Any:
    if column.foreign_keys:
        (key,) = column.foreign_keys
        return ids[key.column.table.name]
    special = {
        ("enrollments", "id"): ids[enrollments.name],
        ("enrollments", "state"): "active",
        ("messages", "state"): "queued",
        ("messages", "channel"): "email",
        ("reports", "message_id"): ids.get("messages"),
        ("short_links", "message_id"): ids.get("messages"),
        ("touched", "customer_id"): ids.get("customers"),
        ("wakeups", "member"): member,
        ("wakeups", "event_id"): ids.get("events"),
    }
    if (column.table.name, column.name) in special:
        return special[column.table.name, column.name]
    if column.primary_key and column.name == "id":
        return None
    match column.type:
        case UtcDateTime():
            return NOW
        case Text():
            return f"{mark}-{column.table.name}-{column.name}"
        case Integer() | Float():
            return 1
        case _:
            return {"fact": f"{mark}-{column.table.name}-{column.name}"}
