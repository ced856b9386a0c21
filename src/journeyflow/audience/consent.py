"""Consent: what a customer agreed to for a channel and its topics, with everything that was ever decided.

What holds for a topic is its own row, without one that of the whole channel (topic "").
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.plan import RESERVED
from journeyflow.policy import Policy
from journeyflow.store.customers import consent_log, consents, customers
from journeyflow.store.database import locked, upsert
from journeyflow.store.events import add_events
from journeyflow.store.ledger import OPEN, messages
from journeyflow.store.segments import touch

State = Literal["granted", "denied", "pending"]
WHOLE_CHANNEL = ""  # the topic of a consent for everything on a channel

_WITHDRAWABLE = ("queued", "outranked")  # messages that nobody has begun to hand over
_UPDATE = 1_000  # rows of one statement


@dataclass(frozen=True, slots=True)
class Choice:
    channel: str
    topic: str
    state: State


@dataclass(frozen=True, slots=True)
class Basis:
    """What proves a choice; see the table `consent_log`."""

    source: str
    actor: str
    wording: str | None = None
    wording_version: str | None = None
    origin: str | None = None


async def decide(
    connection: AsyncConnection,
    policy: Policy,
    customer: int,
    choices: Sequence[Choice],
    basis: Basis,
    now: datetime,
    confirmed: bool = False,
) -> list[Choice]:
    """Take the choices in their order; gives what changed, as it is now.

    A grant that needs double opt-in becomes pending unless it is `confirmed`. Denying a whole channel takes
    the grants of its topics along. What may not be sent any more is cancelled in this same transaction, and
    each change becomes an event of the customer. Locks the customer; of one who is erased nothing changes.
    """
    changed = await decide_all(connection, policy, {customer: choices}, basis, now, confirmed)
    return changed.get(customer, [])


async def decide_all(
    connection: AsyncConnection,
    policy: Policy,
    choices: Mapping[int, Sequence[Choice]],
    basis: Basis,
    now: datetime,
    confirmed: bool = False,
) -> dict[int, list[Choice]]:
    """As `decide`, for several customers at once: what changed for each of those that exist."""
    found = await standings(connection, await lock(connection, choices))
    for customer, standing in found.items():
        for choice in choices[customer]:
            state = _asked(choice, standing.holds(choice.channel, choice.topic), policy, confirmed)
            if state is not None:
                standing.repeat(choice, now)
                standing.put(Choice(choice.channel, choice.topic, state), basis, now)
    await save(connection, policy, list(found.values()))
    for standing in found.values():
        if standing.changes:
            await _tell(connection, standing, now)
    return {customer: [change.choice for change in one.changes] for customer, one in found.items()}


async def confirm(
    connection: AsyncConnection, policy: Policy, customer: int, channel: str, basis: Basis, now: datetime
) -> list[Choice]:
    """Whatever is pending on the channel becomes granted: the second half of a double opt-in."""
    found = await standings(connection, await lock(connection, [customer]))
    choices = [choice for standing in found.values() for choice in confirming(standing, channel)]
    return await decide(connection, policy, customer, choices, basis, now, confirmed=True)


def confirming(standing: "Standing", channel: str) -> list[Choice]:
    """The choices that grant what is pending on the channel."""
    pending = [topic for topic, state in standing.topics(channel).items() if state == "pending"]
    return [Choice(channel, topic, "granted") for topic in sorted(pending)]


async def history(connection: AsyncConnection, customer: int) -> list[Row[Any]]:
    """Every decision of the customer, in the order in which they were taken: rows of `consent_log`."""
    query = select(consent_log).where(consent_log.c.customer_id == customer).order_by(consent_log.c.id)
    return list(await connection.execute(query))


@dataclass(frozen=True, slots=True)
class Change:
    choice: Choice
    basis: Basis
    at: datetime


@dataclass(slots=True)
class Standing:
    """The consents of one customer, and what a transaction makes of them."""

    customer: int
    rows: dict[tuple[str, str], tuple[State, datetime]]  # by channel and topic
    changes: list[Change] = field(default_factory=list)
    touched: set[tuple[str, str]] = field(default_factory=set)  # of `rows`

    def holds(self, channel: str, topic: str) -> State | None:
        """None: the customer has never been asked."""
        found = self._row(channel, topic)
        return found[0] if found else None

    def withheld_since(self, channel: str, topic: str) -> datetime | None:
        """When the topic, or the whole channel, was last denied or said to be pending, where it still is."""
        rows = (self.rows.get((channel, topic)), self.rows.get((channel, WHOLE_CHANNEL)))
        return max((at for state, at in filter(None, rows) if state != "granted"), default=None)

    def granted_at(self, channel: str, topic: str) -> datetime | None:
        """When what holds was granted; None where nothing is."""
        found = self._row(channel, topic)
        return found[1] if found and found[0] == "granted" else None

    def topics(self, channel: str) -> dict[str, State]:
        """The topics of the channel with a row of their own, "" among them."""
        return {topic: state for (where, topic), (state, _) in self.rows.items() if where == channel}

    def has(self, choice: Choice) -> bool:
        """Whether the choice stands there already, in a row of its own."""
        return self.topics(choice.channel).get(choice.topic) == choice.state

    def put(self, choice: Choice, basis: Basis, at: datetime) -> list[Choice]:
        """Take the choice as it stands; gives what it changed. `at` is when the customer made it."""
        changed: list[Choice] = []
        if not self.has(choice):
            changed.append(choice)
            self._write(choice, at)
        if choice.state == "denied" and choice.topic == WHOLE_CHANNEL:
            changed += self._take_back_topics(choice.channel)
        self.changes += [Change(one, basis, at) for one in changed]
        return changed

    def repeat(self, choice: Choice, at: datetime) -> None:
        """A denial said again is no change, but newer than any consent that was given in between."""
        if choice.state == "denied" and self.has(choice):
            self._write(choice, at)

    def _take_back_topics(self, channel: str) -> list[Choice]:
        """What was denied before stays, so that a later grant of the channel does not bring it back."""
        left = sorted(topic for topic, state in self.topics(channel).items() if state != "denied")
        for topic in left:
            del self.rows[channel, topic]
            self.touched.add((channel, topic))
        return [Choice(channel, topic, "denied") for topic in left]

    def _write(self, choice: Choice, at: datetime) -> None:
        key = (choice.channel, choice.topic)
        self.rows[key] = (choice.state, at)
        self.touched.add(key)

    def _row(self, channel: str, topic: str) -> tuple[State, datetime] | None:
        return self.rows.get((channel, topic)) or self.rows.get((channel, WHOLE_CHANNEL))


async def lock(connection: AsyncConnection, ids: Iterable[int]) -> set[int]:
    """Gives those that exist. Whoever else decides about them waits until this transaction ends."""
    query = select(customers.c.id).where(customers.c.id.in_(list(ids))).order_by(customers.c.id)
    return set((await connection.execute(locked(connection, query, of=customers))).scalars())


async def standings(connection: AsyncConnection, ids: Collection[int]) -> dict[int, Standing]:
    """Of customers that this transaction has locked."""
    found = {customer: Standing(customer, {}) for customer in sorted(ids)}
    query = select(consents).where(consents.c.customer_id.in_(list(ids)))
    for row in await connection.execute(query):
        found[row.customer_id].rows[row.channel, row.topic] = (row.state, row.at)
    return found


async def save(connection: AsyncConnection, policy: Policy, decided: Sequence[Standing]) -> None:
    """Write what the standings changed and cancel the messages that this forbids."""
    await _replace(connection, decided)
    await touch(connection, [one.customer for one in decided if one.touched], "consent")
    await _log(connection, decided)
    await _cancel(connection, policy, decided)


def _asked(choice: Choice, holds: State | None, policy: Policy, confirmed: bool) -> State | None:
    """The state that the choice leads to; None: nothing is to be done."""
    if choice.state == "denied":
        return "denied"
    if holds == "granted":  # nobody has to confirm twice
        return "granted" if choice.state == "granted" else None
    needs_confirming = choice.channel in policy.double_opt_in and not confirmed
    return "pending" if choice.state == "pending" or needs_confirming else "granted"


async def _replace(connection: AsyncConnection, decided: Sequence[Standing]) -> None:
    kept, gone = [], []
    for one in decided:
        for channel, topic in sorted(one.touched):
            key = {"customer_id": one.customer, "channel": channel, "topic": topic}
            if (channel, topic) in one.rows:
                state, at = one.rows[channel, topic]
                kept.append({**key, "state": state, "at": at})
            else:
                gone.append(tuple(key.values()))
    if gone:
        theirs = tuple_(consents.c.customer_id, consents.c.channel, consents.c.topic).in_(gone)
        await connection.execute(delete(consents).where(theirs))
    if kept:
        keys = ["customer_id", "channel", "topic"]
        await connection.execute(upsert(connection, consents, keys, ["state", "at"]), kept)


async def _log(connection: AsyncConnection, decided: Sequence[Standing]) -> None:
    rows = [
        {
            "customer_id": one.customer,
            "channel": change.choice.channel,
            "topic": change.choice.topic,
            "state": change.choice.state,
            "at": change.at,
            "source": change.basis.source,
            "actor": change.basis.actor,
            "wording": change.basis.wording,
            "wording_version": change.basis.wording_version,
            "origin": change.basis.origin,
        }
        for one in decided
        for change in one.changes
    ]
    if rows:
        await connection.execute(insert(consent_log), rows)


async def _cancel(connection: AsyncConnection, policy: Policy, decided: Sequence[Standing]) -> None:
    """Waits for whoever has one in hand. One that is being handed over is locked as well: it may come back
    to the queue, but then only after this transaction, so that whoever claims it next sees the denial."""
    denied = {one.customer: one for one in decided if any(_denies(change) for change in one.changes)}
    if not denied:
        return
    free = [name for name, category in policy.categories.items() if category.consent == "not-required"]
    query = select(
        messages.c.id, messages.c.customer_id, messages.c.channel, messages.c.topic, messages.c.state
    ).where(
        messages.c.customer_id.in_(list(denied)),
        messages.c.state.in_(OPEN),
        messages.c.category.not_in(free),
    )
    rows = await connection.execute(locked(connection, query.order_by(messages.c.id), of=messages))
    forbidden = [
        row.id
        for row in rows
        if row.state in _WITHDRAWABLE and _forbids(denied[row.customer_id], row.channel, row.topic)
    ]
    for begin in range(0, len(forbidden), _UPDATE):
        chosen = messages.c.id.in_(forbidden[begin : begin + _UPDATE])
        await connection.execute(update(messages).where(chosen).values(state="cancelled", reason="consent"))


def _denies(change: Change) -> bool:
    return change.choice.state == "denied"


def _forbids(standing: Standing, channel: str, topic: str) -> bool:
    """Whether a denial concerns the message, and nothing that was granted since."""
    concerned = any(
        _denies(change) and change.choice.channel == channel and change.choice.topic in (WHOLE_CHANNEL, topic)
        for change in standing.changes
    )
    return concerned and standing.holds(channel, topic) != "granted"


async def _tell(connection: AsyncConnection, standing: Standing, now: datetime) -> None:
    """An event of each change, that journeys can wait for; its key has the change's number in the log."""
    newest = select(consent_log.c.id).where(consent_log.c.customer_id == standing.customer)
    newest = newest.order_by(consent_log.c.id.desc()).limit(len(standing.changes))
    numbers = reversed((await connection.execute(newest)).scalars().all())
    rows = [
        {
            "key": f"{RESERVED}consent/{standing.customer}/{number}",
            "customer_id": standing.customer,
            "name": f"consent.{change.choice.state}",
            "at": change.at,
            "received_at": now,
            "properties": {"channel": change.choice.channel, "topic": change.choice.topic},
        }
        for number, change in zip(numbers, standing.changes, strict=True)
    ]
    await add_events(connection, rows)
