"""Customers who are erased while they travel: legs, events and deliveries find nobody and pass over them."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from journeyflow.audience.rights import Erasure, erase
from journeyflow.delivery.channels.base import Accepted, Outcome, Outgoing, Rejected
from journeyflow.engine.outbox import _state as state_to_start_with
from journeyflow.store.customers import suppressions
from journeyflow.store.ledger import messages
from journeyflow.store.passages import starts, wakeups
from tests.engine.programmes import World

REVIEWS = """
    journey: reviews
    enter: {event: began}
    exit: [{event: stopped}]
    steps:
      - send: {email: hello}
      - wait_for: {event: reviewed, timeout: 2 days}
      - send: {email: bye}
"""


class Post:
    """Accepts, but something happens before it answers."""

    batch = 10

    def __init__(self, world: World, victim: str, outcome: Outcome) -> None:
        self.world, self.victim, self.outcome = world, victim, outcome
        self.sent: list[str] = []

    async def send(self, message: Outgoing) -> Outcome:
        if message.to.startswith(self.victim):
            await forget(self.world, self.victim)
            return self.outcome
        self.sent.append(message.to)
        return Accepted(str(message.message_id))

    async def lookup(self, message_id: int) -> None:
        """Knows nothing of any message."""

    async def close(self) -> None:
        """Nothing is held open."""


async def forget(world: World, key: str) -> Erasure:
    done = await erase(world.store, key, "sam", world.now)
    assert done is not None
    return done


async def entered(world: World) -> None:
    await world.apply(REVIEWS)
    await world.customers("ann", "bea")
    await world.enter("ann", "bea")


async def test_a_later_leg_passes_over_them(world: World) -> None:
    await entered(world)
    await forget(world, "ann")
    world.now += timedelta(days=2)
    outcome = await world.travel(1, 1, 1, size=2)
    assert outcome.channels == ["email"]
    assert [row[0] for row in await world.ledger("bea")] == ["hello", "bye"]
    assert (await world.enrollments("bea"))[0].state == "finished"
    assert len(await world.rows(select(messages))) == 2


async def test_a_leg_finds_nobody_at_all(world: World) -> None:
    await entered(world)
    for key in ("ann", "bea"):
        await forget(world, key)
    outcome = await world.travel(1, 1, 1, size=2)
    assert (outcome.resting, outcome.channels, outcome.late) == ([], [], [])


async def test_what_is_to_be_told_to_temporal_is_forgotten(world: World) -> None:
    await entered(world)
    world.now += timedelta(hours=1)
    await world.happen("reviewed", "ann", "bea")
    await world.route()
    await forget(world, "ann")
    assert [row.member for row in await world.rows(select(wakeups))] == [1]
    await forget(world, "bea")
    assert await world.rows(select(wakeups)) == []
    (start,) = await world.rows(select(starts))
    async with world.store.reading() as connection:
        state = await state_to_start_with(connection, start.cohort_id, start.due_at)
    assert (state.resting, state.deliveries) == ([], []), "no workflow is started for nobody"


async def test_events_that_are_not_routed_go_along(world: World) -> None:
    await entered(world)
    world.now += timedelta(hours=1)
    await world.happen("stopped", "ann", "bea")
    await forget(world, "ann")
    assert await world.route() == 1
    assert (await world.enrollments("bea"))[0].state == "exited"


async def test_a_queued_message_is_not_sent(world: World) -> None:
    await entered(world)
    await forget(world, "ann")
    post = Post(world, "nobody", Accepted("1"))
    assert (await world.deliver(post)).sent == 1
    assert post.sent == ["bea@example.com"]


@pytest.mark.parametrize("outcome", [Accepted("1"), Rejected("550", "no such mailbox", True)])
async def test_a_message_that_is_being_handed_over(world: World, outcome: Outcome) -> None:
    """It is in the state sending; what becomes of it finds no row, and nobody else is disturbed."""
    await entered(world)
    count = await world.deliver(Post(world, "ann", outcome))
    assert (count.sent, count.failed, count.unknown) == (1, 0, 0)
    assert [row[1] for row in await world.ledger("bea")] == ["sent"]
    assert await world.messages("ann") == []
    reasons = await world.rows(select(suppressions.c.channel, suppressions.c.reason))
    assert set(reasons) == {("email", "erased"), ("sms", "erased")}


async def test_a_message_that_an_attempt_which_died_left_in_sending(world: World) -> None:
    await entered(world)
    async with world.store.writing() as connection:
        values = {"state": "sending", "claimed_at": world.now, "claimed_by": world.now}
        await connection.execute(messages.update().values(**values))
    done = await forget(world, "ann")
    assert len(done.under_way) == 1
    post = Post(world, "nobody", Accepted("1"))
    world.now += timedelta(minutes=1)
    assert (await world.deliver(post, attempt=2)).sent == 1
    assert post.sent == ["bea@example.com"]


async def test_imported_anew_they_get_nothing(world: World) -> None:
    await entered(world)
    await forget(world, "ann")
    await world.customers("ann")
    await world.enter("ann")
    assert await world.ledger("ann") == [("hello", "dropped", "suppressed")]
    highest = select(func.max(messages.c.id))
    assert (await world.rows(highest))[0][0] == 3, "the number of an erased message stays its own"
