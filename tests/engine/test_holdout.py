"""Customers whom the programme leaves alone: nothing that needs consent reaches them, from any journey."""

from datetime import UTC, datetime
from pathlib import Path

from journeyflow.assignment import SLOTS, is_held_out
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.engine.timeline import story
from tests.engine.programmes import World, keys
from tests.journeys.writing import POLICY

HELD_OUT = f"{POLICY}    holdout: 40%\n"
EVERYBODY = keys(20)
ALONE = [key for key in EVERYBODY if is_held_out(key, 4_000)]


def letters(name: str, category: str = "marketing") -> str:
    return f"""
    journey: {name}
    category: {category}
    enter: {{event: began-{name}}}
    goal: {{event: bought, within: 30 days}}
    steps:
      - send: {{email: {name}}}
      - wait: 1 day
    """


async def test_it_holds_for_every_journey_but_for_what_everybody_has_to_get(world: World) -> None:
    names = {"one": "marketing", "two": "marketing", "receipt": "transactional"}
    await world.apply(*(letters(*one) for one in names.items()), policy=HELD_OUT)
    await world.customers("somebody-first", *EVERYBODY)
    for name in names:
        await world.enter(*EVERYBODY, name=f"began-{name}")
    for key in EVERYBODY:
        got = ("dropped", "holdout") if key in ALONE else ("queued", None)
        assert await world.ledger(key) == [("one", *got), ("two", *got), ("receipt", "queued", None)]
    assert 0 < len(ALONE) < len(EVERYBODY)


async def test_who_is_left_alone_travels_on_and_reaches_goals(sqlite_world: World) -> None:
    world, (alone, *_) = sqlite_world, ALONE
    await world.apply(letters("one"), policy=HELD_OUT)
    await world.customers(alone)
    await world.enter(alone, name="began-one")
    [inside] = await world.enrollments(alone)
    assert (inside.state, inside.step) == ("active", 1)
    await world.enter(alone, name="bought")
    assert [row.goal_at for row in await world.enrollments(alone)] == [world.now]
    found = await story(world.store, world.programme, alone)
    assert found is not None
    assert "send: dropped by holdout" in [one.text for one in found.moments]


async def test_it_comes_after_consent_and_after_the_hours(sqlite_world: World) -> None:
    """So that who is left alone and who is not are alike in all but the message."""
    world, (alone, other, *_) = sqlite_world, ALONE
    world.now = datetime(2031, 5, 7, 23, tzinfo=UTC)
    quiet = f'{HELD_OUT}    quiet_hours: [{{from: "21:00", to: "08:00"}}]\n'
    await world.apply(letters("one"), policy=quiet)
    await world.customers(alone)
    await world.customers(other, consents={})
    await world.enter(alone, other, name="began-one")
    assert await world.ledger(other) == [("one", "dropped", "consent")]
    assert await world.ledger(alone) == [("one", "held", "quiet-hours")]
    world.now = datetime(2031, 5, 8, 8, tzinfo=UTC)
    await world.travel(1, 1, 0, 2)
    assert await world.ledger(alone) == [("one", "dropped", "holdout")]


async def test_what_is_queued_does_not_leave_once_the_policy_has_a_holdout(
    world: World, tmp_path: Path
) -> None:
    await world.apply(letters("one"))
    await world.customers(*EVERYBODY)
    await world.enter(*EVERYBODY, name="began-one")
    await world.apply(letters("one"), policy=HELD_OUT)
    await world.deliver(Outbox(tmp_path / "outbox"))
    for key in EVERYBODY:
        got = ("cancelled", "holdout") if key in ALONE else ("sent", None)
        assert await world.ledger(key) == [("one", *got)]


def test_who_was_left_alone_stays_so_as_far_as_it_goes() -> None:
    """The golden part: changing it would move customers in and out of the holdout."""
    held_out = {most: {key for key in keys(2_000) if is_held_out(key, most)} for most in (0, 500, 1_000)}
    assert held_out[0] == set()
    assert held_out[500] < held_out[1_000]
    assert 60 < len(held_out[500]) < 140
    assert ALONE[:4] == ["c1", "c2", "c3", "c6"]
    assert all(is_held_out(key, SLOTS) for key in EVERYBODY)
