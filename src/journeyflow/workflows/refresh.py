"""The workflow that a Temporal Schedule runs: segments are asked about everybody."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from journeyflow.workflows.contracts import RefreshCount


@workflow.defn(name="Refresh")
class Refresh:
    @workflow.run
    async def run(self) -> RefreshCount:
        count: RefreshCount = await workflow.execute_activity(
            "refresh",
            result_type=RefreshCount,
            start_to_close_timeout=timedelta(hours=6),
            heartbeat_timeout=timedelta(seconds=10),
        )
        return count
