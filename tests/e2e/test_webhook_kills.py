"""kill -9 round webhooks and hand-overs: each customer is told of, under one id, and handed over once."""

import asyncio
import signal
from pathlib import Path

from sqlalchemy import select

from journeyflow.conditions import EventMatch
from journeyflow.plan import Datum, End, EnterByEvent, EnterByHand, HandOver, Plan, Wait, Webhook
from journeyflow.store.ledger import messages
from tests.delivery.channels.receiver import Received, receiving
from tests.e2e.installation import installation, just_now, passages, until

KEYS = [f"customer-{number:02}" for number in range(12)]
_POINTS = ["", "handed over", "leg committed", "webhook claimed:3", "webhook accepted", "webhook accepted:3"]


def plans(url: str) -> list[Plan]:
    """Everybody is told of twice: on the way, and in the journey that they are handed over to."""
    told = (Datum("id", "{{ customer.id }}"),)
    first = (
        Wait("steps/0", 1, 1),
        HandOver("steps/1", 2, "second"),
        Webhook("steps/2", 3, url, told),
        End("end"),
    )
    second = (Webhook("steps/0", 1, url, told), End("end"))
    entry = EnterByEvent(EventMatch("joined"))
    return [
        Plan("first", "First", "marketing", 50, entry, first),
        Plan("second", "Second", "marketing", 50, EnterByHand(), second),
    ]


async def test_everybody_is_told_of_and_handed_over(tmp_path: Path, sqlite_template: Path) -> None:
    runs = (_run(tmp_path / f"at {point}".replace(":", " "), sqlite_template, point) for point in _POINTS)
    for point, received in zip(_POINTS, await asyncio.gather(*runs), strict=True):
        told = {one.headers["webhook-id"]: (one.content["journey"], one.content["data"]) for one in received}
        everybody = [(journey, {"id": key}) for journey in ("first", "second") for key in KEYS]
        assert sorted(told.values(), key=str) == everybody, f"after a kill at the point {point!r}"
        if "accepted" not in point:
            assert len(received) == len(told), "no repeats where nothing was in doubt"


async def _run(folder: Path, template: Path, kill_at: str) -> list[Received]:
    async with receiving() as receiver, installation(folder, template) as made:
        await made.apply(plans(receiver.url), [])
        await made.add_customers(KEYS)
        await made.happen({"joined": KEYS}, just_now())
        worker = await made.start_worker(kill_at)
        if kill_at:
            assert await asyncio.wait_for(worker.dies(), 60) == -signal.SIGKILL, kill_at
            await made.start_worker()
        await until(lambda: made.all_ended(2 * len(KEYS)), f"all journeys have ended {kill_at}")
        assert set(await passages(made)) == {(key, name) for key in KEYS for name in ("first", "second")}
        assert {row.state for row in await made.rows(select(messages.c.state))} == {"sent"}
        return receiver.received
