"""An experiment goes on through edits around it, and edits of its own are refused; on both stores."""

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from journeyflow.errors import JourneyflowError
from journeyflow.experiments import by_hand
from journeyflow.experiments.by_hand import WrongExperiment
from journeyflow.experiments.starting import Change, SpoiltExperiments
from journeyflow.folder import apply_folder, read_folder, try_folder
from journeyflow.store.audit import audit_log
from journeyflow.store.database import Store
from journeyflow.store.experiments import experiments, exposures
from tests.engine.programmes import World
from tests.journeys.writing import POLICY, write_programme

JOURNEY = """
    journey: timing
    enter: {event: began, again: always}
    goal: {event: bought, within: 14 days}
    steps:
      - experiment:
          name: nudge
          variants:
            a: {share: 50%, steps: [{send: {email: a}}]}
            b: {share: 50%, steps: [{send: {email: b}}]}
"""
EDITED = JOURNEY.replace("email: b", "email: c")
AROUND = JOURNEY.replace(
    "steps:\n      - exp", "priority: 80\n    steps:\n      - update: {began: true}\n      - exp"
)
OTHER_SHARES = JOURNEY.replace("a: {share: 50%", "a: {share: 60%").replace("b: {share: 50%", "b: {share: 40%")


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    return World(store, tmp_path / "programme")


async def apply(world: World, journey: str, restart: Collection[str] = ()) -> dict[str, Change]:
    world.now += timedelta(hours=1)
    write_programme(world.folder, journey, policy=POLICY, segments="", templates={})
    outcome = await apply_folder(world.store, read_folder(world.folder), world.now, "ann", restart)
    return outcome.experiments.changes


async def running(world: World) -> None:
    """With somebody in it."""
    await apply(world, JOURNEY)
    await world.customers("ann", "ben")
    await world.enter("ann")


async def row(world: World) -> Any:
    (found,) = await world.rows(select(experiments))
    return found


async def exposed(world: World) -> dict[int, int]:
    """How many in each generation."""
    counted = select(exposures.c.generation, func.count().label("number"))
    return {row.generation: row.number for row in await world.rows(counted.group_by(exposures.c.generation))}


async def test_an_edit_outside_keeps_it_running(world: World) -> None:
    await running(world)
    before = await row(world)
    assert await apply(world, AROUND) == {"nudge": "goes on"}
    assert await row(world) == before
    await world.enter("ann", "ben")
    assert await exposed(world) == {1: 2}


async def test_an_edit_of_its_own_is_refused_and_nothing_is_changed(world: World) -> None:
    await running(world)
    before = await world.everything()
    with pytest.raises(SpoiltExperiments) as refused:
        await apply(world, OTHER_SHARES)
    assert str(refused.value) == (
        'this would spoil the experiment "nudge": the share of a was 50% and is 60%, the share of b was 50% '
        "and is 40%; undo that, or start it anew: journeyflow apply --restart-experiment nudge"
    )
    assert await world.everything() == before
    assert await apply(world, JOURNEY) == {"nudge": "goes on"}, "undone"


async def test_started_anew_it_draws_everybody_again(world: World) -> None:
    await running(world)
    assert await apply(world, EDITED, ["nudge"]) == {"nudge": "started anew"}
    found = await row(world)
    assert (found.generation, found.started_at, found.winner) == (2, world.now, None)
    assert await apply(world, EDITED, ["nudge"]) == {"nudge": "goes on"}, "nobody has come since"
    assert await row(world) == found
    await world.enter("ann", "ben")
    assert await exposed(world) == {1: 1, 2: 2}
    assert await apply(world, EDITED) == {"nudge": "goes on"}
    actions = await world.rows(select(audit_log.c.action, audit_log.c.subject).order_by(audit_log.c.id))
    assert ("experiment started anew", "nudge") in actions


async def test_before_anybody_is_exposed_it_may_be_edited(world: World) -> None:
    await apply(world, JOURNEY)
    assert await apply(world, EDITED) == {"nudge": "another design"}
    assert (await row(world)).generation == 1
    await world.customers("ann")
    await world.enter("ann")
    assert await exposed(world) == {1: 1}, "of the design that is compared"


async def test_one_that_has_ended_may_be_edited_as_long_as_its_winner_stays(world: World) -> None:
    await running(world)
    await by_hand.decide(world.store, "nudge", "b", "spring is over", world.now, "ann")
    design = (await row(world)).design
    assert await apply(world, OTHER_SHARES) == {"nudge": "another design"}
    assert (await row(world)).design == design, "that of the figures"
    with pytest.raises(WrongExperiment, match="was edited after it had ended; start it anew"):
        await by_hand.reopen(world.store, "nudge", world.now, "ann")
    with pytest.raises(SpoiltExperiments, match="the variant b is gone, the variant c is new"):
        await apply(world, JOURNEY.replace("            b:", "            c:"))
    assert await apply(world, JOURNEY) == {"nudge": "goes on"}
    assert await by_hand.reopen(world.store, "nudge", world.now, "ann")
    assert not await by_hand.reopen(world.store, "nudge", world.now, "ann")
    await world.enter("ben")
    assert await exposed(world) == {1: 2}


async def test_one_that_is_gone_keeps_its_row_and_goes_on_when_it_comes_back(world: World) -> None:
    await running(world)
    before = await row(world)
    assert await apply(world, "journey: timing\nenter: {event: began}\nsteps: [{update: {a: 1}}]") == {}
    assert await row(world) == before
    assert await apply(world, AROUND) == {"nudge": "goes on"}


async def test_a_trial_tells_and_changes_nothing(world: World) -> None:
    await running(world)
    before = await world.everything()
    write_programme(world.folder, EDITED, policy=POLICY, segments="", templates={})
    tried = await try_folder(world.store, read_folder(world.folder), world.now)
    assert tried.applied.journeys == {"timing": "new version"}
    assert tried.experiments.changes == {"nudge": "would be spoilt"}
    assert await world.everything() == before


async def test_what_cannot_be_done_is_told(sqlite_store: Store, tmp_path: Path) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await running(world)
    with pytest.raises(
        JourneyflowError, match='no experiment of the programme is called "nudg"; there are: nudge'
    ):
        await apply(world, JOURNEY, ["nudg"])
    with pytest.raises(WrongExperiment, match='no experiment is called "nudg"; did you mean "nudge"'):
        await by_hand.reopen(world.store, "nudg", world.now, "ann")
    with pytest.raises(WrongExperiment, match='no variant of "nudge" is called "c"; use a or b'):
        await by_hand.decide(world.store, "nudge", "c", "why not", world.now, "ann")
    await by_hand.decide(world.store, "nudge", "b", "why not", world.now, "ann")
    with pytest.raises(WrongExperiment, match='was decided for "b" on 2031-05-07; open it again first'):
        await by_hand.decide(world.store, "nudge", "a", "why not", world.now, "ann")
