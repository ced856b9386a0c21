"""A webhook on its way: through the ledger and its own queue, while the customer goes on."""

from journeyflow.engine.programme import Programme
from journeyflow.engine.timeline import story
from journeyflow.testing.travel import Trip
from tests.delivery.channels.receiver import receiving
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.reading import ledger, states

JOURNEY = """
    journey: tell
    enter: {{event: began}}
    steps:
      - webhook: {{url: {url}, body: {{tier: "{{{{ customer.tier }}}}"}}}}
      - send: {{email: hello}}
      - wait: 1 day
      - webhook: {{url: {url}}}
"""


@on_both_stores
async def test_a_receiver_is_told_once_for_each_customer_and_step(trip: Trip, apply: Apply) -> None:
    async with receiving() as receiver:
        await apply(JOURNEY.format(url=receiver.url))
        for key in ("ann", "ben"):
            await trip.customer(key, {"email": "granted"}, email=f"{key}@example.com", tier="gold")
        now = await trip.now()
        await trip.events((key, "began", now, {"total": 5}) for key in ("ann", "ben"))
        told = {got.content["customer"]["id"]: got.content["data"] for got in receiver.received}
        assert told == {"ann": {"tier": "gold"}, "ben": {"tier": "gold"}}
        await trip.skip(days=1)
        steps = [(got.content["customer"]["id"], got.content["step"]) for got in receiver.received]
        assert sorted(steps) == [(key, step) for key in ("ann", "ben") for step in ("steps/0", "steps/3")]
    assert await ledger(trip, "ann") == [
        ("127.0.0.1", "sent", None),
        ("hello", "sent", None),
        ("127.0.0.1", "sent", None),
    ]
    assert await states(trip, "ann") == [("finished", None)]
    found = await story(trip.store, Programme(), "ann")
    assert found is not None
    assert [m.text for m in found.moments if m.what == "step" and "webhook" in m.text] == [
        "webhook: queued"
    ] * 2


async def test_who_is_down_is_told_later(trip: Trip, apply: Apply) -> None:
    async with receiving() as receiver:
        receiver.answer = lambda _: (503 if len(receiver.received) <= 2 else 200, {})
        await apply(JOURNEY.format(url=receiver.url))
        await trip.customer("ann", {"email": "granted"}, email="ann@example.com", tier="gold")
        await trip.event("ann", "began")
        assert len(receiver.received) == 1
        assert await ledger(trip, "ann") == [
            ("127.0.0.1", "queued", "the receiver answered 503"),
            ("hello", "sent", None),
        ]
        await trip.skip(seconds=30)
        assert len(receiver.received) == 1
        await trip.skip(minutes=5)
        assert len(receiver.received) == 3
        assert len({got.headers["webhook-id"] for got in receiver.received}) == 1
        assert len({got.text for got in receiver.received}) == 1
        await trip.skip(days=1)
    assert [state for _, state, _ in await ledger(trip, "ann")] == ["sent"] * 3
    assert await states(trip, "ann") == [("finished", None)]


async def test_who_has_moved_is_not_followed(trip: Trip, apply: Apply) -> None:
    async with receiving() as receiver:
        receiver.answer = lambda _: (302, {"location": f"{receiver.url}/elsewhere"})
        await apply(JOURNEY.format(url=receiver.url))
        await trip.customer("ann", {"email": "granted"}, email="ann@example.com", tier="gold")
        await trip.event("ann", "began")
        await trip.skip(hours=1)
        assert [got.path for got in receiver.received] == ["/hook"]
    assert await ledger(trip, "ann") == [
        ("127.0.0.1", "failed", "rejected: 302"),
        ("hello", "sent", None),
    ]
    assert await states(trip, "ann") == [("active", None)]


async def test_a_body_without_its_value_ends_the_passage_as_failed(trip: Trip, apply: Apply) -> None:
    async with receiving() as receiver:
        await apply(JOURNEY.format(url=receiver.url))
        for key, values in {"ann": {}, "ben": {"tier": "gold"}}.items():
            await trip.customer(key, {"email": "granted"}, email=f"{key}@example.com", **values)
        now = await trip.now()
        await trip.events((key, "began", now, {}) for key in ("ann", "ben"))
        await trip.skip(days=2)
        assert [got.content["customer"]["id"] for got in receiver.received] == ["ben", "ben"]
    missing = 'webhook "steps/0", "tier" uses "customer.tier", which is missing for this customer'
    [told, sent] = await ledger(trip, "ann")
    assert told[:2] == ("127.0.0.1", "failed")
    assert str(told[2]).startswith(missing)
    assert sent == ("hello", "sent", None)
    assert [state for state, _ in await states(trip, "ann")] == ["failed"]
    assert await states(trip, "ben") == [("finished", None)]
