"""The activity of the queues `email`, `sms` and `webhook`."""

import logging
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, TryAgain, deliver
from journeyflow.engine.activities import attempt_clock, heartbeating
from journeyflow.workflows.contracts import DeliveryCount, DeliveryRequest

_log = logging.getLogger(__name__)


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
                raise _told(request.channel, pause) from None


def _told(channel: str, pause: TryAgain) -> ApplicationError:
    """The one line about it in the log is ours: the SDK's, with a traceback, is for errors."""
    after = timedelta(seconds=round(pause.after.total_seconds()))
    _log.warning("%s: %d waiting for %s: %s", channel, pause.waiting, after, pause.reason)
    return ApplicationError(
        f"{pause.waiting} waiting: {pause.reason}",
        type="TryAgain",
        next_retry_delay=pause.after,
        category=ApplicationErrorCategory.BENIGN,
    )
