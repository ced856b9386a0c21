"""kill -9 at random moments under load. KILLS says how many, KILL_SEED which moments."""

import asyncio
import os
import random
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select

from journeyflow.store.customers import customers
from journeyflow.store.ledger import messages
from tests.e2e.installation import Installation, Worker, attributes, installation, just_now, passages, until
from tests.e2e.journeys import CONVERSATION, REMINDER, TEMPLATES

KILLS = int(os.environ.get("KILLS", "3"))
SEED = int(os.environ.get("KILL_SEED", "1"))
_BATCH = 6  # customers who join together; the first half answers
_PAUSE = 0.25  # seconds between two batches
_LONGEST_LIFE = 2.0  # seconds from a worker's start of work to its death


@pytest.mark.timeout(180 + 15 * KILLS)
async def test_at_random_moments_under_load(tmp_path: Path, sqlite_template: Path) -> None:
    async with installation(tmp_path / "installation", sqlite_template) as made:
        await made.apply([CONVERSATION, REMINDER], TEMPLATES)
        enough = asyncio.Event()
        load = asyncio.create_task(_join(made, enough))
        await _kill_again_and_again(made, random.Random(SEED))
        enough.set()
        await load
        await made.start_worker()
        entered = 2 * len(await made.rows(select(customers.c.id)))
        await until(lambda: made.all_ended(entered), f"all journeys have ended, seed {SEED}", 120)
        await _check(made)


async def _join(made: Installation, enough: asyncio.Event) -> None:
    for number in count():
        keys = [f"customer-{number}-{position}" for position in range(_BATCH)]
        await made.add_customers(keys)
        now = just_now()
        await made.happen({"joined": keys, "answered": keys[: _BATCH // 2]}, now)
        with suppress(TimeoutError):
            await asyncio.wait_for(enough.wait(), _PAUSE)
            return


async def _kill_again_and_again(made: Installation, chance: random.Random) -> None:
    worker = await made.start_worker()
    for _ in range(KILLS):
        await worker.ready()
        life = chance.uniform(0, _LONGEST_LIFE)
        with pytest.raises(TimeoutError):  # nobody dies of anything else
            await asyncio.wait_for(worker.dies(), life)
        worker = await _kill(made, worker, chance.choice(["worker", "worker", "worker", "both"]))
    await worker.kill()


async def _kill(made: Installation, worker: Worker, who: str) -> Worker:
    await worker.kill()
    if who == "both":
        await made.server.kill()
        await made.server.start()
    return await made.start_worker()


async def _check(made: Installation) -> None:
    found = await passages(made)
    for (key, journey), passage in found.items():
        assert passage.state == "finished", (key, journey, passage)
        assert {state for _, state in passage.messages} == {"sent"}, (key, journey, passage)
        assert len(passage.messages) == {"conversation": 3, "reminder": 1}[journey], (key, passage)
    for key, changed in (await attributes(made)).items():
        answered = int(key.rpartition("-")[2]) < _BATCH // 2
        assert changed == {"points" if answered else "silent": 1, "rounds": 1}, key
    ledger = {str(row.id) for row in await made.rows(select(messages.c.id))}
    assert {path.stem for path in (made.folder / "outbox").iterdir() if path.suffix != ".part"} == ledger
    assert set((await made.accepted()).values()) == {1}
