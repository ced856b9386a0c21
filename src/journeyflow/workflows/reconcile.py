"""The workflow that a Temporal Schedule runs for a channel: what became of messages that are unknown."""

from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from journeyflow.workflows.contracts import DeliveryCount, DeliveryRequest, Reconciled

_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))


@workflow.defn(name="Reconcile")
class Reconcile:
    @workflow.run
    async def run(self, channel: str) -> Reconciled:
        done: Reconciled = await workflow.execute_activity(
            "reconcile",
            channel,
            task_queue=channel,
            result_type=Reconciled,
            start_to_close_timeout=timedelta(hours=1),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=_RETRIES,
        )
        for request in done.again:
            await self._send_again(request)
        return done

    async def _send_again(self, request: DeliveryRequest) -> None:
        """What cannot go now is still there for the next run, which comes soon."""
        try:
            while (turn := (await self._send_some_again(request)).turn) is not None:
                request = replace(request, turn=turn)
        except ActivityError:
            workflow.logger.info("cohort %d, leg %d: not all was sent again", request.cohort, request.leg)

    async def _send_some_again(self, request: DeliveryRequest) -> DeliveryCount:
        count: DeliveryCount = await workflow.execute_activity(
            "deliver",
            request,
            task_queue=request.channel,
            result_type=DeliveryCount,
            schedule_to_close_timeout=timedelta(minutes=30),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=_RETRIES,
        )
        return count
