"""kill -9 of those who take events in and of those who route them, while programs send over HTTP.

INGEST_KILLS says how often, KILL_SEED when. Programs repeat a call, word by word, until it is acknowledged.
"""

import asyncio
import logging
import os
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from journeyflow.conditions import EventMatch
from journeyflow.messages.templates import Template
from journeyflow.plan import End, EnterByEvent, Plan, Send, WaitFor
from journeyflow.store.api_keys import add_key
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.passages import enrollments
from tests.e2e.installation import Installation, Worker, installation, passages, until

KILLS = int(os.environ.get("INGEST_KILLS", "2"))
SEED = int(os.environ.get("KILL_SEED", "1"))
KEY = "jf_kills"
_CALLERS = 3  # programs that send at once
_BATCH = 4  # customers of one call
_PAUSE = 0.4  # seconds of a program between two calls
_LONGEST_LIFE = 2.0  # seconds
_NEVER = 86_400  # seconds that somebody waits for an answer, which comes
_log = logging.getLogger(__name__)

# Who has entered and left may enter again at once: an event that is routed twice is seen.
GREETING = Plan(
    "greeting",
    "A letter at once",
    "marketing",
    50,
    EnterByEvent(EventMatch("joined")),
    (Send("steps/0", 1, "email", "hello"), End("end")),
    again=0,
)
ANSWER = Plan(
    "answer",
    "A letter to whoever answers",
    "marketing",
    50,
    EnterByEvent(EventMatch("joined")),
    (
        WaitFor("steps/0", (EventMatch("answered"),), _NEVER, 1, 2),
        Send("steps/1", 2, "email", "hello"),
        End("end"),
    ),
    again=0,
)
TEMPLATES = [Template("hello", "email", "", text="Hello", subject="Hello", html="<p>Hello</p>")]


@dataclass(slots=True)
class Ingest:
    """The server that takes events in, and what it has acknowledged."""

    made: Installation
    port: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)  # ids of events
    repeated: int = 0  # calls

    async def start(self) -> Worker:
        """Returns when it answers."""
        served = {
            "JOURNEYFLOW_PUBLIC_URL": "https://post.example.com",
            "JOURNEYFLOW_LINK_SECRETS": "only for tests and long enough for them",
        }
        with (self.made.folder / "api.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "journeyflow", "api", "--port", "0",
                env=self.made.environment() | served, cwd=Path(__file__).parents[2],
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self.made.workers.append(Worker(process))
        assert process.stdout is not None
        said = (await process.stdout.readline()).decode()
        self.port = int(said.partition("http://127.0.0.1:")[2].partition(";")[0])
        return self.made.workers[-1]

    async def send(self, client: httpx2.AsyncClient, items: list[dict[str, Any]]) -> None:
        """Again and again, until it is acknowledged."""
        while not await self._is_acknowledged(client, items):
            self.repeated += 1
            await asyncio.sleep(0.1)
        self.acknowledged.update(item["messageId"] for item in items if item["type"] == "track")

    async def _is_acknowledged(self, client: httpx2.AsyncClient, items: list[dict[str, Any]]) -> bool:
        try:
            url = f"http://127.0.0.1:{self.port}/v1/batch"
            answer = await client.post(url, json={"batch": items}, auth=(KEY, ""), timeout=30)
        except httpx2.HTTPError:
            return False
        assert answer.status_code in (200, 503), answer.text
        return answer.status_code == 200


@pytest.mark.timeout(240 + 40 * KILLS)
async def test_every_acknowledged_event_is_routed_once(
    store: Store, tmp_path: Path, sqlite_template: Path
) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    async with installation(tmp_path / "installation", sqlite_template, url=url) as made:
        await made.apply([GREETING, ANSWER], TEMPLATES)
        async with made.store.writing() as connection:
            await add_key(connection, "shop", KEY, ["ingest"], datetime.now(UTC))
        ingest, enough = Ingest(made), asyncio.Event()
        await ingest.start()
        sending = [asyncio.create_task(_tell(ingest, caller, enough)) for caller in range(_CALLERS)]
        killed = await _kill_again_and_again(ingest, Random(SEED))
        enough.set()
        people = sum(await asyncio.gather(*sending))
        await until(
            lambda: made.all_ended(2 * people), f"all journeys have ended, seed {SEED}", 120 + 5 * KILLS
        )
        _log.info("%s, seed %d: %d events, %d calls repeated", killed, SEED, 2 * people, ingest.repeated)
        await _check(made, ingest, people)


async def _tell(ingest: Ingest, caller: int, enough: asyncio.Event) -> int:
    """Customers make themselves known and join; when that is acknowledged, they answer. Gives how many."""
    async with httpx2.AsyncClient() as client:
        for number in count(1):
            people = [f"customer-{caller}-{number}-{position}" for position in range(_BATCH)]
            await ingest.send(client, [item for who in people for item in (_known(who), _did(who, "joined"))])
            await ingest.send(client, [_did(who, "answered") for who in people])
            with suppress(TimeoutError):
                await asyncio.wait_for(enough.wait(), _PAUSE)
                return number * _BATCH
    raise AssertionError("nobody counts so far")


def _known(who: str) -> dict[str, Any]:
    return {
        "type": "identify",
        "userId": who,
        "messageId": f"known-{who}",
        "traits": {"email": f"{who}@example.com", "timezone": "UTC"},
        "context": {"consents": {"email": "granted"}},
    }


def _did(who: str, what: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"type": "track", "userId": who, "event": what, "messageId": f"{what}-{who}", "timestamp": now}


async def _kill_again_and_again(ingest: Ingest, chance: Random) -> Counter[str]:
    """All work again in the end."""
    api, router = ingest.made.workers[-1], await ingest.made.start_worker()
    await router.ready()
    killed: Counter[str] = Counter()
    for _ in range(KILLS):
        life = chance.uniform(0, _LONGEST_LIFE)
        with pytest.raises(TimeoutError):  # nobody dies of anything else
            await asyncio.wait_for(_first_to_die(api, router), life)
        who = chance.choice(["api", "router", "both"])
        killed[who] += 1
        if who != "router":
            await api.kill()
        if who != "api":
            await router.kill()
            router = await ingest.made.start_worker()
        if who != "router":
            api = await ingest.start()
        if who != "api":
            await router.ready()
    return killed


async def _first_to_die(*workers: Worker) -> None:
    dying = [asyncio.create_task(worker.dies()) for worker in workers]
    try:
        await asyncio.wait(dying, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in dying:
            task.cancel()


async def _check(made: Installation, ingest: Ingest, people: int) -> None:
    kept = await made.rows(select(events.c.key, events.c.routed_at))
    assert Counter(row.key for row in kept) == ingest.acknowledged
    assert set(ingest.acknowledged.values()) == {1}
    assert None not in {row.routed_at for row in kept}
    assert len(await made.rows(select(customers.c.id))) == people
    found = await passages(made)  # none twice
    assert Counter(journey for _, journey in found) == {"greeting": people, "answer": people}
    for (key, journey), passage in found.items():
        assert passage.state == "finished", (key, journey, passage)
        step = {"greeting": 0, "answer": 1}[journey]
        assert passage.messages == ((step, "sent"),), (key, journey, passage)
        if journey == "answer":
            assert passage.steps == ((0, "wait"), (0, "event"), (1, "queued")), (key, passage)
    occasions = [row.occasion for row in await made.rows(select(enrollments.c.occasion))]
    assert set(Counter(occasions).values()) == {2}, "each event that joins enters two journeys, once each"
    assert set((await made.accepted()).values()) == {1}
