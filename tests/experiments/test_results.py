"""The results put together from the store: trend, pace, and what became of messages in each arm."""

from pathlib import Path

from journeyflow.experiments.by_hand import decide
from journeyflow.experiments.results import Results, full_results
from journeyflow.experiments.running import known_experiments
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
    assert [one.share for one in found.counts] == [2_000, 4_000, 4_000]
    assert found.experiment.split.metric is not None
    assert found.experiment.split.metric.within == 7 * 86_400


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
