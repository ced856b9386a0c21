"""The workflow that a Temporal Schedule runs every night: the classes of customers by their purchases."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from journeyflow.workflows.contracts import RfmCount


@workflow.defn(name="Rfm")
class Rfm:
    @workflow.run
    async def run(self) -> RfmCount:
        count: RfmCount = await workflow.execute_activity(
            "rfm",
            result_type=RfmCount,
            start_to_close_timeout=timedelta(hours=6),
            heartbeat_timeout=timedelta(seconds=10),
        )
        return count
