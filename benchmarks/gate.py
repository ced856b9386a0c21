"""What the gate costs: members through consent, suppression, three caps and quiet hours.

    python -m benchmarks.gate [--ledger 1000000] [--store sqlite:///...]

Members come in sets of 500, as in a leg; beside that stands what members cost who are asked for one by one,
in the same run. All of it is told for an empty ledger, too: the gate's cost should grow with the members
and not with the ledger.
"""

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.stage import table
from journeyflow.audience.suppression import suppress
from journeyflow.engine.gate import decide
from journeyflow.engine.leg import Leg, Member
from journeyflow.members import COHORT_SIZE, enrollment_ids
from journeyflow.plan import EnterByHand, Plan, Send
from journeyflow.policy import DAY, Cap, Policy, QuietHours
from journeyflow.store.customers import consents, customers
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.migrate import upgrade
from journeyflow.store.passages import cohorts, enrollments
from journeyflow.store.programme import journey_versions

NOW = datetime(2031, 5, 7, 12, tzinfo=UTC)
CUSTOMERS = 100_000
SEND = Send("steps/0", 1, "sms", "hello")
PLAN = Plan("benchmark", "Benchmark", "marketing", 50, EnterByHand(), (SEND,))
POLICY = Policy(
    caps=(
        Cap(20, 30 * DAY, "sms"),
        Cap(5, DAY, category="marketing"),
        Cap(15, "week"),
    ),
    quiet_hours=(QuietHours("21:00", "08:00", "sms"), QuietHours(channel="sms", country="FR", days=(6,))),
)
ZONES = ("Europe/Stockholm", "America/New_York", "Asia/Tokyo", "Europe/Paris", None)


async def main(ledger: int, url: str | None) -> None:
    rows = []
    for size in dict.fromkeys((0, ledger)):
        async with _store(url) as store:
            await _fill(store, size)
            for number in (1_000, 10_000, 100_000):
                seconds = await _ask(store, number, COHORT_SIZE)
                rows.append((f"{size:,}", f"{number:,}", "500", f"{number / seconds:,.0f}"))
            seconds = await _ask(store, 500, 1)
            rows.append((f"{size:,}", "500", "1", f"{500 / seconds:,.0f}"))
    table(("messages in the ledger", "members", "at a time", "members a second"), rows)


@asynccontextmanager
async def _store(url: str | None) -> AsyncIterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(url or f"sqlite:///{Path(folder)}/gate.db")
        await upgrade(store)
        yield store
        await store.close()


async def _ask(store: Store, number: int, together: int) -> float:
    """Seconds. Nothing is kept."""
    began = perf_counter()
    for first in range(0, number, together):
        async with store.engine.connect() as connection, connection.begin() as transaction:
            leg = _leg(connection, first, together)
            verdicts = await decide(leg, 0, SEND, (1 << together) - 1)
            assert len(verdicts) == together
            await transaction.rollback()
    return perf_counter() - began


def _leg(connection: AsyncConnection, first: int, size: int) -> Leg:
    members = {
        number - first - 1: Member(number - first - 1, number, number, f"c{number}", _zone(number))
        for number in range(first + 1, first + size + 1)
    }
    return Leg(connection, NOW, 1, 0, 1, PLAN, POLICY, members)


def _zone(customer: int) -> str | None:
    return ZONES[customer % len(ZONES)]


async def _fill(store: Store, size: int) -> None:
    """Customers with consents, one in fifty suppressed, and so many messages in the last 60 days."""
    async with store.writing() as connection:
        for first in range(1, CUSTOMERS + 1, 10_000):
            numbers = range(first, first + 10_000)
            await connection.execute(insert(customers), [_customer(number) for number in numbers])
            await connection.execute(insert(consents), [_consent(number) for number in numbers])
        blocked = [_phone(number) for number in range(50, CUSTOMERS, 50)]
        await suppress(connection, "sms", blocked, "manual", NOW)
        await _ledger(connection, size)


def _customer(number: int) -> dict[str, object]:
    return {
        "id": number, "key": f"c{number}", "phone": _phone(number), "timezone": _zone(number),
        "attributes": {}, "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip


def _consent(number: int) -> dict[str, object]:
    state = "denied" if number % 10 == 0 else "granted"
    return {"customer_id": number, "channel": "sms", "topic": "", "state": state, "at": NOW}


def _phone(number: int) -> str:
    return f"+4670{number:07}"


async def _ledger(connection: AsyncConnection, size: int) -> None:
    """Each customer's messages are in enrollments of their own."""
    if not size:
        return
    version = {"journey": "past", "digest": "d", "plan": {}, "source": "", "applied_at": NOW}
    await connection.execute(insert(journey_versions), version)
    for first in range(0, size, COHORT_SIZE):
        cohort = first // COHORT_SIZE + 1
        await connection.execute(
            insert(cohorts), {"id": cohort, "version_id": 1, "size": COHORT_SIZE, "created_at": NOW}
        )
        ids = enrollment_ids(cohort, (1 << COHORT_SIZE) - 1)
        rows = [(id, (first + offset) % CUSTOMERS + 1, first + offset) for offset, id in enumerate(ids)]
        await connection.execute(insert(enrollments), [_enrollment(*row[:2], cohort, row[2]) for row in rows])
        await connection.execute(insert(messages), [_message(*row) for row in rows])


def _enrollment(id: int, customer: int, cohort: int, number: int) -> dict[str, object]:
    at = NOW - timedelta(minutes=number % 86_400)
    return {
        "id": id, "cohort_id": cohort, "version_id": 1, "journey": "past", "customer_id": customer,
        "occasion": str(id), "entered_at": at, "since": at, "reached_at": at, "state": "finished",
    }  # fmt: skip


def _message(enrollment: int, customer: int, number: int) -> dict[str, object]:
    at = NOW - timedelta(minutes=number // CUSTOMERS * 8_640 + number % 8_640)
    return {
        "enrollment_id": enrollment, "step": 0, "leg": 0, "customer_id": customer, "version_id": 1,
        "journey": "past", "channel": ("email", "sms")[number % 2], "category": "marketing", "topic": "",
        "priority": 50, "template": "hello", "state": "sent", "at": at, "sent_at": at,
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ledger", type=int, default=1_000_000, help="messages")
    parser.add_argument("--store", help="an empty database; a SQLite file without it")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.ledger, arguments.store))
