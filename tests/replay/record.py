"""Records the histories that the replay tests check: `.venv/bin/python -m tests.replay.record 0.1`.

Real workers run real workflows on real servers; what those export is written to histories/<version>/.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import update
from temporalio.client import Client, WorkflowHistory

from journeyflow.bootstrap import QUEUES, working
from journeyflow.engine.outbox import workflow_id
from journeyflow.settings import Settings
from journeyflow.store.ledger import messages
from tests.databases import migrate_and_close
from tests.e2e.installation import Installation, installation, just_now, until
from tests.e2e.journeys import CONVERSATION, REMINDER, TEMPLATES
from tests.e2e.test_continue_as_new import STAGES

HISTORIES = Path(__file__).parent / "histories"
_KEYS = [f"customer-{number}" for number in range(6)]
_SUGGESTED_AT = {"limit.historyCount.suggestContinueAsNew": 25}  # history events


def main() -> None:
    folder = HISTORIES / sys.argv[1]
    folder.mkdir(parents=True, exist_ok=True)
    for name, history in asyncio.run(record()).items():
        (folder / f"{name}.json").write_text(history.to_json() + "\n", encoding="utf-8")
        sys.stdout.write(f"{name}: {len(history.events)} events\n")


async def record() -> dict[str, WorkflowHistory]:
    """Histories of every workflow as it is now, by the names of their files."""
    with tempfile.TemporaryDirectory(prefix="journeyflow-") as scratch:
        template = Path(scratch) / "template.db"
        await migrate_and_close(f"sqlite:///{template}")
        async with installation(Path(scratch) / "one", template) as made:
            journeys = await _record_journeys(made)
        async with installation(Path(scratch) / "two", template, dynamic_config=_SUGGESTED_AT) as made:
            continuing = await _record_continuing(made)
    return journeys | continuing


async def _record_journeys(made: Installation) -> dict[str, WorkflowHistory]:
    """Timers, wake-ups, timeouts and deliveries; a sweep; and the router before and after a worker's end."""
    client = await _connect(made)
    await made.apply([CONVERSATION, REMINDER], TEMPLATES)
    await made.add_customers(_KEYS)
    async with _working(made, client):
        await made.happen({"joined": _KEYS, "answered": _KEYS[::2]}, just_now())
        await until(lambda: made.all_ended(2 * len(_KEYS)), "all journeys have ended")
        await client.execute_workflow("Sweep", id="sweep", task_queue=QUEUES[0])
        await _send_again(made)
        await client.execute_workflow("Reconcile", "email", id="reconcile", task_queue=QUEUES[0])
    async with _working(made, client):
        await until(lambda: _has_started(client, "event-router-0", 2), "the router has been started again")
    return {
        "cohort-conversation": await client.get_workflow_handle(workflow_id(1)).fetch_history(),
        "cohort-reminder": await client.get_workflow_handle(workflow_id(2)).fetch_history(),
        "router": await client.get_workflow_handle("event-router-0").fetch_history(),
        "sweep": await client.get_workflow_handle("sweep").fetch_history(),
        "reconcile": await client.get_workflow_handle("reconcile").fetch_history(),
    }


async def _send_again(made: Installation) -> None:
    """Every e-mail is to be sent a second time, as if nobody could tell whether it went out."""
    async with made.store.writing() as connection:
        mails = update(messages).where(messages.c.channel == "email")
        await connection.execute(mails.values(state="queued", resends=1))


async def _record_continuing(made: Installation) -> dict[str, WorkflowHistory]:
    """A run that continues as new with members at several stops, and the run that comes of it."""
    client = await _connect(made)
    await made.apply([STAGES], [])
    await made.add_customers(_KEYS)
    async with _working(made, client):
        await made.happen({"joined": _KEYS}, just_now())
        await until(lambda: made.has_enrolled(len(_KEYS)), "everybody has entered")
        for key in _KEYS:
            for name in ("first", "second", "third"):
                await made.happen({name: [key]}, just_now())
                await until(made.has_routed, "the event is on its way")
        await until(lambda: made.all_ended(len(_KEYS)), "all journeys have ended")
    query = f'WorkflowId="{workflow_id(1)}"'
    runs = sorted([run async for run in client.list_workflows(query)], key=lambda run: run.start_time)
    handles = [client.get_workflow_handle(run.id, run_id=run.run_id) for run in runs]
    return {
        "cohort-continues": await handles[0].fetch_history(),
        "cohort-continued": await handles[1].fetch_history(),
    }


async def _connect(made: Installation) -> Client:
    # Without a name of its own the client would write this machine's into the histories.
    return await Client.connect(made.server.address, identity="recorder")


@asynccontextmanager
async def _working(made: Installation, client: Client) -> AsyncIterator[None]:
    settings = Settings(outbox=made.folder / "outbox")
    async with working(settings, made.store, client, QUEUES):
        yield


async def _has_started(client: Client, id: str, times: int) -> bool:
    history = await client.get_workflow_handle(id).fetch_history()
    return (
        sum(event.HasField("activity_task_scheduled_event_attributes") for event in history.events) >= times
    )


if __name__ == "__main__":
    main()
