"""What a journey brings beside the programme's holdout, from messages that the gate itself decided on."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.pauses import TryAgain
from journeyflow.errors import JourneyflowError
from journeyflow.experiments.goals import JourneyEffects, effects_of
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from tests.engine.programmes import World, keys
from tests.journeys.writing import POLICY

DAY = timedelta(days=1)
JOURNEY = """
    journey: nudges
    enter: {event: began}
    goal: {event: order.completed, within: 7 days, value: total}
    steps:
      - send: {email: first}
      - wait: 1 day
      - send: {email: second}
"""


async def effects(world: World, days: int) -> JourneyEffects:
    async with world.store.reading() as connection:
        return await effects_of(connection, "nudges", world.now + days * DAY)


async def test_who_was_held_out_is_beside_who_was_written_to(store: Store, tmp_path: Path) -> None:
    world = World(store, tmp_path / "programme")
    await world.apply(JOURNEY, policy=POLICY + "    holdout: 30%\n")
    everybody = keys(60)
    await world.customers(*everybody)
    await world.customers("unwilling", consents={"email": "denied"})
    await world.enter(*everybody, "unwilling")
    await world.travel(1, 0, 0, size=61)
    held = {row[0] for row in await world.rows(_KEYS.where(messages.c.reason == "holdout"))}
    assert 8 <= len(held) <= 30
    await _buy(world, {key: 40.0 for key in everybody if key not in held} | dict.fromkeys(held, 10.0))

    found = await effects(world, days=7)
    whole, first, second = found.effects
    assert (whole.held_out.matured, whole.written.matured) == (len(held), 60 - len(held))
    assert (whole.held_out.converted, whole.written.converted) == (len(held), 60 - len(held))
    assert whole.conversions.absolute == 0
    assert whole.value is not None
    assert whole.value.absolute == pytest.approx(30.0)
    assert not whole.value.interval.excludes_zero, "so few customers allow nothing to be said"
    assert (first.about, first.written) == ("first", whole.written)
    assert (second.about, second.written.exposed) == ("second", 0)
    assert (await effects(world, days=6)).effects[0].written.matured == 0


CAPPED = """
    journey: nudges
    enter: {event: began}
    exit: [{event: order.completed}]
    goal: {event: order.completed, within: 7 days}
    steps:
      - send: {email: first}
      - wait: 1 hour
      - send: {email: second, if_capped: wait up to 3 days}
"""
CAP = "    caps: [{channel: email, at_most: 1, per: 2 days}]\n"
NIGHT = '    quiet_hours: [{from: "12:30", to: "15:00", channel: email}]\n'


@pytest.mark.parametrize(("rule", "compared"), [(CAP, 60), (NIGHT, 0)])
async def test_who_buys_while_a_message_waits_stays_unless_the_holdout_was_not_asked_yet(
    store: Store, tmp_path: Path, rule: str, compared: int
) -> None:
    """On both sides: the first message is queued when they buy, the second is held by a cap or at night."""
    world = World(store, tmp_path / "programme")
    await world.apply(CAPPED, policy=POLICY + "    holdout: 50%\n" + rule)
    await world.customers(*keys(60))
    await world.enter(*keys(60))
    world.now += timedelta(hours=1)
    await world.travel(1, 1, 1, size=60)
    await world.travel(1, 2, 2, size=60)
    await world.happen("order.completed", *keys(30))
    await world.route()
    with suppress(TryAgain):  # by night those who have not bought wait
        await world.deliver(Outbox(tmp_path / "outbox"))
    states = {row[1:] for key in keys(30) for row in await world.ledger(key)}
    assert ("cancelled", "exited") in states
    assert not states & {("held", "cap"), ("held", "quiet-hours"), ("queued", None)}

    whole, first, second = (await effects(world, days=7)).effects
    assert whole.held_out.matured + whole.written.matured == 60
    assert whole.held_out.converted + whole.written.converted == 30
    assert first.written == whole.written
    assert second.held_out.exposed + second.written.exposed == compared


async def test_nobody_is_added_after_the_last_one_was_held_out(sqlite_store: Store, tmp_path: Path) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.customers(*keys(40))
    for policy, newcomers in ((POLICY + "    holdout: 50%\n", keys(40)[:20]), (POLICY, keys(40)[20:])):
        await world.apply(JOURNEY, policy=policy)
        await world.enter(*newcomers)
        world.now += DAY
    whole = (await effects(world, days=7)).effects[0]
    assert whole.held_out.exposed + whole.written.exposed == 20


_KEYS = select(customers.c.key).join_from(messages, customers, messages.c.customer_id == customers.c.id)


async def _buy(world: World, totals: dict[str, float]) -> None:
    ids = {row.key: row.id for row in await world.rows(select(customers.c.key, customers.c.id))}
    times = dict.fromkeys(("at", "received_at", "routed_at"), world.now + DAY)
    rows = [
        {"key": key, "customer_id": ids[key], "name": "order.completed", "properties": {"total": total}}
        | times
        for key, total in totals.items()
    ]
    async with world.store.writing() as connection:
        await connection.execute(insert(events), rows)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("goal: {event: order.completed, within: 7 days, value: total}", 'no journey is called "nudge"'),
        ("goal: {event: order.completed}", 'has a goal without "within"'),
        ("priority: 5", "has no goal"),
    ],
)
async def test_what_cannot_be_compared_is_one_sentence(
    sqlite_store: Store, tmp_path: Path, line: str, sentence: str
) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    old = "goal: {event: order.completed, within: 7 days, value: total}"
    await world.apply(JOURNEY.replace(old, line))
    name = "nudge" if "called" in sentence else "nudges"
    async with sqlite_store.reading() as connection:
        with pytest.raises(JourneyflowError, match=sentence):
            await effects_of(connection, name, world.now)
