"""The workflow that a Temporal Schedule runs every hour: whether experiments are over."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from journeyflow.workflows.contracts import DecideCount


@workflow.defn(name="Decide")
class Decide:
    @workflow.run
    async def run(self) -> DecideCount:
        count: DecideCount = await workflow.execute_activity(
            "decide",
            result_type=DecideCount,
            start_to_close_timeout=timedelta(hours=1),
            heartbeat_timeout=timedelta(seconds=10),
        )
        return count
