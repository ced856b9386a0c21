"""A store moves to PostgreSQL while people are on their way: all go on, nobody twice, nobody lost."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from journeyflow.conditions import EventMatch
from journeyflow.plan import End, EnterByEvent, IfCapped, Plan, Send
from journeyflow.policy import Cap, Category
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments
from tests.databases import Postgresql, create_database, drop_database
from tests.e2e.installation import POLICY, Installation, attributes, installation, just_now, passages, until
from tests.e2e.journeys import CONVERSATION, REMINDER, TEMPLATES
from tests.e2e.runs import ANSWERING, KEYS, Ending, check_undisturbed

_HELD_FOR = 5  # seconds
_CLUB = replace(
    POLICY,
    categories=POLICY.categories | {"club": Category()},
    caps=(Cap(1, _HELD_FOR, category="club"),),
)
CLUB = Plan(
    "club",
    "The second message is held back by the cap",
    "club",
    50,
    EnterByEvent(EventMatch("joined")),
    (
        Send("steps/0", 1, "sms", "last"),
        Send("steps/1", 2, "sms", "last", IfCapped("wait", 60)),
        End("end"),
    ),
)
_MOMENT = timedelta(milliseconds=1)


@pytest.fixture
async def target(postgresql: Postgresql, postgresql_template: str) -> AsyncIterator[str]:
    await create_database(postgresql, "moved", postgresql_template)
    yield postgresql.url("moved")
    await drop_database(postgresql, "moved")


async def test_everybody_goes_on_where_they_were(tmp_path: Path, sqlite_template: Path, target: str) -> None:
    async with installation(tmp_path / "made", sqlite_template) as made:
        joined = await _come_to_rest(made)
        await _move(made, target)
        made.store = Store.open(target)
        made.variables["JOURNEYFLOW_STORE"] = target
        await made.start_worker()
        await made.happen({"answered": ANSWERING}, joined + _MOMENT)
        await until(lambda: made.all_ended(3 * len(KEYS)), "all journeys have ended")
        found = await passages(made)
        accepted = await made.accepted()
        check_undisturbed(Ending(found, await attributes(made), accepted))
        for key in KEYS:
            assert found[key, "club"].messages == ((0, "sent"), (1, "sent"))
        assert set(accepted.values()) == {1}, "a message went out twice"
        assert len(accepted) == 6 * len(KEYS)
        await made.store.close()


async def _come_to_rest(made: Installation) -> datetime:
    """Everybody waits: for time, for an answer, for room under a cap; and no message has been sent."""
    await made.apply([CONVERSATION, REMINDER, CLUB], TEMPLATES, _CLUB)
    await made.add_customers(KEYS)
    joined = just_now()
    await made.happen({"joined": KEYS}, joined)
    made.variables["QUEUES"] = "journeys"
    worker = await made.start_worker()
    await until(lambda: made.has_enrolled(3 * len(KEYS)), "everybody has entered")
    await worker.kill()
    del made.variables["QUEUES"]
    states = Counter(row.state for row in await made.rows(select(messages.c.state)))
    assert states["queued"] >= 2 * len(KEYS)
    assert states["held"] == len(KEYS)
    resting = Counter((row.journey, row.step) for row in await made.rows(select(enrollments)))
    assert resting["conversation", 1] == len(KEYS)
    return joined


async def _move(made: Installation, target: str) -> None:
    await made.store.close()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "journeyflow", "store", "move", target, env=made.environment()
    )
    assert await process.wait() == 0
