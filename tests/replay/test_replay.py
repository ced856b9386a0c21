"""Workflows decide the same when they are run again from the histories of earlier versions."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from journeyflow.workflows.cohort import Cohort
from journeyflow.workflows.contracts import CohortState, Delivery, DeliveryCount, DeliveryRequest
from journeyflow.workflows.reconcile import Reconcile
from journeyflow.workflows.router import EventRouter
from journeyflow.workflows.sweep import Sweep
from tests.replay.record import HISTORIES

_RECORDED = sorted(HISTORIES.glob("*/*.json"))
_DELIVERING = HISTORIES / "0.1" / "cohort-conversation.json"


@pytest.mark.parametrize("path", _RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_a_recorded_history_replays(path: Path) -> None:
    await Replayer(workflows=[Cohort, EventRouter, Sweep, Reconcile]).replay_workflow(_read(path))


def test_the_histories_hold_what_the_workflows_do() -> None:
    """And the metadata without which the SDK overlooks changes."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in _RECORDED}
    assert {"cohort-conversation", "cohort-reminder", "router", "sweep", "reconcile"} < set(texts)
    for event in (
        "SIGNALED",
        "TIMER_FIRED",
        "TIMER_CANCELED",
        "ACTIVITY_TASK_COMPLETED",
        "EXECUTION_COMPLETED",
    ):
        assert event in texts["cohort-conversation"], event
    assert "WORKFLOW_EXECUTION_CONTINUED_AS_NEW" in texts["cohort-continues"]
    assert "continuedExecutionRunId" in texts["cohort-continued"]
    for name, text in texts.items():
        assert "coreUsedFlags" in text, name


@workflow.defn(name="Cohort")
class RenamedActivity(Cohort):
    @workflow.init
    def __init__(self, state: CohortState) -> None:
        super().__init__(state)

    @workflow.run
    async def run(self, state: CohortState) -> None:
        await super().run(state)

    async def _deliver(self, delivery: Delivery) -> DeliveryCount:
        count: DeliveryCount = await workflow.execute_activity(
            "hand_over",
            DeliveryRequest(self._state.cohort, delivery.leg, delivery.channel),
            task_queue=delivery.channel,
            result_type=DeliveryCount,
            start_to_close_timeout=timedelta(hours=1),
        )
        return count


@workflow.defn(name="Cohort")
class ExtraTimer(Cohort):
    @workflow.init
    def __init__(self, state: CohortState) -> None:
        super().__init__(state)

    @workflow.run
    async def run(self, state: CohortState) -> None:
        await workflow.sleep(1)
        await super().run(state)


@pytest.mark.parametrize("changed", [RenamedActivity, ExtraTimer])
async def test_a_changed_workflow_does_not_replay(changed: type[Cohort]) -> None:
    replayer = Replayer(workflows=[changed], workflow_runner=UnsandboxedWorkflowRunner())
    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(_read(_DELIVERING))


def _read(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, json.loads(path.read_text(encoding="utf-8")))
