"""The activity of the queues `email`, `sms` and `webhook`."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from journeyflow.delivery.deliver import Attempt, Courier, TryAgain, deliver
from journeyflow.engine.activities import attempt_clock, heartbeating
from journeyflow.workflows.contracts import DeliveryCount, DeliveryRequest


class DeliveryActivities:
    def __init__(self, courier: Courier) -> None:
        self._courier = courier

    @activity.defn(name="deliver")
    async def deliver(self, request: DeliveryRequest) -> DeliveryCount:
        async with heartbeating():
            attempt = Attempt(activity.info().attempt, attempt_clock(), activity.is_worker_shutdown)
            try:
                return await deliver(self._courier, request, attempt)
            except TryAgain as pause:
                raise ApplicationError(
                    "some messages have to wait", type="TryAgain", next_retry_delay=pause.after
                ) from None
