"""Who opts out while a delivery is on its way to their message does not get it, unless it was claimed before.

Opt-outs of every kind are fired at random moments around the claim, through another store than the
delivery's, so that only the database stands between them. What decides is what the opt-out's transaction saw
last: a message that nobody had claimed by then must never come to the provider.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.consent import Basis, Choice, decide
from journeyflow.audience.inbound import receive_sms
from journeyflow.audience.rights import erase
from journeyflow.audience.suppression import suppress
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, deliver
from journeyflow.delivery.pauses import TryAgain
from journeyflow.policy import Policy
from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import cohorts
from journeyflow.workflows.contracts import DeliveryRequest
from tests.e2e.installation import until
from tests.engine.programmes import World
from tests.proofs.provider import Clock, Moody, read_log
from tests.proofs.sizes import size

OPT_OUTS = size(60, 1000)
AT_ONCE = 20
POLICY = """
    topics:
      offers: {title: Offers}
    senders:
      email: {from: "Club <club@example.com>"}
      sms: {from: "+46700000000"}
    caps: [{at_most: 5, per: 1 day}]
"""
JOURNEY = """
    journey: letters
    topic: offers
    enter: {event: began}
    steps:
      - send: {email: hello}
      - send: {sms: hello}
      - wait: 1 day
"""
MOODS = {"accepts": 8.0, "pauses": 2.0}
BASIS = Basis("page", "customer")
_SPREAD = 0.05  # seconds, about as long as the deliveries of a round take


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    key: str
    email: str
    phone: str


@dataclass(frozen=True, slots=True)
class Answered:
    """An opt-out that has been answered."""

    kind: str
    at: datetime
    forbidden: frozenset[int]  # messages that nobody had claimed
    under_way: frozenset[int]


Kind = Callable[[Store, Policy, Person], Awaitable[tuple[set[int], set[int]]]]


@pytest.mark.timeout(1200)
async def test_an_opt_out_before_the_claim_stops_the_message(store: Store, tmp_path: Path) -> None:
    world = World(store, tmp_path / "programme", datetime.now(UTC))
    await world.apply(JOURNEY, policy=POLICY)
    log, random = tmp_path / "provider.log", Random(11)
    other = Store.open(_url(store))
    answered: list[Answered] = []
    for number in range(0, OPT_OUTS, AT_ONCE):
        answered += await _round(world, other, log, random, number)
    await other.close()
    handed = [one for one in read_log(log) if one.may_have_left]
    ids = {one.message for one in handed}
    wrong = [one for one in answered if one.forbidden & ids]
    assert not wrong, Counter(one.kind for one in wrong)
    kinds = Counter(one.kind for one in answered if one.forbidden)
    assert kinds.keys() == KINDS.keys(), "of each kind some came before the claim"
    assert any(one.under_way & ids for one in answered), "and some after it"
    _tell(answered, {one.message: one.began for one in handed})


async def _round(world: World, other: Store, log: Path, random: Random, number: int) -> list[Answered]:
    people = await _queue(world, number)
    clock = Clock(datetime.now(UTC), monotonic(), 1)
    is_first, is_second = number == 0, number == AT_ONCE
    channel = Moody(log, clock, random, MOODS, 0.5 if is_second else 0.01, batch=random.choice([1, 3, 20]))
    courier = Courier(world.store, {"email": channel, "sms": channel}, world.programme)
    [[cohort]] = await world.rows(select(func.max(cohorts.c.id)))
    async with world.store.reading() as connection:
        policy = await world.programme.policy(connection)
    requests = [DeliveryRequest(cohort, 0, name) for name in ("email", "sms")]
    opt_outs = [
        _opt_out(kind, other, policy, person, clock, 0 if is_first else random.uniform(0, _SPREAD))
        for person, kind in zip(people, cycle(KINDS))
    ]
    # Twice as long as the opt-outs, since one claim takes the whole round.
    deliveries = [_deliver(courier, request, clock, random.uniform(0, 2 * _SPREAD)) for request in requests]
    if is_first:  # all are before the claim, so that each kind is seen there
        answered = await asyncio.gather(*opt_outs)
        await asyncio.gather(*deliveries)
        return answered
    under_way = asyncio.gather(*deliveries)
    if is_second:  # all are after it
        await until(lambda: _is_sending(other), "a message is on its way")
    answered = await asyncio.gather(*opt_outs)
    await under_way
    return answered


async def _is_sending(store: Store) -> bool:
    async with store.reading() as connection:
        return bool(await connection.scalar(select(func.count()).where(messages.c.state == "sending")))


async def _queue(world: World, number: int) -> list[Person]:
    """Everybody has a queued message on each channel."""
    world.now = datetime.now(UTC)
    keys = [f"c{number + more}" for more in range(min(AT_ONCE, OPT_OUTS - number))]
    for more, key in enumerate(keys):
        await world.customers(key, phone=f"+1212555{number + more:04}")
    await world.enter(*keys)
    query = select(customers.c.id, customers.c.key, customers.c.email, customers.c.phone)
    return [Person(*row) for row in await world.rows(query.where(customers.c.key.in_(keys)))]


async def _deliver(courier: Courier, request: DeliveryRequest, clock: Clock, after: float) -> None:
    await asyncio.sleep(after)
    for number in range(1, 1000):
        hasty = Courier(courier.store, courier.channels, courier.programme)  # one that knows of no pause
        try:
            await deliver(hasty, request, Attempt(number, clock.now, lambda: False))
            return
        except TryAgain:  # at once: a pause says nothing about the order of claims and opt-outs
            await asyncio.sleep(0)
    raise AssertionError("a delivery that never ends")


async def _opt_out(
    kind: str, store: Store, policy: Policy, person: Person, clock: Clock, after: float
) -> Answered:
    await asyncio.sleep(after)
    forbidden, under_way = await KINDS[kind](store, policy, person)
    return Answered(kind, clock.now(), frozenset(forbidden), frozenset(under_way))


async def _leave_channel(store: Store, policy: Policy, person: Person) -> tuple[set[int], set[int]]:
    return await _decide(store, policy, person, Choice("email", "", "denied"))


async def _leave_topic(store: Store, policy: Policy, person: Person) -> tuple[set[int], set[int]]:
    return await _decide(store, policy, person, Choice("email", "offers", "denied"))


async def _decide(store: Store, policy: Policy, person: Person, choice: Choice) -> tuple[set[int], set[int]]:
    async with store.writing() as connection:
        await decide(connection, policy, person.id, [choice], BASIS, datetime.now(UTC))
        return await _seen(connection, person, "email")


async def _suppress(store: Store, policy: Policy, person: Person) -> tuple[set[int], set[int]]:
    async with store.writing() as connection:
        await suppress(connection, "email", [person.email], "manual", datetime.now(UTC))
        return await _seen(connection, person, "email")


async def _stop(store: Store, policy: Policy, person: Person) -> tuple[set[int], set[int]]:
    now = datetime.now(UTC)
    texted = {"sender": person.phone, "to": "71", "text": "STOP", "message_id": person.key}
    await receive_sms(store, policy, **texted, newcomer="nobody", now=now)
    async with store.reading() as connection:
        return await _seen(connection, person, "sms")


async def _erase(store: Store, policy: Policy, person: Person) -> tuple[set[int], set[int]]:
    """The rows are gone, so it is the report that says what had been claimed."""
    async with store.reading() as connection:
        every = set((await connection.execute(_theirs(person))).scalars())
    erasure = await erase(store, person.key, "test", datetime.now(UTC))
    assert erasure is not None
    return every - set(erasure.handed_over), set(erasure.under_way)


KINDS: dict[str, Kind] = {
    "channel": _leave_channel,
    "topic": _leave_topic,
    "suppression": _suppress,
    "stop": _stop,
    "erasure": _erase,
}


async def _seen(connection: AsyncConnection, person: Person, channel: str) -> tuple[set[int], set[int]]:
    """The messages that nobody has claimed, and those that are being handed over."""
    query = select(messages.c.id, messages.c.state).where(
        messages.c.customer_id == person.id, messages.c.channel == channel
    )
    rows = (await connection.execute(query)).all()
    unclaimed = {row.id for row in rows if row.state in ("queued", "outranked", "cancelled")}
    return unclaimed, {row.id for row in rows if row.state == "sending"}


def _theirs(person: Person) -> Select[Any]:
    return select(messages.c.id).where(messages.c.customer_id == person.id)


def _tell(answered: list[Answered], handed: dict[int, datetime]) -> None:
    """For docs/proofs.md (`pytest -s`)."""
    late = [
        handed[message] - one.at
        for one in answered
        for message in one.under_way & handed.keys()
        if handed[message] > one.at
    ]
    stopped = sum(len(one.forbidden) for one in answered)
    longest = max(late, default=timedelta(0)).total_seconds()
    print(f"{len(answered)} opt-outs, {stopped} messages stopped, {len(late)} had been claimed before the")  # noqa: T201
    print(f"answer and came to the provider up to {longest:.3f} s after it")  # noqa: T201


def _url(store: Store) -> str:
    url = store.engine.url.render_as_string(hide_password=False)
    return url.replace("+aiosqlite", "").replace("+psycopg", "")
