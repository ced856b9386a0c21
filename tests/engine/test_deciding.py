"""A rule that is met ends an experiment once, and a bandit's shares follow what is known; on both stores."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select, update

from journeyflow.engine.deciding import Decided, decide_all
from journeyflow.engine.status import Tried, status
from journeyflow.experiments.by_hand import reopen
from journeyflow.store.audit import audit_log
from journeyflow.store.experiments import experiments
from tests.engine.programmes import World
from tests.engine.test_exposing import exposed, standing

NOBODY_YET = Decided()


def timing(decide: str, guardrails: str = "") -> str:
    return f"""
    journey: timing
    enter: {{event: began, again: always}}
    steps:
      - experiment:
          name: nudge
          metric: {{event: bought, within: 2 days}}
          decide: {decide}
          {guardrails}
          variants:
            a: {{share: 50%, steps: []}}
            b: {{share: 50%, steps: [{{send: {{email: b}}}}]}}
    """


async def run(world: World, journey: str, buyers: dict[str, float], number: int = 400) -> None:
    """So many enter, and such a part of each arm buys within the time."""
    await world.apply(journey)
    await standing(world)
    everybody = [f"c{index}" for index in range(number)]
    await world.customers(*everybody)
    await world.enter(*everybody)
    arms: dict[str, list[str]] = {"": [], "a": [], "b": []}
    for key, (arm, _) in (await exposed(world)).items():
        arms[arm].append(key)
    world.now += timedelta(days=1)
    for arm, keys in arms.items():
        await world.happen("bought", *keys[: round(len(keys) * buyers.get(arm, 0.0))])


async def row_of(world: World) -> Row[Any]:
    return (await world.rows(select(experiments)))[0]


async def noted(world: World) -> list[Row[Any]]:
    query = select(audit_log).where(audit_log.c.action == "experiment decided")
    return await world.rows(query)


async def test_a_rule_that_is_met_ends_it_once_and_the_winner_takes_newcomers(world: World) -> None:
    await run(world, timing("{minimum: 100}"), {"a": 0.1, "b": 0.5})
    assert await decide_all(world.store, world.now) == NOBODY_YET, "nobody's time is over"
    world.now += timedelta(days=2)
    done = await asyncio.gather(*(decide_all(world.store, world.now) for _ in range(3)))
    assert sorted(one.ended for one in done) == [0, 0, 1]
    row = await row_of(world)
    assert (row.winner, row.decided_at) == ("b", world.now)
    assert row.decision["by"] == "rule"
    assert [one["matured"] for one in row.decision["counts"]] == [len_of("a", row), len_of("b", row)]
    [line] = await noted(world)
    assert (line.subject, line.actor, line.detail) == ("nudge", "journeyflow", row.decision)
    [journey] = await status(world.store, world.programme)
    assert journey.experiments == [Tried("nudge", 400, world.now, "b")]
    await world.customers("newcomer")
    await world.enter("newcomer")
    assert [one.template for one in await world.messages("newcomer")] == ["b"]
    assert await decide_all(world.store, world.now) == NOBODY_YET


def len_of(arm: str, row: Row[Any]) -> int:
    return int(next(one["exposed"] for one in row.decision["counts"] if one["arm"] == arm))


async def test_what_was_opened_again_by_hand_is_not_ended_again(sqlite_world: World) -> None:
    world = sqlite_world
    await run(world, timing("{minimum: 100}"), {"a": 0.1, "b": 0.5})
    world.now += timedelta(days=2)
    assert await decide_all(world.store, world.now) == Decided(ended=1)
    assert await reopen(world.store, "nudge", world.now, "sam")
    assert await decide_all(world.store, world.now) == NOBODY_YET
    assert (await row_of(world)).winner is None


async def test_no_difference_ends_it_too_when_its_time_is_over(sqlite_world: World) -> None:
    world = sqlite_world
    journey = timing("{method: fixed, minimum: 100, stop_after: 7 days}")
    await run(world, journey, {"a": 0.3, "b": 0.3})
    world.now += timedelta(days=7)
    assert await decide_all(world.store, world.now) == NOBODY_YET, "the last ones have two days more"
    world.now += timedelta(days=1)
    assert await decide_all(world.store, world.now) == Decided(ended=1)
    row = await row_of(world)
    assert (row.winner, row.decided_at, row.decision["state"]) == (None, world.now, "no-difference")


async def test_it_ends_as_well_when_nobody_came(world: World) -> None:
    await run(world, timing("{method: fixed, minimum: 100, stop_after: 7 days}"), {"a": 1, "b": 1}, number=1)
    world.now += timedelta(days=9)
    assert await decide_all(world.store, world.now) == Decided(ended=1)
    [against] = (await row_of(world)).decision["against_first"]
    assert (against["low"], against["high"]) == (None, None)


@pytest.mark.parametrize(
    ("method", "winner", "shares"), [("sequential", "a", None), ("bandit", None, [0, 10_000, 0])]
)
async def test_who_breaks_a_guardrail_leaves_it_to_the_rest(
    sqlite_world: World, method: str, winner: str | None, shares: list[int] | None
) -> None:
    world = sqlite_world
    journey = timing(f"{{method: {method}, minimum: 100}}", "guardrails: {complained: 1%}")
    await run(world, journey, {"a": 0.1, "b": 0.5})
    complaining = [key for key, (arm, _) in (await exposed_before(world)).items() if arm == "b"][:100]
    await world.happen("email.complained", *complaining)
    world.now += timedelta(days=2)
    await decide_all(world.store, world.now)
    row = await row_of(world)
    assert (row.winner, row.shares) == (winner, shares)


async def exposed_before(world: World) -> dict[str, tuple[str, int]]:
    now, world.now = world.now, world.now - timedelta(days=1)
    found = await exposed(world)
    world.now = now
    return found


async def test_the_shares_of_a_bandit_follow_what_is_known(world: World) -> None:
    await run(world, timing("{method: bandit, minimum: 100, floor: 10%}"), {"a": 0.1, "b": 0.3})
    assert await decide_all(world.store, world.now) == NOBODY_YET
    world.now += timedelta(days=2)
    assert await decide_all(world.store, world.now) == Decided(shared=1)
    row = await row_of(world)
    assert (row.shares, row.winner, row.decided_at) == ([0, 1_000, 9_000], None, None)
    assert await decide_all(world.store, world.now) == NOBODY_YET, "nothing new is known"
    await world.happen("bought", *(f"c{index}" for index in range(300)), at=world.now - timedelta(days=1))
    async with world.store.writing() as connection:  # as if it had been opened again
        await connection.execute(update(experiments).values(decision={"by": "hand"}))
    assert await decide_all(world.store, world.now) == Decided(shared=1)


async def test_the_floor_is_of_all_customers_also_beside_a_holdout(sqlite_world: World) -> None:
    world = sqlite_world
    journey = timing("{method: bandit, minimum: 50, floor: 10%}").replace("share: 50%", "share: 30%")
    await run(
        world,
        journey.replace("name: nudge", "name: nudge\n          holdout: 40%"),
        {"a": 0.1, "b": 0.9},
    )
    world.now += timedelta(days=2)
    assert await decide_all(world.store, world.now) == Decided(shared=1)
    assert (await row_of(world)).shares == [4_000, 1_000, 5_000]
