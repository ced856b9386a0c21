"""With the shortest retention, and a purge at every stop, everybody travels as without any."""

import pytest
from sqlalchemy import select

from journeyflow.engine.programme import Programme
from journeyflow.engine.purge import purge
from journeyflow.store.customers import events
from journeyflow.testing.travel import Trip
from journeyflow.workflows.contracts import PurgeCount
from journeyflow.workflows.purge import Purge
from tests.journeys.conftest import Apply
from tests.journeys.reading import templates
from tests.journeys.writing import POLICY

# Each step asks something that a purge might have taken away.
JOURNEY = """
    journey: remembering
    enter: {event: began}
    steps:
      - send: {email: hello}
      - wait: 10 days
      - branch:
          - when: {trigger: {plan: {is: gold}}}
            then: [{send: {email: gold}}]
      - wait_for: {event: ordered, timeout: 10 days, then: [{send: {email: ordered}}]}
      - wait: 10 days
      - branch:
          - when: {event: looked, within: 90 days, count: {at_least: 2}}
            then: [{send: {email: looked}}]
      - branch:
          - when: {message: {template: hello, was: sent, within: 90 days}}
            then: [{send: {email: remembered}}]
"""
RETENTION = (
    "    retention: {events: 1 second, messages: 1 second, enrollments: 1 second, audit_log: 1 second}\n"
)


async def run_purge(trip: Trip) -> PurgeCount:
    """As the schedule does."""
    return await trip.environment.client.execute_workflow(Purge.run, id="purge", task_queue="journeys")


@pytest.mark.parametrize("purges", [False, True])
async def test_what_open_passages_need_stays(trip: Trip, apply: Apply, purges: bool) -> None:
    await apply(JOURNEY, policy=POLICY + RETENTION)
    await trip.customer("ann", {"email": "granted"}, email="ann@example.com")
    await trip.event("ann", "looked")
    await trip.event("ann", "looked")
    await trip.event("ann", "began", plan="gold")
    for number in range(4):
        if purges:
            await purge(trip.store, Programme(), await trip.now())
        await trip.skip(days=5, minutes=1)
        if number == 1:
            await trip.event("ann", "ordered")
    assert await templates(trip, "ann") == ["hello", "gold", "ordered", "looked", "remembered"]
    assert await names_of_events(trip) == ["looked", "looked", "began", "ordered"]
    if purges:
        await trip.skip(days=5)
        # Events, messages, the trail of the passage, what its branch saw, the line about the purge before.
        assert (await run_purge(trip)).rows == 4 + 5 + 1 + 1 + 1
        assert await names_of_events(trip) == []
    await trip.event("ann", "began", plan="gold")
    (passage,) = await trip.enrollments("ann")
    assert passage.state == "finished", "and it may not be entered again"


async def names_of_events(trip: Trip) -> list[str]:
    async with trip.store.reading() as connection:
        return list((await connection.execute(select(events.c.name).order_by(events.c.id))).scalars())
