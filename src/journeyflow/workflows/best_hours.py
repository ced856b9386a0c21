"""The workflow that a Temporal Schedule runs every night: at which hours customers act."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from journeyflow.workflows.contracts import BestHoursCount


@workflow.defn(name="BestHours")
class BestHours:
    @workflow.run
    async def run(self) -> BestHoursCount:
        count: BestHoursCount = await workflow.execute_activity(
            "best_hours",
            result_type=BestHoursCount,
            start_to_close_timeout=timedelta(hours=6),
            heartbeat_timeout=timedelta(seconds=10),
        )
        return count
