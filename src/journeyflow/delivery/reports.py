"""Reports: what providers and our own links tell about messages is stored first, and then followed up."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, and_, bindparam, delete, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.consent import Basis, Choice, decide_all, lock, standings
from journeyflow.audience.suppression import between_claims, suppress_hashes
from journeyflow.delivery.machines import HOLD, SOON, SOON_SMS, Click, is_machine_click
from journeyflow.delivery.progress import Progress, further, proven
from journeyflow.engine.programme import Programme
from journeyflow.plan import MACHINE, RESERVED
from journeyflow.policy import Policy
from journeyflow.store.database import Store, insert_ignoring, locked
from journeyflow.store.events import add_events
from journeyflow.store.ledger import OPEN, messages
from journeyflow.store.reports import reports
from journeyflow.store.segments import touch_addressees

Kind = Literal[
    "accepted", "delivered", "deferred", "bounced", "failed", "opened", "clicked", "complained",
    "unsubscribed",
]  # fmt: skip
BATCH = 1_000  # reports of a transaction

# By channel: of which reports journeys are told.
_TELLING: dict[str, tuple[Kind, ...]] = {
    "email": ("delivered", "bounced", "failed", "opened", "clicked", "complained", "unsubscribed"),
    "sms": ("delivered", "failed", "clicked"),
}
_READING: tuple[Kind, ...] = ("opened", "clicked")


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that was told. No address, no text, no URL: only what follows from them.

    In `detail`, each where there is one: `link`, the number of a link; `agent`, "machine" where the reader
    named itself so; `code`; `permanent`, of a bounce; and `suppress`, a reason for which nothing more is sent
    to `addresses`, which are hashes.
    """

    key: str  # the same however often it is told, as "link/<message>/<number>/<second>"
    message: int  # of the ledger; nothing comes of one that is not there
    kind: Kind
    at: datetime  # by the clock of whoever tells; what lies in the future counts as now
    received_at: datetime
    provider_id: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


async def tell(connection: AsyncConnection, rows: Sequence[Told]) -> int:
    """Stores what has not been told before; gives how many that were."""
    values = {
        row.key: {
            "key": row.key,
            "message_id": row.message,
            "kind": row.kind,
            "at": min(row.at, row.received_at),
            "received_at": row.received_at,
            "provider_id": row.provider_id,
            "detail": row.detail,
        }
        for row in rows
    }
    if not values:
        return 0
    # In one order for everybody, so that two who tell the same cannot wait for each other.
    statement = insert_ignoring(connection, reports).returning(reports.c.id)
    found = await connection.execute(statement, [values[key] for key in sorted(values)])
    return len(found.scalars().all())


def due(now: datetime) -> ColumnElement[bool]:
    """Whether a report may be followed up: a click waits a little for others, see `machines`."""
    seen = or_(reports.c.kind != "clicked", reports.c.received_at <= now - HOLD)
    return and_(reports.c.handled_at.is_(None), seen)


async def handle(store: Store, programme: Programme, now: datetime, limit: int = BATCH) -> int:
    """Follows up to `limit` reports up, in one transaction; gives how many.

    The ledger moves on, journeys are told, addresses are suppressed and consents withdrawn. Whatever the
    order in which reports come, and however often, the same comes of them. Several may do it at once.
    """
    async with store.reading() as connection:
        if not (await connection.execute(select(exists().where(due(now))))).scalar_one():
            return 0
        policy = await programme.policy(connection)
    async with store.writing() as connection:
        taken = await _take(connection, now, limit)
        about = await _about(connection, taken)
        kept = [row for row in taken if row.message_id in about]
        await _forget(connection, {row.id for row in taken} - {row.id for row in kept})
        if kept:
            await _follow(connection, policy, kept, about, now)
        return len(taken)


async def _take(connection: AsyncConnection, now: datetime, limit: int) -> Sequence[Row[Any]]:
    query = select(reports).where(due(now)).order_by(reports.c.id).limit(limit)
    query = locked(connection, query, of=reports, skip_locked=True)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


async def _about(connection: AsyncConnection, taken: Sequence[Row[Any]]) -> dict[int, Row[Any]]:
    """The messages that the reports are about, locked, with their customers before them.

    To suppress comes before locks on rows, and whoever withdraws a consent locks messages of the customer:
    both keep claims away. Of a customer who is being erased nothing is found.
    """
    told = {row.message_id for row in taken}
    query = select(messages.c.id, messages.c.customer_id, messages.c.channel).where(
        messages.c.id.in_(told), messages.c.claimed_at.is_not(None)
    )
    found: dict[int, Any] = {row.id: row for row in await connection.execute(query)}
    known = [row for row in taken if row.message_id in found]
    if any(row.kind == "unsubscribed" or _suppresses(row) for row in known):
        await between_claims(connection)
    return await _lock(connection, found, known)


async def _lock(
    connection: AsyncConnection, found: Mapping[int, Row[Any]], known: Sequence[Row[Any]]
) -> dict[int, Row[Any]]:
    people = await lock(connection, {row.customer_id for row in found.values()})
    leaving = {found[row.message_id].customer_id for row in known if row.kind == "unsubscribed"}
    # Those that a withdrawal cancels as well, so that all are locked in their order.
    also = [and_(messages.c.customer_id.in_(leaving), messages.c.state.in_(OPEN))] if leaving else []
    query = select(messages).where(or_(messages.c.id.in_(found), *also))
    rows = await connection.execute(locked(connection, query.order_by(messages.c.id), of=messages))
    return {row.id: row for row in rows if row.id in found and row.customer_id in people}


async def _forget(connection: AsyncConnection, unknown: set[int]) -> None:
    """Reports about messages that are not there, or never left: their customers have been erased, say."""
    if unknown:
        await connection.execute(delete(reports).where(reports.c.id.in_(unknown)))


async def _follow(
    connection: AsyncConnection,
    policy: Policy,
    rows: Sequence[Row[Any]],
    about: dict[int, Row[Any]],
    now: datetime,
) -> None:
    valid = [row for row in rows if not _is_of_another(row, about[row.message_id])]
    machines = await _machines(connection, valid, about)
    await _suppress(connection, valid, about, now)
    await _advance(connection, valid, about, machines)
    await _tell_journeys(connection, valid, about, machines, now)
    await _withdraw(connection, policy, valid, about, now)
    done = update(reports).where(reports.c.id.in_([row.id for row in rows]))
    await connection.execute(done.values(handled_at=now))


def _is_of_another(report: Row[Any], message: Row[Any]) -> bool:
    """An SMS of another store, or an earlier attempt at this one: the provider has a number for each.

    The provider has none yet of what waits to be sent, so that failed for no reason of its own.
    """
    if report.kind == "failed" and message.state == "queued":
        return True
    numbers = (report.provider_id, message.provider_id)
    return message.channel == "sms" and None not in numbers and numbers[0] != numbers[1]


async def _machines(
    connection: AsyncConnection, rows: Sequence[Row[Any]], about: Mapping[int, Row[Any]]
) -> set[int]:
    """Of the reports, those of openings and clicks by machines."""
    named = {row.id for row in rows if row.kind in _READING and row.detail.get("agent") == "machine"}
    clicked = [row for row in rows if row.kind == "clicked"]
    delivered, clicks = await _told(connection, {row.message_id for row in clicked})
    for row in clicked:
        message = about[row.message_id]
        arrived, soon = _arrival(message, delivered.get(message.id))
        if is_machine_click(_click(row), arrived, clicks[message.id], soon):
            named.add(row.id)
    return named


def _arrival(message: Row[Any], delivered_at: datetime | None) -> tuple[datetime | None, timedelta]:
    """With how soon after it a click is none of a person.

    When an SMS arrived nobody says, only when its delivery was told: people may have read it by then.
    """
    if message.channel == "sms":
        return message.sent_at, SOON_SMS
    return delivered_at or message.sent_at, SOON


async def _told(
    connection: AsyncConnection, ids: set[int]
) -> tuple[dict[int, datetime], dict[int, list[Click]]]:
    """Of each message when it was delivered, and all clicks, whether they have been followed up or not."""
    delivered: dict[int, datetime] = {}
    clicks: dict[int, list[Click]] = defaultdict(list)
    query = select(reports).where(reports.c.message_id.in_(ids), reports.c.kind.in_(["delivered", "clicked"]))
    for row in await connection.execute(query) if ids else ():
        if row.kind == "clicked":
            clicks[row.message_id].append(_click(row))
        else:
            delivered[row.message_id] = min(row.at, delivered.get(row.message_id, row.at))
    return delivered, clicks


def _click(row: Row[Any]) -> Click:
    return Click(row.at, row.detail.get("link"))


def _suppresses(row: Row[Any]) -> bool:
    return bool(row.detail.get("suppress") and row.detail.get("addresses"))


async def _suppress(
    connection: AsyncConnection, rows: Sequence[Row[Any]], about: Mapping[int, Row[Any]], now: datetime
) -> None:
    """Exactly the addresses that were told of, whoever has them by now. Claims are kept away by now."""
    hashes: dict[tuple[str, Any], set[str]] = defaultdict(set)
    for row in filter(_suppresses, rows):
        hashes[about[row.message_id].channel, row.detail["suppress"]] |= set(row.detail["addresses"])
    for (channel, reason), addresses in sorted(hashes.items()):
        await suppress_hashes(connection, channel, addresses, reason, now)


_ADVANCE = (
    update(messages)
    .where(messages.c.id == bindparam("message"))
    .values({name: bindparam(f"new_{name}") for name in ("state", "reason", "sent_at", "provider_id")})
)


async def _advance(
    connection: AsyncConnection, rows: Sequence[Row[Any]], about: Mapping[int, Row[Any]], machines: set[int]
) -> None:
    """Never backwards. One of which nobody knew whether it went out had left when it was claimed."""
    came: dict[int, Progress] = {}
    providers: dict[int, str] = {}
    for row in rows:
        message = about[row.message_id]
        before = came.get(row.message_id) or Progress(message.state, message.reason)
        came[row.message_id] = further(before, proven(row.kind, row.id in machines, row.detail.get("code")))
        if row.provider_id is not None:
            providers.setdefault(row.message_id, row.provider_id)
    changes = [
        {
            "message": id,
            "new_state": progress.state,
            "new_reason": progress.reason,
            "new_sent_at": about[id].sent_at or about[id].claimed_at,
            "new_provider_id": about[id].provider_id or providers.get(id),
        }
        for id, progress in sorted(came.items())
    ]
    if changes:
        await connection.execute(_ADVANCE, changes)
        await touch_addressees(connection, [change["message"] for change in changes])


async def _tell_journeys(
    connection: AsyncConnection,
    rows: Sequence[Row[Any]],
    about: Mapping[int, Row[Any]],
    machines: set[int],
    now: datetime,
) -> None:
    """An event of the message's customer of each report, in the order of their times."""
    values = [
        {
            "key": f"{RESERVED}report/{row.key}",
            "customer_id": about[row.message_id].customer_id,
            "name": f"{about[row.message_id].channel}.{row.kind}",
            "at": row.at,
            "received_at": now,
            "properties": _properties(row, about[row.message_id], row.id in machines),
        }
        for row in sorted(rows, key=lambda row: (row.at, row.key))
        if row.kind in _TELLING.get(about[row.message_id].channel, ())
    ]
    await add_events(connection, values)


def _properties(report: Row[Any], message: Row[Any], by_machine: bool) -> dict[str, Any]:
    common = {
        "message": message.id,
        "template": message.template,
        "journey": message.journey,
        "channel": message.channel,
    }
    told = {name: report.detail[name] for name in ("link", "code", "permanent") if name in report.detail}
    return common | told | ({MACHINE: by_machine} if report.kind in _READING else {})


async def _withdraw(
    connection: AsyncConnection,
    policy: Policy,
    rows: Sequence[Row[Any]],
    about: Mapping[int, Row[Any]],
    now: datetime,
) -> None:
    """Of the channel and the topic of the message. A consent that was given since then stands."""
    leaving = [(about[row.message_id], row.at) for row in rows if row.kind == "unsubscribed"]
    found = await standings(connection, {message.customer_id for message, _ in leaving}) if leaving else {}
    choices: dict[int, list[Choice]] = defaultdict(list)
    for message, at in leaving:
        given = found[message.customer_id].granted_at(message.channel, message.topic)
        choice = Choice(message.channel, message.topic, "denied")
        if (given is None or given <= at) and choice not in choices[message.customer_id]:
            choices[message.customer_id].append(choice)
    if choices:
        await decide_all(connection, policy, choices, Basis("provider", "customer"), now)
