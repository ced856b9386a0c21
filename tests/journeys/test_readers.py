"""What readers do, as their provider reports it: journeys wait for it, and take no machine for a reader."""

from datetime import timedelta
from typing import Any

import pytest

from journeyflow.delivery.machines import HOLD
from journeyflow.testing.travel import Trip
from tests.api.providing import from_sendgrid, providing
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.reading import states, templates

LETTERS = """
    journey: letters
    enter: {event: began}
    exit: [{event: email.complained}]
    steps:
      - send: {email: hello}
      - wait_for:
          event: email.clicked
          timeout: 3 days
          then: [{send: {email: thanks}}]
          otherwise:
            - branch:
                - when: {message: {template: hello, was: opened}}
                  then: [{send: {email: read}}]
                - otherwise: [{send: {email: again}}]
"""
SCANNED = """
    journey: scanned
    enter: {event: scanning}
    steps:
      - send: {email: hello}
      - wait_for:
          event: email.clicked
          where: {machine: {is: true}}
          timeout: 3 days
          then: [{update: {scanned: true}}, {send: {email: thanks}}]
"""
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"


async def report(trip: Trip, key: str, name: str, **more: Any) -> None:
    """SendGrid tells what became of the customer's first letter."""
    now = await trip.now()
    [letter, *_] = await trip.messages(key)
    async with providing(trip.store, now) as sendgrid:
        event: dict[str, Any] = sendgrid.event(name, letter.id, now, **more)
        answer = await sendgrid.post(from_sendgrid([event], now))
        assert answer.status_code == 204
    await trip.settle()


@pytest.fixture
def click() -> dict[str, Any]:
    return {"useragent": PERSON, "url_offset": {"index": 0, "type": "html"}}


async def begin(trip: Trip, name: str, *keys: str) -> None:
    """Each has a letter, which was delivered some time ago."""
    for key in keys:
        await trip.customer(key, {"email": "granted"}, email=f"{key}@example.com")
        await trip.event(key, name)
        await report(trip, key, "delivered")
    await trip.skip(minutes=10)


@on_both_stores
async def test_a_click_wakes_who_waits_for_it_and_a_machines_does_not(
    trip: Trip, apply: Apply, click: dict[str, Any]
) -> None:
    await apply(LETTERS)
    await begin(trip, "began", "ann", "ben", "eve", "joe")
    await report(trip, "ann", "click", **click)
    assert await templates(trip, "ann") == ["hello"], "a click waits for others before it is judged"
    await trip.skip(seconds=HOLD.total_seconds())
    assert await templates(trip, "ann") == ["hello", "thanks"]
    await report(trip, "ben", "open", useragent=PERSON, sg_machine_open=True)
    await report(trip, "ben", "click", **click | {"useragent": "BarracudaCentral/1.0"})
    await report(trip, "eve", "open", useragent=PERSON)
    await report(trip, "joe", "spamreport")
    await trip.skip(days=2)
    assert [await templates(trip, key) for key in ("ben", "eve")] == [["hello"], ["hello"]]
    assert await states(trip, "joe") == [("exited", "exit/0")]
    await trip.skip(days=1)
    assert await templates(trip, "ben") == ["hello", "again"], "nobody has opened it either"
    assert await templates(trip, "eve") == ["hello", "read"]


async def test_a_machine_wakes_who_waits_for_machines(
    trip: Trip, apply: Apply, click: dict[str, Any]
) -> None:
    await apply(SCANNED)
    await begin(trip, "scanning", "ann", "ben")
    await report(trip, "ann", "click", **click | {"useragent": "curl/8.5.0"})
    await report(trip, "ben", "click", **click)
    await trip.skip(**{"seconds": (HOLD + timedelta(seconds=1)).total_seconds()})
    assert await templates(trip, "ann") == ["hello", "thanks"]
    assert await templates(trip, "ben") == ["hello"]
