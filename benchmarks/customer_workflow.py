"""One workflow for each customer, in a module of its own as in Temporal samples: its sandbox stays cheap."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow


@dataclass
class SendRequest:
    customer: int
    enrollment: int
    step: int
    template: str


@workflow.defn
class CustomerJourney:
    def __init__(self) -> None:
        self._reviewed = False

    @workflow.signal
    def review(self, _event: int) -> None:
        self._reviewed = True

    @workflow.run
    async def run(self, customer: int, enrollment: int) -> None:
        await self._send(SendRequest(customer, enrollment, 0, "thanks"))
        try:
            await workflow.wait_condition(lambda: self._reviewed, timeout=timedelta(days=7))
        except TimeoutError:
            workflow.logger.info("no review came")
        await self._send(SendRequest(customer, enrollment, 2, "reward"))

    async def _send(self, request: SendRequest) -> None:
        await workflow.execute_activity("send", request, start_to_close_timeout=timedelta(seconds=30))
