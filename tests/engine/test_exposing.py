"""Who is exposed to an arm keeps it, and a winner takes all newcomers; on both stores."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select

from journeyflow.assignment import assigned, salt
from journeyflow.audience.merging import Merge, merge
from journeyflow.cli.fate import Moments
from journeyflow.cli.reasons import passage_in_words
from journeyflow.engine.timeline import story
from journeyflow.engine.travel import first_leg, travel
from journeyflow.engine.why import why
from journeyflow.store.customers import customers
from journeyflow.store.experiments import experiments, exposures
from tests.engine.programmes import World, keys

TIMING = """
    journey: timing
    enter: {event: began, again: always}
    steps:
      - experiment:
          name: nudge
          holdout: 20%
          variants:
            a: {share: 40%, steps: [{send: {email: a}}]}
            b: {share: 40%, steps: [{send: {email: b}}]}
"""
ARMS = ["", "a", "b"]
SHARES = [2_000, 4_000, 4_000]
EVERYBODY = keys(30)


def drawn(key: str, generation: int = 1, shares: list[int] = SHARES) -> str:
    return ARMS[assigned(salt("nudge", generation), key, shares)]


async def standing(world: World, **values: Any) -> None:
    row = {"name": "nudge", "journey": "timing", "design": {}, "digest": "", "generation": 1}
    async with world.store.writing() as connection:
        await connection.execute(experiments.delete())
        await connection.execute(insert(experiments).values({**row, "started_at": world.now, **values}))


async def exposed(world: World, generation: int = 1) -> dict[str, tuple[str, int]]:
    """Arm and share by customer."""
    query = select(customers.c.key, exposures.c.arm, exposures.c.share, exposures.c.at)
    rows = await world.rows(query.join(customers).where(exposures.c.generation == generation))
    assert {row.at for row in rows} <= {world.now}
    return {row.key: (row.arm, row.share) for row in rows}


async def templates(world: World, key: str) -> list[str]:
    return [row.template for row in await world.messages(key)]


async def entered(world: World) -> World:
    await world.apply(TIMING)
    await world.customers("somebody-first", *EVERYBODY)
    await world.enter(*EVERYBODY)
    return world


async def test_everybody_is_exposed_where_the_arms_part_once(world: World) -> None:
    await entered(world)
    before = {key: (drawn(key), SHARES[ARMS.index(drawn(key))]) for key in EVERYBODY}
    assert await exposed(world) == before
    assert {arm for arm, _ in before.values()} == set(ARMS)
    first, world.now = world.now, world.now + timedelta(hours=1)
    await world.enter(*EVERYBODY)
    world.now = first
    assert await exposed(world) == before, "at the first time"


async def test_who_was_exposed_keeps_the_arm_under_other_shares_and_who_is_new_gets_the_new_ones(
    world: World,
) -> None:
    """As the shares of a bandit move."""
    await entered(world)
    moved = [2_000, 0, 8_000]
    await standing(world, shares=moved)
    before = {key: await templates(world, key) for key in EVERYBODY}
    newcomers = [f"new-{key}" for key in EVERYBODY]
    await world.customers(*newcomers)
    await world.enter(*EVERYBODY, *newcomers)
    for key in EVERYBODY:
        assert await templates(world, key) == before[key] * 2
    found = await exposed(world)
    assert {key: found[key][0] for key in newcomers} == {key: drawn(key, shares=moved) for key in newcomers}
    assert {found[key] for key in newcomers} == {("", 2_000), ("b", 8_000)}


async def test_an_experiment_that_is_started_anew_draws_anew(sqlite_world: World) -> None:
    world = sqlite_world
    await entered(world)
    await standing(world, generation=2)
    await world.enter(*EVERYBODY)
    anew = {key: arm for key, (arm, _) in (await exposed(world, generation=2)).items()}
    assert anew == {key: drawn(key, generation=2) for key in EVERYBODY}
    assert anew != {key: drawn(key) for key in EVERYBODY}


async def test_a_winner_takes_who_is_new_and_nobody_else(world: World) -> None:
    await entered(world)
    before = await exposed(world)
    await standing(world, winner="b", decided_at=world.now)
    newcomers = [f"new-{key}" for key in EVERYBODY]
    await world.customers(*newcomers)
    await world.enter(*EVERYBODY, *newcomers)
    assert await exposed(world) == before, "nothing is left to be measured"
    for key in newcomers:
        assert await templates(world, key) == ["b"]
    for key in EVERYBODY:
        assert await templates(world, key) == ([drawn(key)] * 2 if drawn(key) else [])
    found = await story(world.store, world.programme, newcomers[0])
    assert found is not None
    assert "experiment nudge: variant b, which has won" in [moment.text for moment in found.moments]
    kept = next(key for key in EVERYBODY if drawn(key) == "a")
    assert await reasons(world, newcomers[0]) == ["the variant b has won and takes everybody who is new"]
    assert await reasons(world, kept) == [
        "the customer's id falls to the variant a",
        "the customer stays with the variant a of an earlier passage",
    ]


async def reasons(world: World, key: str) -> list[str]:
    """What is told of the experiment."""
    account = await why(world.store, world.programme, key)
    assert account is not None
    lines = (
        line for passage in account.passages for line in passage_in_words(passage, Moments(ZoneInfo("UTC")))
    )
    return [line.text.removeprefix("experiment nudge: ") for line in lines if line.where == "steps/0"]


async def test_a_leg_that_is_asked_for_again_stands_also_when_a_winner_was_found_meanwhile(
    sqlite_world: World,
) -> None:
    world = sqlite_world
    await entered(world)
    await standing(world, winner="a", decided_at=world.now)
    before = await world.everything()
    await travel(world.store, world.programme, first_leg(1, len(EVERYBODY), world.now))
    assert await world.everything() == before


async def test_who_travels_another_design_is_not_counted(sqlite_world: World) -> None:
    world = sqlite_world
    await world.apply(TIMING)
    await standing(world, design={"split": "another"}, shares=[0, 0, 10_000])
    await world.customers(*EVERYBODY)
    await world.enter(*EVERYBODY)
    for key in EVERYBODY:
        assert await templates(world, key) == ([drawn(key)] if drawn(key) else [])
    assert await exposed(world) == {}


async def test_a_winner_that_an_earlier_version_does_not_have_is_passed_over(
    sqlite_world: World,
) -> None:
    world = sqlite_world
    await world.apply(TIMING)
    await standing(world, winner="c")
    await world.customers(*EVERYBODY)
    await world.enter(*EVERYBODY)
    for key in EVERYBODY:
        assert await templates(world, key) == ([drawn(key)] if drawn(key) else [])
    assert await exposed(world) == {}


@pytest.mark.parametrize("first", ["ada", "anonymous:d2"])
async def test_who_turns_out_to_be_one_customer_keeps_the_arm_that_came_first(
    world: World, first: str
) -> None:
    await world.apply(TIMING)
    await world.customers("anonymous:d1", "anonymous:d2", "ada")
    await world.enter("anonymous:d1", first)
    world.now += timedelta(minutes=1)
    await world.enter("ada" if first != "ada" else "anonymous:d2")
    await merge(world.store, Merge("anonymous:d2", "ada"), world.now)
    await world.customers("bob")
    await merge(world.store, Merge("anonymous:d1", "bob"), world.now)
    query = select(customers.c.key, exposures.c.arm).join_from(exposures, customers)
    arms = {row.key: row.arm for row in await world.rows(query)}
    assert arms == {"ada": drawn(first), "bob": drawn("anonymous:d1")}
    assert drawn("ada") != drawn("anonymous:d2"), "else the test proves nothing"
