"""Branches on everything that can be asked about a customer."""

from datetime import timedelta

import pytest

from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.reading import templates

SEGMENTS = """
    regular: {event: order.completed, within: 90 days, count: {at_least: 2}}
    asleep: {not: {event: visited, within: 30 days}}
"""


def asking(condition: str) -> str:
    return f"""
    journey: asks
    enter: {{event: began}}
    steps:
      - wait: 1 hour
      - branch:
          - when: {condition}
            then: [{{send: {{email: yes-branch}}}}]
          - otherwise: [{{send: {{email: no-branch}}}}]
      - send: {{email: afterwards}}
    """


@on_both_stores
@pytest.mark.parametrize(
    ("condition", "yes"),
    [
        ("{attribute: tier, in: [gold, platinum]}", "ann"),
        ("{attribute: points, at_least: 100}", "ann"),
        ("{event: order.completed, within: 10 days, count: {at_least: 2}}", "ann"),
        ("{event: order.completed, sum: {property: total, at_least: 150}}", "ann"),
        ("{event: order.completed, where: {total: {more_than: 90}}}", "ann"),
        ("{event: visited, since: entry}", "ann"),
        ("{segment: regular}", "ann"),
        ("{not: {segment: asleep}}", "ann"),
        ("{consent: sms}", "ann"),
        ("{trigger: {source: {is: shop}}}", "ann"),
        ("{all: [{consent: sms}, {attribute: tier, is: gold}]}", "ann"),
        ("{any: [{attribute: tier, is: bronze}, {event: refunded}]}", "ben"),
    ],
)
async def test_one_cohort_splits_and_meets_again(trip: Trip, apply: Apply, condition: str, yes: str) -> None:
    await apply(asking(condition), segments=SEGMENTS)
    consents = {"email": "granted", "sms": "granted"}
    await trip.customer("ann", consents, email="ann@example.com", tier="gold", points=100)
    consents["sms"] = "denied"
    await trip.customer("ben", consents, email="ben@example.com", tier="bronze", points=99.5)
    now = await trip.now()
    past = now - timedelta(days=3)
    long_ago = now - timedelta(days=100)
    await trip.events(
        [
            ("ann", "order.completed", past, {"total": 100}),
            ("ann", "order.completed", past, {"total": 50}),
            ("ben", "order.completed", past, {"total": 90}),
            ("ben", "order.completed", long_ago, {"total": 50}),
            ("ben", "visited", long_ago, {}),
            ("ann", "began", now, {"source": "shop"}),
            ("ben", "began", now, {"source": "web"}),
        ]
    )
    await trip.event("ann", "visited")
    await trip.skip(hours=1)
    for key in ("ann", "ben"):
        first = "yes-branch" if key == yes else "no-branch"
        assert await templates(trip, key) == [first, "afterwards"], key


async def test_the_first_arm_that_holds_is_taken_and_without_one_the_way_goes_on(
    trip: Trip, apply: Apply
) -> None:
    await apply("""
        journey: arms
        enter: {event: began}
        steps:
          - branch:
              - when: {attribute: points, at_least: 100}
                then: [{send: {email: hundred}}]
              - when: {attribute: points, at_least: 10}
                then: [{send: {email: ten}}, end]
          - send: {email: last}
    """)
    for key, points in {"ann": 500, "ben": 50, "eve": 5}.items():
        await trip.customer(key, {"email": "granted"}, email=f"{key}@example.com", points=points)
    await trip.customer("joe", {"email": "granted"}, email="joe@example.com")
    now = await trip.now()
    await trip.events((key, "began", now, {}) for key in ("ann", "ben", "eve", "joe"))
    assert await templates(trip, "ann") == ["hundred", "last"]
    assert await templates(trip, "ben") == ["ten"]
    assert await templates(trip, "eve") == await templates(trip, "joe") == ["last"]
    assert {(await trip.enrollments(key))[0].state for key in ("ann", "ben", "eve", "joe")} == {"finished"}


async def test_paths_of_different_length_meet_again_and_each_customer_goes_on_once(
    trip: Trip, apply: Apply
) -> None:
    await apply("""
        journey: meet
        enter: {event: began}
        steps:
          - branch:
              - when: {attribute: fast, is: true}
                then: [{wait: 1 hour}]
              - otherwise: [{wait: 1 day}]
          - wait: {until: "12:00", days: [mon]}
          - send: {email: together}
    """)
    for number in range(20):
        await trip.customer(
            f"c{number}", {"email": "granted"}, email=f"c{number}@example.com", fast=number % 2 == 0
        )
    now = await trip.now()
    await trip.events((f"c{number}", "began", now, {}) for number in range(20))
    await trip.skip(days=15)
    assert [await templates(trip, f"c{number}") for number in range(20)] == [["together"]] * 20
