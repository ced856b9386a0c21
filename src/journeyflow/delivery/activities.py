"""The activities of the queues `email`, `sms` and `webhook`."""

import logging
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, deliver
from journeyflow.delivery.pauses import TryAgain
from journeyflow.delivery.reconcile import reconcile
from journeyflow.engine.activities import attempt_clock, heartbeating
from journeyflow.workflows.contracts import DeliveryCount, DeliveryRequest, Reconciled

_log = logging.getLogger(__name__)


class DeliveryActivities:
    def __init__(self, courier: Courier) -> None:
        self._courier = courier

    @activity.defn(name="deliver")
    async def deliver(self, request: DeliveryRequest) -> DeliveryCount:
        info = activity.info()
        outages = int(info.heartbeat_details[0]) if info.heartbeat_details else 0
        async with heartbeating(outages):
            attempt = Attempt(info.attempt, attempt_clock(), activity.is_worker_shutdown, outages)
            try:
                return await deliver(self._courier, request, attempt)
            except TryAgain as pause:
                if pause.turn is not None:
                    return DeliveryCount(turn=pause.turn)
                activity.heartbeat(pause.outages)  # the next attempt is told
                raise _told(request, pause) from None

    @activity.defn(name="reconcile")
    async def reconcile(self, channel: str) -> Reconciled:
        async with heartbeating():
            return await reconcile(self._courier, channel, attempt_clock()())


def _told(request: DeliveryRequest, pause: TryAgain) -> ApplicationError:
    """The one line about it in the log is ours: the SDK's, with a traceback, is for errors."""
    after = timedelta(seconds=round(pause.after.total_seconds()))
    _log.warning("%s: %d waiting for %s: %s", request.channel, pause.waiting, after, pause.reason)
    return ApplicationError(
        f"{pause.waiting} waiting: {pause.reason}",
        type="TryAgain",
        non_retryable=request.resend,  # the next `Reconcile` comes soon enough
        next_retry_delay=pause.after,
        category=ApplicationErrorCategory.BENIGN,
    )
