"""One customer's story: what happened, what was decided and why, in order of time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.engine.programme import Programme
from journeyflow.members import from_hex, place_of
from journeyflow.plan import (
    Branch,
    HandOver,
    Plan,
    Send,
    Split,
    WaitBestTime,
    WaitFor,
    WaitUntilDate,
    Webhook,
)
from journeyflow.store.customers import consent_log, customers, events
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments, legs

_DECISIONS = {
    "wait": "rests",
    "timeout": "nothing came in time",
    "otherwise": "no condition held",
    "update": "done",
}
NO_REST = {
    "missing": "the attribute {} is missing, so it goes on at once",
    "unreadable": "the attribute {} holds no date, so it goes on at once",
    "past": "the date in {} has passed, so it goes on at once",
    "reached": "the date in {} has come",
}
HABITS = {
    "habit": "the customer mostly acts at {}h",
    "all": "customers mostly act at {}h",
    "at": "nothing is known of when customers act",
    "outside": "no hour at which customers act comes in time",
}


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    at: datetime
    what: str  # event | consent | enrollment | step | message
    where: str  # journey and step, channel, or event name
    text: str


@dataclass(frozen=True, slots=True)
class Story:
    key: str
    moments: list[Moment]


async def story(store: Store, programme: Programme, key: str) -> Story | None:
    """None when there is no such customer. Moments of the same instant keep the order of their causes."""
    async with store.reading() as connection:
        query = select(customers.c.id).where(customers.c.key == key)
        customer = (await connection.execute(query)).scalar()
        if customer is None:
            return None
        moments = [
            *await _events(connection, customer),
            *await _consents(connection, customer),
            *await _enrollments(connection, programme, customer),
        ]
    return Story(key, sorted(moments, key=lambda moment: moment.at))


async def _events(connection: AsyncConnection, customer: int) -> list[Moment]:
    query = select(events).where(events.c.customer_id == customer).order_by(events.c.id)
    rows = await connection.execute(query)
    return [Moment(row.at, "event", row.name, _pairs(row.properties)) for row in rows]


async def _consents(connection: AsyncConnection, customer: int) -> list[Moment]:
    query = select(consent_log).where(consent_log.c.customer_id == customer).order_by(consent_log.c.id)
    rows = await connection.execute(query)
    return [
        Moment(
            row.at, "consent", " ".join(filter(None, (row.channel, row.topic))), f"{row.state} ({row.source})"
        )
        for row in rows
    ]


async def _enrollments(connection: AsyncConnection, programme: Programme, customer: int) -> list[Moment]:
    query = (
        select(enrollments).where(enrollments.c.customer_id == customer).order_by(enrollments.c.entered_at)
    )
    moments: list[Moment] = []
    for row in (await connection.execute(query)).all():
        plan = await programme.plan(connection, row.version_id)
        moments.append(
            Moment(
                row.entered_at, "enrollment", plan.journey, f"entered version {plan.digest} ({row.occasion})"
            )
        )
        moments += await _steps(connection, plan, row)
        moments += await _messages(connection, plan, row.id)
        moments += _ending(plan, row)
    return moments


async def _steps(connection: AsyncConnection, plan: Plan, enrollment: Row[Any]) -> list[Moment]:
    cohort, position = place_of(enrollment.id)
    query = select(legs).where(legs.c.cohort_id == cohort).order_by(legs.c.number)
    moments: list[Moment] = []
    for leg in await connection.execute(query):
        woken_by = _woken_by(leg.arrivals, position)
        for number, what, members, detail in leg.trail:
            if from_hex(members) >> position & 1:
                where = f"{plan.journey} {plan.steps[number].path}"
                moments.append(Moment(leg.at, "step", where, _decision(plan, number, what, detail, woken_by)))
    return moments


def _woken_by(arrivals: list[Any], position: int) -> int | None:
    for _step, _members, woken in arrivals:
        for member, event in woken:
            if member == position:
                return int(event)
    return None


def _decision(plan: Plan, number: int, what: str, detail: dict[str, Any], woken_by: int | None) -> str:
    step = plan.steps[number]
    match step:
        case Branch() if what == "arm":
            return f"branch: arm {detail['arm'] + 1} of {len(step.arms)}, whose condition held"
        case WaitFor() if what == "event":
            return f"wait_for: event {woken_by} came"
        case WaitUntilDate() if what == "goes_on":
            return f"{step.kind}: {NO_REST[detail['reason']].format(step.attribute)}"
        case WaitBestTime():
            return f"{step.kind}: rests; {HABITS[detail['how']].format(detail['hour'])}"
        case Split():
            return f"experiment {step.experiment}: {_arm(what, detail)}"
        case HandOver():
            return f"journey: handed over to {step.journey}"
        case Send() | Webhook():
            return f"{step.kind}: {what}" + (f" by {detail['reason']}" if detail else "")
        case _:
            return f"{step.kind}: {_DECISIONS[what]}"


def _arm(what: str, detail: dict[str, Any]) -> str:
    as_before = ", as before" if detail.get("kept") else ""
    match what:
        case "winner":
            return f"variant {detail['name']}, which has won"
        case "variant":
            return f"variant {detail['name']}{as_before}"
        case _:
            return f"holdout{as_before}, so the journey ends here"


async def _messages(connection: AsyncConnection, plan: Plan, enrollment: int) -> list[Moment]:
    query = select(messages).where(messages.c.enrollment_id == enrollment).order_by(messages.c.id)
    moments: list[Moment] = []
    for row in await connection.execute(query):
        where = f"{plan.journey} {plan.steps[row.step].path}"
        moments += [Moment(at, "message", where, text) for at, text in _message(row)]
    return moments


def _message(row: Row[Any]) -> Iterator[tuple[datetime, str]]:
    name = f"message {row.id}, {row.channel} {row.template}"
    why = f": {row.reason}" if row.reason else ""
    detail = f" {_pairs(row.detail)}" if row.detail else ""
    yield row.sent_at or row.claimed_at or row.at, f"{name} {row.state}{why}{detail}"


def _ending(plan: Plan, row: Row[Any]) -> Iterator[Moment]:
    if row.goal_at is not None:
        worth = "" if row.goal_value is None else f", worth {row.goal_value:g}"
        yield Moment(row.goal_at, "enrollment", plan.journey, f"reached the goal{worth}")
    if row.ended_at is not None:
        yield Moment(
            row.ended_at, "enrollment", plan.journey, row.state + (f": {row.reason}" if row.reason else "")
        )


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
