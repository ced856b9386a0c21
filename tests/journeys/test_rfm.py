"""The nightly computation as the schedule starts it: who moves travels, once, and segments follow."""

from datetime import timedelta

from journeyflow.testing.travel import Trip
from journeyflow.workflows.contracts import RfmCount
from journeyflow.workflows.rfm import Rfm
from tests.journeys.conftest import Apply
from tests.journeys.reading import states, templates
from tests.journeys.writing import POLICY

GREETING = """
    journey: greeting
    enter: {event: rfm.moved_up, where: {to: {is: champion}}}
    exit: [{when: {not: {rfm: {class: {in: [loyal, champion]}}}}}]
    steps:
      - branch:
          - when: {rfm: {class: {in: [loyal, champion]}, frequency: {at_least: 4}}}
            then: [{send: {email: hello}}]
      - wait: 200 days
"""
JOINING = """
    journey: joining
    enter: {segment: rfm-champion}
    steps: [{send: {email: joined}}]
"""


async def night(trip: Trip) -> RfmCount:
    with trip.environment.auto_time_skipping_disabled():
        done = await trip.environment.client.execute_workflow(Rfm.run, id="rfm", task_queue="journeys")
    await trip.settle()
    return done


async def test_who_moves_up_is_greeted_once_and_leaves_when_moved_down(trip: Trip, apply: Apply) -> None:
    await apply(GREETING, JOINING, policy=f"{POLICY}    purchases: {{event: ordered, value: total}}\n")
    now = await trip.now()
    for key in ("ann", "ben", "eve", "joe"):
        await trip.customer(key, {"email": "granted"}, email=f"{key}@example.com")
    ago = {"ann": 40, "ben": 100, "eve": 200, "joe": 300}
    await trip.events((key, "ordered", now - timedelta(days=d), {"total": 9}) for key, d in ago.items())
    assert await night(trip) == RfmCount(changed=4)
    await trip.event("ann", "ordered", total=90)
    assert (await night(trip)).moved_up == 1
    assert await night(trip) == RfmCount(), "the same night once more"
    await trip.skip(days=1)
    assert sorted(await templates(trip, "ann")) == ["hello", "joined"]
    for key in ("ben", "eve", "joe"):
        assert await templates(trip, key) == [], key
    await trip.skip(days=50)
    for key in ("ben", "eve", "joe"):
        await trip.event(key, "ordered", total=1)
    assert (await night(trip)).moved_down == 1
    await trip.skip(days=150)
    assert await states(trip, "ann") == [("exited", "exit/0"), ("finished", None)]
