"""A journey that is paused: nobody enters it, nothing of it is sent, and whoever rests goes on afterwards."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.pauses import TryAgain
from journeyflow.engine.pausing import REST, RETRY, Paused, UnknownJourney, pause, resume
from journeyflow.engine.refreshing import refresh_all
from journeyflow.engine.sweep import sweep
from journeyflow.engine.travel import travel_within
from journeyflow.store.audit import audit_log
from journeyflow.store.database import Store
from journeyflow.store.passages import wakeups
from tests.engine.programmes import World

SEND = """
    journey: letters
    enter: {event: began, again: always}
    steps:
      - send: {email: hello}
"""
AFTER_A_DAY = """
    journey: letters
    enter: {event: began, again: always}
    exit: [{event: stopped}]
    steps:
      - wait: 1 day
      - send: {email: hello}
      - wait_for: {event: answered, timeout: 1 day}
"""
WAIT, HELLO = 0, 1


async def paused(world: World) -> None:
    await pause(world.store, "letters", world.now, "test")


async def test_nobody_enters_and_nobody_does_afterwards(world: World) -> None:
    await world.apply(SEND)
    await world.customers("ann")
    await paused(world)
    await world.enter("ann")
    assert await resume(world.store, "letters", world.now, "test") == 0
    await world.route()
    assert await world.enrollments("ann") == []
    await world.enter("ann")
    assert [row.state for row in await world.enrollments("ann")] == ["finished"]


async def test_who_comes_to_a_send_rests_there_and_is_woken(world: World) -> None:
    await world.apply(AFTER_A_DAY)
    await world.customers("ann", "ben")
    await world.enter("ann", "ben")
    world.now += timedelta(days=1)
    await paused(world)
    outcome = await world.travel(1, 1, WAIT, size=2)
    [stop] = outcome.resting
    assert (stop.step, outcome.channels) == (HELLO, [])
    assert await world.ledger("ann") == [("hello", "held", "paused")]
    [row] = await world.enrollments("ann")
    assert row.wake_at == world.now + REST
    world.now += timedelta(hours=2)
    assert await resume(world.store, "letters", world.now, "test") == 2
    woken = await world.rows(select(wakeups).order_by(wakeups.c.member))
    assert [(row.cohort_id, row.member, row.step, row.event_id, row.event_at) for row in woken] == [
        (1, member, HELLO, 0, world.now) for member in (0, 1)
    ]
    await world.travel(1, 2, HELLO, size=2)
    assert await world.ledger("ann") == [("hello", "queued", None)]
    [row] = await world.enrollments("ann")
    assert row.reached_at == world.now, "answers count from when the letter went, not from when it would have"
    assert await resume(world.store, "letters", world.now, "test") is None


async def test_an_exit_counts_while_it_is_paused(world: World) -> None:
    await world.apply(AFTER_A_DAY)
    await world.customers("ann", "ben")
    await world.enter("ann", "ben")
    world.now += timedelta(days=1)
    await paused(world)
    await world.travel(1, 1, WAIT, size=2)
    await world.happen("stopped", "ann")
    await world.route()
    assert await world.ledger("ann") == [("hello", "cancelled", "exited")]
    assert await resume(world.store, "letters", world.now, "test") == 1


async def test_what_is_queued_is_not_handed_over(world: World) -> None:
    await world.apply(SEND)
    await world.customers("ann")
    await world.enter("ann")
    await paused(world)
    outbox = Outbox(world.folder / "outbox")
    with pytest.raises(TryAgain) as told:
        await world.deliver(outbox)
    assert (told.value.after, told.value.waiting) == (RETRY, 1)
    assert await world.ledger("ann") == [("hello", "queued", "paused")]
    await resume(world.store, "letters", world.now, "test")
    await world.deliver(outbox, attempt=2)
    assert await world.ledger("ann") == [("hello", "sent", None)]


async def test_a_webhook_is_sent_no_sooner_than_a_letter(world: World) -> None:
    await world.apply(
        """
        journey: letters
        enter: {event: began}
        steps:
          - wait: 1 day
          - webhook: {url: "https://hooks.example.com/x"}
        """
    )
    await world.customers("ann")
    await world.enter("ann")
    world.now += timedelta(days=1)
    await paused(world)
    await world.travel(1, 1, WAIT)
    assert [(state, reason) for _, state, reason in await world.ledger("ann")] == [("held", "paused")]
    await resume(world.store, "letters", world.now, "test")
    await world.travel(1, 2, HELLO)
    assert [(state, reason) for _, state, reason in await world.ledger("ann")] == [("queued", None)]


async def test_occasions_of_the_last_hours_count_when_it_is_resumed(world: World) -> None:
    """Those of a schedule, and those of who has joined the segment meanwhile and is still in it."""
    await world.apply(
        """
        journey: letters
        enter: {schedule: "0 13 * * *"}
        steps: [{wait: 1 day}]
        """,
        """
        journey: greeting
        enter: {segment: gold}
        steps: [{wait: 1 day}]
        """,
        segments="gold: {attribute: tier, is: gold}\n",
    )
    for name in ("letters", "greeting"):
        await pause(world.store, name, world.now, "test")
    await world.customers("ann", tier="gold")
    await world.customers("ben")
    world.now += timedelta(hours=3)
    await _sweep(world)
    assert await world.enrollments("ann") == []
    for name in ("letters", "greeting"):
        await resume(world.store, name, world.now, "test")
    await _sweep(world)
    assert {row.journey for row in await world.enrollments("ann")} == {"letters", "greeting"}
    assert {row.journey for row in await world.enrollments("ben")} == {"letters"}


async def _sweep(world: World) -> None:
    await sweep(world.store, world.programme, lambda: world.now)
    await refresh_all(world.store, world.programme, lambda: world.now)


async def test_the_audit_tells_each_change_once(world: World) -> None:
    await world.apply(SEND)
    first = await pause(world.store, "letters", world.now, "eve")
    again = await pause(world.store, "letters", world.now + timedelta(hours=1), "bob")
    assert (first, again) == (Paused(world.now, before=False), Paused(world.now, before=True))
    await resume(world.store, "letters", world.now, "bob")
    rows = await world.rows(select(audit_log).where(audit_log.c.action != "apply").order_by(audit_log.c.id))
    assert [(row.actor, row.action, row.subject) for row in rows] == [
        ("eve", "pause", "letters"), ("bob", "resume", "letters"),
    ]  # fmt: skip
    with pytest.raises(UnknownJourney, match='no journey is called "other"; applied are: letters'):
        await pause(world.store, "other", world.now, "eve")


async def test_resuming_waits_for_a_leg_that_holds_somebody(postgresql_store: Store, tmp_path: Path) -> None:
    """Whom that leg lets rest is woken as well."""
    world = World(postgresql_store, tmp_path / "programme")
    await world.apply(AFTER_A_DAY)
    await world.customers("ann")
    await world.enter("ann")
    world.now += timedelta(days=1)
    await paused(world)
    async with world.store.writing() as connection:
        await travel_within(connection, world.programme, world.leg(1, 1, WAIT))
        resuming = asyncio.create_task(resume(world.store, "letters", world.now, "test"))
        while not await _somebody_waits(world.store):
            assert not resuming.done()
    assert await resuming == 1


async def _somebody_waits(store: Store) -> bool:
    async with store.reading() as connection:
        query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return bool((await connection.execute(text(query))).scalar_one())
