"""The workflow that Temporal Schedules run: entries by date and cron."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from journeyflow.workflows.contracts import SweepCount


@workflow.defn(name="Sweep")
class Sweep:
    @workflow.run
    async def run(self, journey: str = "") -> SweepCount:
        """Of one journey, or of all."""
        count: SweepCount = await workflow.execute_activity(
            "sweep",
            args=[journey] if journey else [],
            result_type=SweepCount,
            start_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=timedelta(seconds=10),
        )
        return count
