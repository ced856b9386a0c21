"""Experiments: the split itself, sticky, with a holdout that is left alone."""

from collections import defaultdict

from journeyflow.assignment import assigned
from journeyflow.audience.ingest import record_customers
from journeyflow.audience.records import CustomerRow, Proof
from journeyflow.engine.programme import Programme
from journeyflow.engine.timeline import story
from journeyflow.testing.travel import Trip
from journeyflow.workflows.contracts import DecideCount
from journeyflow.workflows.decide import Decide
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.reading import states, templates

TIMING = """
    journey: timing
    enter: {event: began, again: always}
    steps:
      - send: {email: hello}
      - experiment:
          name: nudge-timing
          holdout: 20%
          variants:
            at-once: {share: 40%, steps: [{send: {email: at-once}}]}
            next-day: {share: 30%, steps: [{wait: 1 day}, {send: {email: next-day}}]}
            nothing: {share: 10%, steps: []}
      - send: {email: after}
"""
SHARES = [2_000, 4_000, 3_000, 1_000]
SENT = {
    0: ["hello"],
    1: ["hello", "at-once", "after"],
    2: ["hello", "next-day", "after"],
    3: ["hello", "after"],
}
KEYS = [f"c{number}" for number in range(40)]


async def enter(trip: Trip) -> None:
    for key in KEYS:
        await trip.customer(key, {"email": "granted"}, email=f"{key}@example.com")
    now = await trip.now()
    await trip.events((key, "began", now, {}) for key in KEYS)


@on_both_stores
async def test_a_cohort_is_split_by_the_customers_own_ids(trip: Trip, apply: Apply) -> None:
    await apply(TIMING)
    await trip.customer("somebody-first")  # so that numbers in the store are not those in the keys
    await enter(trip)
    await trip.skip(days=1)
    found = defaultdict(list)
    for key in KEYS:
        variant = assigned("nudge-timing", key, SHARES)
        found[variant].append(key)
        assert await templates(trip, key) == SENT[variant]
        assert await states(trip, key) == [("finished", None)]
    assert set(found) == set(SENT), "there is somebody in each"


async def test_who_comes_back_gets_the_same_variant_also_alone(trip: Trip, apply: Apply) -> None:
    await apply(TIMING)
    await enter(trip)
    await trip.skip(days=1)
    for key in KEYS[:8]:
        once = await templates(trip, key)
        await trip.event(key, "began")
        await trip.skip(days=1)
        assert await templates(trip, key) == once * 2


async def test_a_customers_story_tells_the_variant_and_the_holdout(trip: Trip, apply: Apply) -> None:
    await apply(TIMING)
    await enter(trip)
    await trip.skip(days=1)
    names = ["holdout, so the journey ends here", "variant at-once", "variant next-day", "variant nothing"]
    for key in KEYS[:12]:
        found = await story(trip.store, Programme(), key)
        assert found is not None
        told = [moment.text for moment in found.moments if moment.text.startswith("experiment")]
        assert told == [f"experiment nudge-timing: {names[assigned('nudge-timing', key, SHARES)]}"]


LETTERS = """
    journey: letters
    enter: {event: began, again: always}
    steps:
      - experiment:
          name: pace
          metric: {event: bought, within: 2 days}
          variants:
            slow: {share: 50%, steps: [{wait: 5 days}, {send: {email: slow}}]}
            quick: {share: 50%, steps: [{send: {email: quick}}]}
"""


async def decided(trip: Trip) -> DecideCount:
    with trip.environment.auto_time_skipping_disabled():
        return await trip.environment.client.execute_workflow(Decide.run, id="decide", task_queue="journeys")


async def test_a_winner_takes_who_comes_and_who_was_exposed_keeps_the_arm(trip: Trip, apply: Apply) -> None:
    await apply(LETTERS)
    drawn = {f"c{number}": assigned("pace", f"c{number}", [0, 5_000, 5_000]) for number in range(250)}
    newcomer, slow, *_ = (key for key, arm in drawn.items() if arm == 1)
    quick = [key for key, arm in drawn.items() if arm == 2]
    now, crowd = await trip.now(), [key for key in drawn if key != newcomer]
    rows = [
        CustomerRow(key, {"email": f"{key}@example.com"}, {}, {"email": "granted"}, Proof(now))
        for key in drawn
    ]
    await record_customers(trip.store, rows, now, "test")
    await trip.events((key, "began", now, {}) for key in crowd)
    await trip.skip(days=1)
    now = await trip.now()
    await trip.events((key, "bought", now, {}) for key in quick[5:])
    assert await decided(trip) == DecideCount(), "nobody has had two days yet"
    await trip.skip(days=1)
    assert await decided(trip) == DecideCount(ended=1)
    await apply(LETTERS + "      - wait: 1 hour\n")
    await trip.event(newcomer, "began")
    assert await templates(trip, newcomer) == ["quick"]
    await trip.skip(days=4)
    assert await templates(trip, slow) == ["slow"], "who was inside when it was decided"
    await trip.event(slow, "began")
    await trip.skip(days=6)
    assert await templates(trip, slow) == ["slow", "slow"], "and who comes back"
