"""A cohort that continues as new again and again, with members at many stops, loses no wake-up."""

import random
from collections import Counter
from pathlib import Path

from temporalio.client import Client, WorkflowExecutionStatus

from journeyflow.conditions import EventMatch
from journeyflow.engine.outbox import workflow_id
from journeyflow.plan import Change, End, EnterByEvent, Plan, Update, Wait, WaitFor
from tests.e2e.installation import attributes, installation, just_now, passages, until

_MEMBERS = 80
_EVENTS = ("first", "second", "third")
_SUGGESTED_AT = 60  # history events, instead of thousands
_HOUR = 3600
STAGES = Plan(
    "stages",
    "Three waits in a row",
    "marketing",
    50,
    EnterByEvent(EventMatch("joined")),
    (
        WaitFor("steps/0", (EventMatch("first"),), _HOUR, 1, 6),
        Update("steps/1", 2, (Change("stages", "add", 1),)),
        WaitFor("steps/2", (EventMatch("second"),), _HOUR, 3, 6),
        WaitFor("steps/3", (EventMatch("third"),), _HOUR, 4, 6),
        Update("steps/4", 5, (Change("stages", "add", 1),)),
        Wait("steps/5", 6, 1),
        End("end"),
    ),
)


async def test_no_wake_up_is_lost_between_runs(tmp_path: Path, sqlite_template: Path) -> None:
    config = {"limit.historyCount.suggestContinueAsNew": _SUGGESTED_AT}
    keys = [f"customer-{number}" for number in range(_MEMBERS)]
    async with installation(tmp_path / "made", sqlite_template, dynamic_config=config) as made:
        await made.apply([STAGES], [])
        await made.add_customers(keys)
        await made.happen({"joined": keys}, just_now())
        await made.start_worker()
        await until(lambda: made.has_enrolled(_MEMBERS), "everybody has entered")
        for key, name in _one_by_one(keys):
            await made.happen({name: [key]}, just_now())
            await until(made.has_routed, "the event is on its way")  # in a signal of its own
        await until(lambda: made.all_ended(_MEMBERS), "everybody has had all three events")
        for (key, _), passage in (await passages(made)).items():
            assert Counter(what for _, what in passage.steps)["event"] == len(_EVENTS), key
        assert await attributes(made) == {key: {"stages": 2} for key in keys}
        await _check_runs(await Client.connect(made.server.address))


def _one_by_one(keys: list[str]) -> list[tuple[str, str]]:
    """Everybody's events in their order, but everybody in their own time."""
    chance = random.Random(1)
    ahead = {key: list(_EVENTS) for key in keys}
    turns = [key for key in keys for _ in _EVENTS]
    chance.shuffle(turns)
    return [(key, ahead[key].pop(0)) for key in turns]


async def _check_runs(client: Client) -> None:
    runs = [run async for run in client.list_workflows(f'WorkflowId="{workflow_id(1)}"')]
    statuses = Counter(run.status for run in runs)
    assert statuses[WorkflowExecutionStatus.CONTINUED_AS_NEW] >= 3
    assert statuses[WorkflowExecutionStatus.COMPLETED] == 1
    signals = 0
    for run in runs:
        history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        assert len(history.events) < 4 * _SUGGESTED_AT, "a run went on long after the suggestion"
        signals += sum(
            event.HasField("workflow_execution_signaled_event_attributes") for event in history.events
        )
    assert signals > _MEMBERS
