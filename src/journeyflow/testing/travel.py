"""Journeys in tests: the real engine on a real store and Temporal's time-skipping server.

async with travelling(store, outbox_folder, environment) as trip:
    await trip.customer("ann", email="ann@example.com", consents={"email": "granted"})
    await trip.event("ann", "order.completed", total=120)
    await trip.skip(hours=1)
    assert [message.template for message in await trip.messages("ann")] == ["order-thanks"]
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Row, func, select
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from journeyflow.audience.ingest import record_customers, record_events
from journeyflow.audience.records import CustomerRow, EventRow, Proof
from journeyflow.bootstrap import channel_worker, journeys_worker
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.channels.webhook import Webhook
from journeyflow.delivery.machines import HOLD
from journeyflow.delivery.reports import handle
from journeyflow.engine import outbox as towards_temporal
from journeyflow.engine.programme import Programme
from journeyflow.engine.refreshing import refresh_all
from journeyflow.engine.route import route
from journeyflow.engine.sweep import sweep
from journeyflow.instants import to_ms
from journeyflow.messages.links import Links
from journeyflow.plan import WEBHOOK
from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import cohorts, enrollments
from journeyflow.store.reports import reports
from journeyflow.store.segments import touched
from journeyflow.workflows.cohort import Cohort

LINKS = Links("https://post.example.com", ["the secret of journeys in tests only"])  # in every message

_COLUMNS = ("email", "phone", "timezone", "locale", "country")
_POLL = 0.01  # seconds
_PATIENCE = 30.0  # seconds


@dataclass(slots=True)
class Trip:
    """Time stands still unless `skip` moves it; after each call everything that is due has been done.

    A delivery that waits for its next attempt, since the receiver wants a pause, is due only then.
    """

    store: Store
    environment: WorkflowEnvironment
    _programme: Programme = field(default_factory=Programme)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def now(self) -> datetime:
        return await self.environment.get_current_time()

    async def customer(self, key: str, consents: dict[str, str] | None = None, **values: Any) -> None:
        columns = {name: values.pop(name) for name in _COLUMNS if name in values}
        now = await self.now()
        row = CustomerRow(key, columns, values, consents or {}, Proof(now))
        await record_customers(self.store, [row], now, "test")

    async def event(self, customer: str, name: str, at: datetime | None = None, **properties: Any) -> None:
        """Something a customer did, now or at another time; taken in and routed."""
        await self.events([(customer, name, at or await self.now(), properties)])

    async def events(self, happened: Iterable[tuple[str, str, datetime, dict[str, Any]]]) -> None:
        """Many at once, which the router finds together."""
        rows = [EventRow(f"test-{next(self._numbers)}", *one) for one in happened]
        await record_events(self.store, rows, await self.now())
        await self.settle()

    async def sweep(self) -> int:
        """What the schedules do every minute; gives how many entered."""
        before = await self._entered()
        await self.settle()  # segments follow what has changed
        now = await self.now()
        await sweep(self.store, self._programme, lambda: now)
        await refresh_all(self.store, self._programme, lambda: now)
        await self.settle()
        return await self._entered() - before

    async def skip(self, **duration: float) -> None:
        """Moves the clock as `timedelta(**duration)` says, through everything that falls due on the way."""
        end = await self.now() + timedelta(**duration)
        while (moment := await self._next_due(end)) is not None:
            await self._move_to(moment)
        await self._move_to(end)

    async def settle(self) -> None:
        """Returns when everything that is due now has been done."""
        async with asyncio.timeout(_PATIENCE):
            while await towards_temporal.pending(self.store, await self.now()):
                await handle(self.store, self._programme, await self.now())
                await route(self.store, self._programme, await self.now())
                await towards_temporal.flush(self.store, self.environment.client)
            for cohort in await self._cohorts():
                while not await self._at_rest(cohort):
                    await asyncio.sleep(_POLL)
            if await towards_temporal.pending(
                self.store, await self.now()
            ):  # one journey has handed over to another
                await self.settle()

    async def messages(self, customer: str) -> list[Row[Any]]:
        """The customer's part of the ledger, oldest first."""
        query = (
            select(messages)
            .join_from(messages, customers, customers.c.id == messages.c.customer_id)
            .where(customers.c.key == customer)
            .order_by(messages.c.id)
        )
        async with self.store.reading() as connection:
            return list(await connection.execute(query))

    async def enrollments(self, customer: str) -> list[Row[Any]]:
        query = (
            select(enrollments)
            .join_from(enrollments, customers, customers.c.id == enrollments.c.customer_id)
            .where(customers.c.key == customer)
            .order_by(enrollments.c.id)
        )
        async with self.store.reading() as connection:
            return list(await connection.execute(query))

    async def _move_to(self, moment: datetime) -> None:
        ahead = moment - await self.now()
        if ahead > timedelta(0):
            await self.environment.sleep(ahead)
        await self.settle()

    async def _next_due(self, end: datetime) -> datetime | None:
        now = await self.now()
        query = select(func.min(enrollments.c.wake_at)).where(
            enrollments.c.state == "active", enrollments.c.wake_at > now
        )
        async with self.store.reading() as connection:
            moments = list((await connection.execute(query)).scalars())
            held = select(func.min(reports.c.received_at)).where(reports.c.handled_at.is_(None))
            due = select(func.min(touched.c.due_at)).where(touched.c.due_at > now)
            moments += list((await connection.execute(due)).scalars())
            moments += [at + HOLD for at in (await connection.execute(held)).scalars() if at is not None]
        for cohort in await self._delivering():
            moments += await self._next_attempts(cohort)
        return min((moment for moment in moments if moment is not None and now < moment < end), default=None)

    async def _delivering(self) -> list[int]:
        """Cohorts that have handed over less than all of their messages."""
        query = select(enrollments.c.cohort_id).join_from(messages, enrollments)
        query = query.where(messages.c.state.in_(["queued", "sending"])).distinct()
        async with self.store.reading() as connection:
            return list((await connection.execute(query)).scalars())

    async def _entered(self) -> int:
        async with self.store.reading() as connection:
            query = select(func.count()).select_from(enrollments)
            return (await connection.execute(query)).scalar_one()

    async def _cohorts(self) -> list[int]:
        async with self.store.reading() as connection:
            return list((await connection.execute(select(cohorts.c.id))).scalars())

    async def _at_rest(self, cohort: int) -> bool:
        handle, now = self._workflow(cohort), await self.now()
        try:
            if await handle.query(Cohort.at_rest, to_ms(now)):
                return True
            held = [moment for moment in await self._next_attempts(cohort) if moment > now]
            return bool(held) and await handle.query(Cohort.at_rest, args=[to_ms(now), len(held)])
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:  # everybody ended in the first leg
                return True
            raise

    async def _next_attempts(self, cohort: int) -> list[datetime]:
        """When the deliveries that were asked to pause go on."""
        described = (await self._workflow(cohort).describe()).raw_description
        return [
            one.last_attempt_complete_time.ToDatetime(UTC)
            + one.last_failure.application_failure_info.next_retry_delay.ToTimedelta()
            for one in described.pending_activities
            # The test server says of every activity that it has started.
            if one.last_attempt_complete_time.ToDatetime(UTC) >= one.last_started_time.ToDatetime(UTC)
            and one.last_failure.application_failure_info.HasField("next_retry_delay")
        ]

    def _workflow(self, cohort: int) -> WorkflowHandle[Cohort, None]:
        return self.environment.client.get_workflow_handle_for(
            Cohort.run, towards_temporal.workflow_id(cohort)
        )


@asynccontextmanager
async def travelling(store: Store, outbox: Path, environment: WorkflowEnvironment) -> AsyncIterator[Trip]:
    """Workers for the journeys and all channels; e-mail and SMS are written into the folder `outbox`."""
    client, webhooks = environment.client, Webhook("test")
    async with (
        journeys_worker(store, client),
        channel_worker(store, client, "email", Outbox(outbox), LINKS),
        channel_worker(store, client, "sms", Outbox(outbox), LINKS),
        channel_worker(store, client, WEBHOOK, webhooks),
    ):
        yield Trip(store, environment)
        await webhooks.close()
