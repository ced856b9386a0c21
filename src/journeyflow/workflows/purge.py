"""The workflow that a Temporal Schedule runs: what retention says goes."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from journeyflow.workflows.contracts import PurgeCount


@workflow.defn(name="Purge")
class Purge:
    @workflow.run
    async def run(self) -> PurgeCount:
        count: PurgeCount = await workflow.execute_activity(
            "purge",
            result_type=PurgeCount,
            start_to_close_timeout=timedelta(hours=6),
            heartbeat_timeout=timedelta(seconds=10),
        )
        return count
