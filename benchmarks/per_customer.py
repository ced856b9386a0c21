"""What journeyflow is measured against: one workflow for each customer, as one would write it by hand.

It does the same for each customer: looks up consent, renders the same template, gives it to the same provider
and writes the same row into the same ledger table.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks.customer_workflow import CustomerJourney, SendRequest
from benchmarks.stage import JOURNEY, POLICY, TEMPLATES, Counting
from journeyflow.delivery.channels.base import Outgoing
from journeyflow.members import enrollment_id
from journeyflow.messages.render import Renderer
from journeyflow.store.customers import consents, customers
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import cohorts, enrollments

QUEUE = "per-customer"
_AT_ONCE = 50  # calls to the server under way


class Sender:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._renderer = Renderer()
        self._templates = {template.name: template for template in TEMPLATES}
        self._channel = Counting()

    @activity.defn(name="send")
    async def send(self, request: SendRequest) -> None:
        async with self._store.writing() as connection:
            query = select(customers).join(consents, consents.c.customer_id == customers.c.id)
            granted = (consents.c.channel == "email", consents.c.state == "granted")
            found = await connection.execute(query.where(customers.c.key == str(request.customer), *granted))
            row = found.one()
            accepted = await self._channel.send(self._compose(row, request))
            await connection.execute(insert(messages).values(_row(request, row.id, accepted.provider_id)))

    def _compose(self, row: Any, request: SendRequest) -> Outgoing:
        context = {"customer": row.attributes, "event": {}, "journey": {}, "sender": {}}
        rendered = self._renderer.render(self._templates[request.template], context)
        sender = POLICY.senders["email"]
        now = datetime.now(UTC)
        return Outgoing(0, "email", row.email, sender, now, rendered.subject, rendered.html, rendered.text)


def worker(client: Client, store: Store) -> Worker:
    return Worker(client, task_queue=QUEUE, workflows=[CustomerJourney], activities=[Sender(store).send])


async def prepare(store: Store, number: int) -> None:
    """The rows that the ledger's foreign keys want; not part of what is measured."""
    now = datetime.now(UTC)
    async with store.writing() as connection:
        await connection.execute(insert(cohorts).values(id=1, version_id=1, size=1, created_at=now))
        await connection.execute(
            insert(enrollments), [_enrollment(customer, now) for customer in range(1, number + 1)]
        )


async def start(client: Client, numbers: Sequence[int]) -> None:
    async def one(number: int) -> None:
        await start_one(client, number)

    await _at_most(one, numbers)


async def start_one(client: Client, number: int) -> None:
    arguments = [number, _enrollment_id(number)]
    await client.start_workflow(
        CustomerJourney.run, args=arguments, id=f"customer-{number}", task_queue=QUEUE
    )


async def review(client: Client, numbers: Sequence[int]) -> None:
    async def one(number: int) -> None:
        handle = client.get_workflow_handle(f"customer-{number}")
        await handle.signal(CustomerJourney.review, number)

    await _at_most(one, numbers)


async def _at_most(call: Callable[[int], Awaitable[None]], numbers: Iterable[int]) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> None:
        async with slots:
            await call(number)

    await asyncio.gather(*map(one, numbers))


def _enrollment_id(customer: int) -> int:
    return enrollment_id(1, customer)


def _enrollment(customer: int, now: datetime) -> dict[str, Any]:
    return {
        "id": _enrollment_id(customer), "cohort_id": 1, "version_id": 1, "journey": JOURNEY.journey,
        "customer_id": customer, "occasion": "benchmark", "entered_at": now, "since": now, "reached_at": now,
        "state": "active",
    }  # fmt: skip


def _row(request: SendRequest, customer: int, provider_id: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "enrollment_id": request.enrollment, "step": request.step, "leg": 0, "customer_id": customer,
        "version_id": 1, "channel": "email", "category": "marketing", "template": request.template,
        "state": "sent", "at": now, "claimed_at": now, "sent_at": now, "provider_id": provider_id,
    }  # fmt: skip
