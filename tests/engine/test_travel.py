"""A leg is travelled once, however often it is asked for."""

import asyncio
import logging
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from journeyflow.engine.travel import first_leg, travel
from journeyflow.errors import ConfigurationError, PlanError
from journeyflow.members import mask_of, to_hex
from journeyflow.policy import Defaults, Policy
from journeyflow.store.customers import customers
from journeyflow.store.ledger import messages
from journeyflow.store.passages import legs, starts
from journeyflow.store.programme import policies
from journeyflow.workflows.contracts import Arrival, LegRequest
from tests.engine.programmes import World, keys

JOURNEY = """
    journey: legs
    enter: {event: began}
    steps:
      - update: {points: {add: 1}}
      - wait: 1 day
      - update: {points: {add: 10}}
      - send: {email: hello}
      - wait: {until: "09:00"}
"""
FIRST_WAIT = 1


async def test_a_leg_that_is_asked_for_twice_is_travelled_once(world: World) -> None:
    await world.apply(JOURNEY)
    await world.customers(*keys(3), points=0)
    await world.enter(*keys(3))
    world.now += timedelta(days=1)
    outcome = await world.travel(1, 1, FIRST_WAIT, 3)
    assert outcome.channels == ["email"]
    before = await world.everything()
    assert await world.travel(1, 1, FIRST_WAIT, 3) == outcome
    world.now += timedelta(hours=1)  # a retry may come much later
    assert await world.travel(1, 1, FIRST_WAIT, 3) == outcome
    assert await world.everything() == before
    assert [row[7]["points"] for row in before["customers"]] == [11, 11, 11]


async def test_the_first_leg_was_travelled_on_entry(world: World) -> None:
    await world.apply(JOURNEY)
    await world.customers("c0", points=0)
    await world.enter("c0")
    before = await world.everything()
    await travel(world.store, world.programme, first_leg(1, 1, world.now + timedelta(minutes=5)))
    assert await world.everything() == before


async def test_two_who_travel_the_same_leg_at_once_get_the_same_outcome(world: World) -> None:
    await world.apply(JOURNEY)
    await world.customers(*keys(20), points=0)
    await world.enter(*keys(20))
    world.now += timedelta(days=1)
    outcomes = await asyncio.gather(*(world.travel(1, 1, FIRST_WAIT, 20) for _ in range(4)))
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert [row[0] for row in await world.rows(select(func.count()).select_from(legs))] == [2]
    assert [row[0] for row in await world.rows(select(func.count()).select_from(messages))] == [20]


async def test_members_who_are_gone_are_passed_over(world: World) -> None:
    await world.apply(JOURNEY.replace("enter:", "exit: [{event: refunded}]\n    enter:"))
    await world.customers(*keys(3), points=0)
    await world.enter(*keys(3))
    await world.enter("c1", name="refunded")
    world.now += timedelta(days=1)
    outcome = await world.travel(1, 1, FIRST_WAIT, 3)
    assert [stop.members for stop in outcome.resting] == [to_hex(mask_of([0, 2]))]
    assert await world.ledger("c1") == []


async def test_a_leg_from_where_nobody_can_rest_says_which_step_it_is(world: World) -> None:
    await world.apply(JOURNEY)
    await world.customers("c0", points=0)
    await world.enter("c0")
    before = await world.everything()
    with pytest.raises(PlanError, match="steps/2: nobody rests at a step of kind update"):
        await travel(world.store, world.programme, LegRequest(1, 1, 0, [Arrival(2, "1")]))
    assert await world.everything() == before


async def test_a_first_leg_that_fails_is_left_to_the_workflow_and_takes_nothing_else_along(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The cause is a default zone that does not exist, which a policy of another version could hold."""
    begins_until = JOURNEY.replace("wait: 1 day", 'wait: {until: "09:00"}')
    await world.apply(begins_until, begins_until.replace("legs", "second"), JOURNEY.replace("legs", "third"))
    await put_policy(world, Policy(defaults=Defaults(timezone="Mars/Olympus")))
    await world.customers("c0", points=0)
    with caplog.at_level(logging.WARNING):
        await world.enter("c0")
    assert [row.step for row in await world.enrollments("c0")] == [None, None, 1]
    assert [row.number for row in await world.rows(select(legs))] == [0], "only the third journey's"
    assert {row.cohort_id for row in await world.rows(select(starts))} == {1, 2, 3}
    assert [row.attributes["points"] for row in await world.rows(select(customers))] == [1], (
        "nothing half done"
    )
    assert "cohort 1: the first leg is left to its workflow (ConfigurationError)" in caplog.text
    assert "c0" not in caplog.text
    request = first_leg(1, 1, world.now)
    with pytest.raises(ConfigurationError, match="Mars/Olympus"):
        await travel(world.store, world.programme, request)
    await put_policy(world, Policy())
    assert [stop.step for stop in (await travel(world.store, world.programme, request)).resting] == [1]


async def put_policy(world: World, policy: Policy) -> None:
    async with world.store.writing() as connection:
        values = {"digest": str(policy), "body": policy.to_json(), "applied_at": world.now}
        await connection.execute(policies.insert().values(**values))
