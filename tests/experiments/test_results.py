"""The results put together from the store: trend, pace, and what became of messages in each arm."""

from pathlib import Path

import pytest
from sqlalchemy import delete

from journeyflow.cli.results_tables import tables
from journeyflow.engine.deciding import decide_all
from journeyflow.experiments.by_hand import decide
from journeyflow.experiments.figures import figures
from journeyflow.experiments.results import Results, full_results
from journeyflow.experiments.running import known_experiments
from journeyflow.experiments.sentence import sentences
from journeyflow.store.customers import events
from journeyflow.store.database import Store
from tests.engine.programmes import World, keys
from tests.experiments.filling import DAY, ArmMade, fill
from tests.journeys.writing import POLICY

JOURNEY = """
    journey: nudges
    enter: {event: began}
    steps:
      - experiment:
          name: timing
          holdout: 20%
          metric: {event: order.completed, within: 7 days}
          variants:
            letter: {share: 40%, steps: [{send: {email: letter}}]}
            text: {share: 40%, steps: [{send: {sms: text}}]}
"""
FIXED = JOURNEY.replace("variants:", "decide: {method: fixed, stop_after: 60 days}\n          variants:")


async def results(world: World) -> Results:
    async with world.store.reading() as connection:
        [experiment] = await known_experiments(connection)
        return await full_results(connection, experiment, world.now)


async def test_what_stopped_messages_is_told_by_arm(store: Store, tmp_path: Path) -> None:
    world = World(store, tmp_path / "programme")
    await world.apply(JOURNEY, policy=POLICY)
    await world.customers(*keys(40), consents={"email": "denied", "sms": "granted"})
    await world.enter(*keys(40))
    await world.travel(1, 0, 0, size=40)
    found = await results(world)
    exposed = {one.arm: one.exposed for one in found.counts}
    assert sum(exposed.values()) == 40
    assert min(exposed.values()) > 0
    assert {fate.arm: (fate.sent, fate.lost) for fate in found.fates} == {
        "": (0, {}),
        "letter": (0, {"dropped: consent": exposed["letter"]}),
        "text": (0, {"queued": exposed["text"]}),
    }


async def test_of_a_fixed_test_nobody_counts_who_came_too_late(sqlite_store: Store, tmp_path: Path) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply(FIXED.replace("60 days", "8 days"), policy=POLICY)
    await world.customers(*keys(20), consents={"email": "denied", "sms": "denied"})
    for cohort, some in enumerate((keys(20)[:10], keys(20)[10:]), start=1):
        await world.enter(*some)
        await world.travel(cohort, 0, 0, size=10)
        world.now += 10 * DAY
    found = await results(world)
    messages = sum(number for fate in found.fates for number in fate.lost.values())
    assert messages == sum(one.exposed for one in found.counts if one.arm) > 0


async def test_what_ended_stays_as_it_was_when_more_is_known(sqlite_store: Store, tmp_path: Path) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply(JOURNEY)
    arms = [ArmMade("", 2_000, 0.1), ArmMade("letter", 4_000, 0.05), ArmMade("text", 4_000, 0.25)]
    await fill(sqlite_store, "timing", arms, 1_000, world.now - 20 * DAY, days=20)
    assert (await decide_all(sqlite_store, world.now)).ended == 1
    at_its_end = await results(world)
    async with sqlite_store.writing() as connection:
        await connection.execute(delete(events))
    world.now += 30 * DAY
    later = await results(world)
    assert later.verdict is not None
    assert later.verdict.state == "running"
    assert (later.state, later.days_left) == ("decided", None)
    assert figures(later)["leader"] == "text"
    assert sentences(later)[0] == sentences(at_its_end)[0]


@pytest.mark.parametrize(("journey", "letters"), [(FIXED, 4_000), (JOURNEY, 6_000)])
async def test_what_is_not_over_or_not_to_be_trusted_shows_no_intervals(
    journey: str, letters: int, sqlite_store: Store, tmp_path: Path
) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply(journey)
    arms = [ArmMade("", 2_000, 0.1), ArmMade("letter", letters, 0.2), ArmMade("text", 8_000 - letters, 0.25)]
    await fill(sqlite_store, "timing", arms, 1_000, world.now - 20 * DAY, days=20)
    found = await results(world)
    assert found.trend == ()
    told = tables(found)
    assert [table.title for table in told] == ["Arms"]
    assert [row[told[0].headings.index("likely best")] for row in told[0].rows] == ["-"] * 3


async def test_a_journey_that_is_gone_leaves_its_results(sqlite_store: Store, tmp_path: Path) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply(JOURNEY)
    other = JOURNEY.replace("name: timing", "name: another").replace("20%", "10%").replace("40%", "45%")
    await world.apply(other)
    async with sqlite_store.reading() as connection:
        found = await known_experiments(connection)
    assert [(one.name, one.split.holdout) for one in found] == [("another", 1_000), ("timing", 2_000)]


async def test_one_that_was_edited_after_its_end_keeps_its_results(
    sqlite_store: Store, tmp_path: Path
) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply(JOURNEY)
    await decide(sqlite_store, "timing", "text", "spring is over", world.now, "ann")
    other = JOURNEY.replace("20%", "0%").replace("40%", "50%").replace("within: 7 days", "within: 8 days")
    await world.apply(other)
    found = await results(world)
    assert (found.experiment.winner, found.experiment.decided_at) == ("text", world.now)
    assert [one.share for one in found.counts] == [2_000, 4_000, 4_000]
    assert found.experiment.split.metric is not None
    assert found.experiment.split.metric.within == 7 * 86_400
    world.now -= DAY
    before = (await results(world)).experiment
    assert (before.winner, before.decided_at, before.decision) == (None, None, None)


async def test_the_trend_ends_where_the_figures_are_and_the_pace_is_that_of_late(
    sqlite_store: Store, tmp_path: Path
) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply(JOURNEY)
    arms = [ArmMade("", 2_000, 0.1), ArmMade("letter", 4_000, 0.2), ArmMade("text", 4_000, 0.25)]
    await fill(sqlite_store, "timing", arms, 1_000, world.now - 20 * DAY, days=20)
    found = await results(world)
    assert found.verdict is not None
    assert found.verdict.state == "running"
    assert found.trend[-1].comparisons == found.verdict.against_first
    assert len(found.trend) == 14
    assert found.verdict.more is not None
    lately = [one for one in found.days if one.arm and one.day >= (world.now - 14 * DAY).date()]
    a_day = sum(one.exposed for one in lately) / 14.5
    assert found.days_left == found.verdict.more / a_day
