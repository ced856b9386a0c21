"""Where everyone is, in numbers, on a store whose content is known."""

from collections import Counter
from datetime import timedelta

from sqlalchemy import select

from journeyflow.engine.status import Resting, status
from journeyflow.store.programme import journey_versions
from tests.engine.programmes import World, keys

JOURNEY = """
    journey: reviews
    enter: {event: began}
    exit: [{event: stopped}, {when: {attribute: quiet, is: true}}]
    goal: {event: bought}
    steps:
      - send: {email: hello}
      - update: {points: {add: 1}}
      - id: the-review
        wait_for: {event: reviewed, timeout: 2 days}
      - wait: 1 hour
"""
OTHER = """
    journey: another
    enter: {event: never}
    steps: [{send: {sms: hi}}]
"""


async def fill(world: World) -> None:
    """Seven came in: one without consent, one whose points are no number, one stopped, two went on."""
    await world.apply(JOURNEY, OTHER)
    await world.customers(*keys(5), points=0)
    await world.customers("mute", consents={}, points=0)
    await world.customers("odd", points="many")
    await world.enter(*keys(5), "mute", "odd")
    await world.enter("c0", name="stopped")
    await world.enter("c1", "c2", name="bought")


async def test_numbers(world: World) -> None:
    await fill(world)
    another, reviews = await status(world.store, world.programme)
    [digest] = [row.digest for row in await world.rows(select(journey_versions)) if row.journey == "reviews"]
    assert (another.name, another.entered, another.resting, another.messages) == ("another", 0, [], Counter())
    assert (reviews.name, reviews.version, reviews.enabled) == ("reviews", digest, True)
    assert (reviews.entered, reviews.inside, reviews.finished, reviews.failed) == (7, 5, 0, 1)
    assert reviews.reached_goal == 2
    assert reviews.exited == {"exit/0": 1}
    due = world.now + timedelta(days=2)
    assert reviews.resting == [Resting(digest, "the-review", "wait_for", 5, due, due)]
    assert reviews.messages == {("email", "queued", ""): 6, ("email", "dropped", "consent"): 1}


async def test_those_of_an_older_version_are_told_apart(world: World) -> None:
    await fill(world)
    world.now += timedelta(hours=1)
    await world.apply(JOURNEY.replace("2 days", "3 days"))
    await world.customers("late", points=0)
    await world.enter("late")
    another, reviews = await status(world.store, world.programme)
    assert another.enabled is False
    assert [stop.members for stop in reviews.resting] == [5, 1]
    old, new = reviews.resting
    assert new.version == reviews.version != old.version
    assert new.first_due == world.now + timedelta(days=3)


async def test_an_empty_store_has_no_journeys(world: World) -> None:
    assert await status(world.store, world.programme) == []
