"""The workflow that keeps one partition's routing alive: Temporal restarts it when its worker dies."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from journeyflow.workflows.contracts import RouteRequest

_SECONDS = 600
_RETRIES = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))


@workflow.defn(name="EventRouter")
class EventRouter:
    @workflow.run
    async def run(self, partition: int, partitions: int) -> None:
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.execute_activity(
                "route",
                RouteRequest(partition, partitions, _SECONDS),
                start_to_close_timeout=timedelta(seconds=_SECONDS + 60),
                heartbeat_timeout=timedelta(seconds=5),
                retry_policy=_RETRIES,
            )
        workflow.continue_as_new(args=[partition, partitions])
