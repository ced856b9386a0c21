"""Messages that have left, written into the ledger without the journeys that would have sent them."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.ingest import record_customers
from journeyflow.audience.records import CustomerRow, Proof
from journeyflow.members import enrollment_id
from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import cohorts, enrollments
from journeyflow.store.programme import journey_versions

NOON = datetime(2031, 5, 7, 12, tzinfo=UTC)


async def left(store: Store, *keys: str, channel: str = "email", **values: Any) -> list[int]:
    """A message to each of the customers, who may be new, and its number. It left at noon unless `values` say
    otherwise."""
    rows = [_customer(key, number) for number, key in enumerate(keys)]
    await record_customers(store, rows, NOON, "test")
    async with store.writing() as connection:
        query = select(customers.c.id).where(customers.c.key.in_(keys)).order_by(customers.c.id)
        people = list((await connection.execute(query)).scalars())
        version, cohort = await _cohort(connection, len(people))
        common = {
            "version_id": version, "step": 0, "leg": 0, "journey": "letter", "channel": channel,
            "category": "marketing", "topic": "news", "priority": 50, "template": "hello", "state": "sent",
            "at": NOON, "claimed_at": NOON, "sent_at": NOON,
        }  # fmt: skip
        written = []
        for member, customer in enumerate(people):
            enrollment = await _enroll(connection, version, cohort, member, customer)
            row = {"enrollment_id": enrollment, "customer_id": customer, **common, **values}
            made = insert(messages).values(row).returning(messages.c.id)
            written.append(int((await connection.execute(made)).scalar_one()))
        return written


def _customer(key: str, number: int) -> CustomerRow:
    columns = {"email": f"{key}@example.com", "phone": f"+4670{number:07}"}
    return CustomerRow(key, columns, {}, {"email": "granted", "sms": "granted"}, Proof(NOON))


async def _cohort(connection: AsyncConnection, size: int) -> tuple[int, int]:
    found = (await connection.execute(select(journey_versions.c.id))).scalars().first()
    if found is None:
        values = {"journey": "letter", "digest": "d", "plan": {}, "source": "", "applied_at": NOON}
        made = insert(journey_versions).values(**values).returning(journey_versions.c.id)
        found = (await connection.execute(made)).scalar_one()
    made = insert(cohorts).values(version_id=found, size=size, created_at=NOON).returning(cohorts.c.id)
    return int(found), int((await connection.execute(made)).scalar_one())


async def _enroll(connection: AsyncConnection, version: int, cohort: int, member: int, customer: int) -> int:
    id = enrollment_id(cohort, member)
    values = {
        "id": id, "cohort_id": cohort, "version_id": version, "journey": "letter", "customer_id": customer,
        "occasion": f"{cohort}", "entered_at": NOON, "since": NOON, "reached_at": NOON, "state": "finished",
    }  # fmt: skip
    await connection.execute(insert(enrollments).values(values))
    return id
