"""Recording customers and events: a batch is one transaction, and recording it again changes nothing."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.consent import Basis, Choice, Standing, State, save, standings
from journeyflow.audience.records import COLUMNS, CustomerRow, EventRow, Proof
from journeyflow.policy import Policy
from journeyflow.store.customers import customers
from journeyflow.store.database import Store, add_missing, locked, undeleted
from journeyflow.store.events import add_events
from journeyflow.store.lists import among
from journeyflow.store.many import as_table
from journeyflow.store.programme import policies
from journeyflow.store.segments import SETTLED, touch

Outcome = Literal["new", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Recorded:
    outcomes: list[Outcome]  # of each row, in their order
    kept: Counter[str]  # by state: consents that a row would have granted and that stay denied, or pending


async def record_customers(
    store: Store, rows: Sequence[CustomerRow], now: datetime, source: str
) -> list[Outcome]:
    """As `import_customers`, for those who need to know no more than the outcomes."""
    return (await import_customers(store, rows, now, source)).outcomes


async def import_customers(store: Store, rows: Sequence[CustomerRow], now: datetime, source: str) -> Recorded:
    """Create or update customers by key, some thousands at most.

    A row overwrites the columns it gives and merges its attributes (None removes one). Consents are
    logged with `source`, and only when they change; what is denied or pending is granted only by a consent
    that was given later, and what needs double opt-in only by one whose time is known: it is pending else.
    A file tells how things stand, not what just happened: its consents are no events.
    """
    async with store.writing() as connection:
        _, created = await kept_customers(connection, {row.key for row in rows}, now)
        return await take_customers(connection, rows, created, now, source)


async def take_customers(
    connection: AsyncConnection, rows: Sequence[CustomerRow], created: set[str], now: datetime, source: str
) -> Recorded:
    """As `import_customers`, of customers that are kept until this transaction ends; empties `created`."""
    known = await _load(connection, {row.key for row in rows})
    policy = await current_policy(connection)
    recorded = Recorded([], Counter())
    for row in rows:
        changed = known[row.key].take(row)
        decided, kept = known[row.key].take_consents(row, policy, now, source)
        recorded.kept.update(kept)
        changed = changed or decided
        recorded.outcomes.append("new" if row.key in created else "changed" if changed else "unchanged")
        created.discard(row.key)  # further rows of this key meet an existing customer
    await _save(connection, known.values(), now)
    await _save_consents(connection, policy, known.values())
    return recorded


async def record_events(store: Store, rows: Sequence[EventRow], now: datetime) -> list[Outcome]:
    """Add the events whose key is new; the outcome of each row, in their order.

    A customer nobody has told of yet is created with nothing but the key. Events get their numbers in the
    order of their times, which is the order in which they are routed.
    """
    async with store.writing() as connection:
        keys = {row.customer for row in rows}
        ids, _ = await kept_customers(connection, keys, now)
        created = await add_event_rows(connection, rows, ids, now)
        outcomes: list[Outcome] = []
        for row in rows:
            outcomes.append("new" if row.key in created else "unchanged")
            created.discard(row.key)
        return outcomes


async def kept_customers(
    connection: AsyncConnection, keys: set[str], now: datetime
) -> tuple[dict[str, int], set[str]]:
    """Their numbers, and which are new. None is erased before we are done; who just was, is new."""
    found: dict[str, int] = {}
    created: set[str] = set()
    while missing := keys - set(found):
        query = select(customers.c.key, customers.c.id).where(among(connection, customers.c.key, missing))
        query = undeleted(connection, query.order_by(customers.c.id), of=customers)
        found |= {row.key: row.id for row in await connection.execute(query)}
        created |= await _create_customers(connection, keys - set(found), now)
    await touch(connection, [found[key] for key in created], "everything", now + SETTLED)
    return found, created


async def add_event_rows(
    connection: AsyncConnection, rows: Sequence[EventRow], ids: Mapping[str, int], now: datetime
) -> set[str]:
    values = [
        {
            "key": row.key,
            "customer_id": ids[row.customer],
            "name": row.name,
            "at": row.at,
            "received_at": now,
            "properties": dict(row.properties),
        }
        for row in sorted(rows, key=lambda row: (row.at, row.key))
    ]
    return await add_events(connection, values)


@dataclass(slots=True)
class _Customer:
    """A customer as stored, and what the rows so far make of it."""

    columns: dict[str, str | None]
    attributes: dict[str, Any]
    standing: Standing
    told_at: datetime | None
    changed: bool = False

    def take(self, row: CustomerRow) -> bool:
        columns, merged = {**self.columns, **row.columns}, {**self.attributes, **row.attributes}
        if row.at is not None and self.told_at is not None and row.at < self.told_at:
            # Overtaken on its way: it can tell only of what nobody has told since.
            columns |= {name: value for name, value in self.columns.items() if value is not None}
            merged |= self.attributes
        columns |= {name: value for name, value in row.hints.items() if columns[name] is None}
        attributes = {name: value for name, value in merged.items() if value is not None}
        told_at = max(filter(None, (self.told_at, row.at)), default=None)
        changed = columns != self.columns or _comparable(attributes) != _comparable(self.attributes)
        self.changed = self.changed or changed or told_at != self.told_at
        self.columns, self.attributes, self.told_at = columns, attributes, told_at
        return changed

    def take_consents(
        self, row: CustomerRow, policy: Policy, now: datetime, source: str
    ) -> tuple[bool, list[State]]:
        """Whether any changed, and how those stand that the row would have granted and may not."""
        if not row.consents:
            return False, []
        proof = row.proof or Proof()
        given = proof.at if proof.at is not None and proof.at <= now else None
        basis = Basis(proof.source or source, source, proof.wording, proof.wording_version)
        unproven = () if given else policy.double_opt_in
        choices = [_choice(name, state) for name, state in sorted(row.consents.items())]
        # Asked before any is taken, as a row may deny the channel and grant one of its topics.
        kept = {choice: state for choice in choices if (state := _stays(self.standing, choice, given))}
        asked = [_asked(self.standing, choice, unproven) for choice in choices if choice not in kept]
        taken = [choice for choice in asked if not self.standing.has(choice)]
        for choice in taken:  # a denial counts from now, so that no consent of an older file is later
            self.standing.put(choice, basis, given if given and choice.state == "granted" else now)
        return bool(taken), [*kept.values(), *(choice.state for choice in taken if choice.state == "pending")]


def _choice(name: str, state: str) -> Choice:
    channel, _, topic = name.partition(".")
    return Choice(channel, topic, "granted" if state == "granted" else "denied")


def _stays(standing: Standing, choice: Choice, given: datetime | None) -> State | None:
    """The state that a file cannot change into a grant, because it is not older than the consent."""
    holds = standing.holds(choice.channel, choice.topic)
    since = standing.withheld_since(choice.channel, choice.topic)
    if choice.state == "denied" or holds in (None, "granted") or since is None:
        return None
    return None if given is not None and given > since else holds


def _asked(standing: Standing, choice: Choice, unproven: Collection[str]) -> Choice:
    """A grant on one of the channels `unproven` has to be confirmed; what holds has not."""
    holds = standing.holds(choice.channel, choice.topic)
    if choice.state == "denied" or holds == "granted" or choice.channel not in unproven:
        return choice
    return Choice(choice.channel, choice.topic, "pending")


def _comparable(value: Any) -> Any:
    """For Python True equals 1; as attributes they differ. 1 and 1.0 are the same number in both."""
    match value:
        case dict():
            return {name: _comparable(item) for name, item in value.items()}
        case list():
            return [_comparable(item) for item in value]
        case bool():
            return "true" if value else "false", bool
        case _:
            return value


async def _create_customers(connection: AsyncConnection, keys: Iterable[str], now: datetime) -> set[str]:
    # In one order for everybody, so that two batches with the same customers cannot wait for each other.
    rows = [{"key": key, "attributes": {}, "created_at": now, "updated_at": now} for key in sorted(set(keys))]
    return await add_missing(connection, customers, rows, "key")


async def _load(connection: AsyncConnection, keys: Iterable[str]) -> dict[str, _Customer]:
    query = select(customers).where(among(connection, customers.c.key, keys)).order_by(customers.c.id)
    rows = (await connection.execute(locked(connection, query, of=customers))).all()
    given = await standings(connection, [row.id for row in rows])
    return {
        row.key: _Customer(
            {name: row._mapping[name] for name in COLUMNS}, row.attributes, given[row.id], row.told_at
        )
        for row in rows
    }


async def _save(connection: AsyncConnection, known: Iterable[_Customer], now: datetime) -> None:
    rows: list[dict[str, Any]] = [
        {
            "number": one.standing.customer,
            **one.columns,
            "attributes": one.attributes,
            "told_at": one.told_at,
            "updated_at": now,
        }
        for one in known
        if one.changed
    ]
    if rows:
        await _overwrite(connection, rows)
        await touch(connection, [row["number"] for row in rows], "customer")


async def _overwrite(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    names = (*COLUMNS, "attributes", "told_at", "updated_at")
    if connection.dialect.name == "sqlite":
        statement = update(customers).where(customers.c.id == bindparam("number"))
        await connection.execute(statement.values({name: bindparam(name) for name in names}), rows)
        return
    columns = {"number": customers.c.id.type} | {name: customers.c[name].type for name in names}
    given, parameters = await as_table(connection, "changed_customers", columns, rows)
    statement = update(customers).where(customers.c.id == given.c.number)
    await connection.execute(statement.values({name: given.c[name] for name in names}), parameters)


async def current_policy(connection: AsyncConnection) -> Policy:
    newest = select(policies.c.body).order_by(policies.c.id.desc()).limit(1)
    body = (await connection.execute(newest)).scalar()
    return Policy() if body is None else Policy.from_json(body)


async def _save_consents(connection: AsyncConnection, policy: Policy, known: Iterable[_Customer]) -> None:
    decided = [one.standing for one in known if one.standing.changes]
    if decided:
        await save(connection, policy, decided)
