"""The ledger as it is read: messages, the newest first, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.engine.programme import Programme
from journeyflow.store.customers import customers
from journeyflow.store.ledger import messages


@dataclass(frozen=True, slots=True)
class Wanted:
    """Messages; what is None is not asked about."""

    customer: int | None = None
    journey: str | None = None
    template: str | None = None
    channel: str | None = None
    state: str | None = None
    since: datetime | None = None  # when the gate decided
    until: datetime | None = None  # not this instant itself
    before: int | None = None  # those with smaller numbers


@dataclass(frozen=True, slots=True)
class Entry:
    message: Row[Any]  # of `messages`, and the customer's `key`
    version: str  # the digest
    step: str  # its path


async def entries(
    connection: AsyncConnection, programme: Programme, wanted: Wanted, limit: int
) -> list[Entry]:
    query = _query().where(*_conditions(wanted)).order_by(messages.c.id.desc()).limit(limit)
    return await _read(connection, programme, (await connection.execute(query)).all())


async def entry(connection: AsyncConnection, programme: Programme, number: int) -> Entry | None:
    rows = (await connection.execute(_query().where(messages.c.id == number))).all()
    return next(iter(await _read(connection, programme, rows)), None)


def _query() -> Select[Any]:
    return select(messages, customers.c.key).join_from(
        messages, customers, customers.c.id == messages.c.customer_id
    )


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    named = {
        messages.c.customer_id: wanted.customer,
        messages.c.journey: wanted.journey,
        messages.c.template: wanted.template,
        messages.c.channel: wanted.channel,
        messages.c.state: wanted.state,
    }
    found = [column == value for column, value in named.items() if value is not None]
    if wanted.since is not None:
        found.append(messages.c.at >= wanted.since)
    if wanted.until is not None:
        found.append(messages.c.at < wanted.until)
    if wanted.before is not None:
        found.append(messages.c.id < wanted.before)
    return found


async def _read(connection: AsyncConnection, programme: Programme, rows: Sequence[Row[Any]]) -> list[Entry]:
    found = []
    for row in rows:
        plan = await programme.plan(connection, row.version_id)
        found.append(Entry(row, plan.digest, plan.steps[row.step].path))
    return found
