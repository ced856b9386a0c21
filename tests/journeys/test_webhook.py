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
