"""The workflow that carries a cohort: it knows where each member rests and until when, nothing else."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from journeyflow.instants import to_ms
    from journeyflow.workflows.contracts import (
        CohortState,
        Delivery,
        DeliveryCount,
        DeliveryRequest,
        LegOutcome,
        LegRequest,
        WakeUp,
    )
    from journeyflow.workflows.state import next_wake, place, set_out

_TRAVEL_RETRIES = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=30)
)
# After a crash or a fault of ours: what a provider wants to wait for says for how long.
_DELIVER_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


@workflow.defn(name="Cohort")
class Cohort:
    @workflow.init
    def __init__(self, state: CohortState) -> None:
        self._state = state
        self._deliveries: dict[asyncio.Task[None], Delivery] = {}  # under way
        self._suggested_at = 0  # the history's length when continuing as new was first suggested
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = 0
        self._news = False  # wake-ups came since the last look
        self._travelling = False

    @workflow.signal
    def wake(self, wakeups: list[WakeUp]) -> None:
        # Plain, not async: signals that arrive while the run continues as new would be lost.
        self._state.wakeups += wakeups
        self._news = True

    @workflow.query
    def state(self) -> CohortState:
        """Where everyone is, for whoever looks at the workflow."""
        return self._state

    @workflow.query
    def at_rest(self, now: int, held: int = 0) -> bool:
        """Nothing is under way: no leg, no wake-up to look at, nobody due at `now`, no delivery.

        As many deliveries as are `held` do not count: they wait for their next attempt.
        The clock is the asker's: this workflow's own stands still between two of its tasks.
        """
        due = bool(self._state.resting) and next_wake(self._state) <= now
        return not (self._travelling or len(self._deliveries) > held or self._news or due)

    @workflow.run
    async def run(self, _state: CohortState) -> None:
        self._start_deliveries()
        while self._state.resting:
            # Before every leg: with news all the time, waiting for a quiet moment is waiting for ever.
            self._continue_as_new_if_suggested()
            if not await self._travel_due():
                await self._until_due_or_woken()
        await workflow.wait_condition(lambda: not self._deliveries or bool(self._state.deliveries))
        if self._state.deliveries:
            self._continue_as_new()

    async def _travel_due(self) -> bool:
        now = to_ms(workflow.now())
        self._news = False
        arrivals = set_out(self._state, now)
        if arrivals:
            request = LegRequest(self._state.cohort, self._state.leg, now, arrivals)
            self._travelling = True
            outcome: LegOutcome = await workflow.execute_activity(
                "travel",
                request,
                result_type=LegOutcome,
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=_TRAVEL_RETRIES,
            )
            place(self._state, outcome)
            self._start_deliveries()
            self._travelling = False
        return bool(arrivals)

    def _start_deliveries(self) -> None:
        for delivery in self._state.deliveries:
            task = asyncio.create_task(self._deliver(delivery))
            self._deliveries[task] = delivery
            task.add_done_callback(self._deliveries.pop)
        self._state.deliveries = []

    async def _deliver(self, delivery: Delivery) -> None:
        """Turn by turn where there is a rate: new activities, not retries, which come a second apart."""
        while (turn := (await self._deliver_some(delivery)).turn) is not None:
            delivery.turn = turn
            if self._is_time_for_a_new_run(len(self._deliveries) - 1):
                self._state.deliveries.append(delivery)  # there it goes on
                self._news = True
                return

    async def _deliver_some(self, delivery: Delivery) -> DeliveryCount:
        count: DeliveryCount = await workflow.execute_activity(
            "deliver",
            DeliveryRequest(self._state.cohort, delivery.leg, delivery.channel, turn=delivery.turn),
            task_queue=delivery.channel,
            result_type=DeliveryCount,
            start_to_close_timeout=timedelta(hours=1),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=_DELIVER_RETRIES,
            priority=Priority(priority_key=delivery.priority or None),
        )
        return count

    def _continue_as_new_if_suggested(self) -> None:
        if self._is_time_for_a_new_run(len(self._deliveries)):
            self._continue_as_new()

    def _is_time_for_a_new_run(self, under_way: int) -> bool:
        """Temporal suggests it, or another build takes over from this one, whose workers will be stopped.

        Waits for deliveries under way, but not for ever: one whose provider is down may take days.

        The next run then starts them anew, which does nothing twice.
        """
        info = workflow.info()
        if not (info.is_continue_as_new_suggested() or info.is_target_worker_deployment_version_changed()):
            return False
        length = info.get_current_history_length()
        self._suggested_at = self._suggested_at or length
        return not under_way or length > 2 * self._suggested_at

    def _continue_as_new(self) -> None:
        self._state.deliveries += [one for task, one in self._deliveries.items() if not task.done()]
        is_replaced = workflow.info().is_target_worker_deployment_version_changed()
        behavior = workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE if is_replaced else None
        workflow.continue_as_new(self._state, initial_versioning_behavior=behavior)

    async def _until_due_or_woken(self) -> None:
        """Keeps one timer for as long as the earliest deadline is the same."""
        wake_at = next_wake(self._state)
        if self._alarm is None or self._alarm.done() or wake_at != self._alarm_at:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm_at = wake_at
            self._alarm = asyncio.create_task(self._sleep_until(wake_at))
        alarm = self._alarm
        await workflow.wait_condition(lambda: alarm.done() or self._news)

    async def _sleep_until(self, wake_at: int) -> None:
        await workflow.sleep(max(0.001, (wake_at - to_ms(workflow.now())) / 1000))
