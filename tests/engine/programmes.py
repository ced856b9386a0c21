"""A store with a programme and customers in it, and no Temporal: the engine's functions called by hand."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.ingest import record_customers, record_events
from journeyflow.audience.records import CustomerRow, EventRow, Proof
from journeyflow.delivery.channels.base import Channel
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, deliver
from journeyflow.engine.programme import Programme
from journeyflow.engine.refreshing import Refreshed, refresh_all
from journeyflow.engine.route import route
from journeyflow.engine.travel import travel
from journeyflow.folder import apply_folder, read_folder
from journeyflow.members import first, to_hex
from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments
from journeyflow.store.types import metadata
from journeyflow.workflows.contracts import Arrival, DeliveryRequest, LegOutcome, LegRequest
from tests.journeys.writing import POLICY, write_programme

NOON = datetime(2031, 5, 7, 12, tzinfo=UTC)
_COLUMNS = ("email", "phone", "timezone", "locale", "country")


@dataclass(slots=True)
class World:
    store: Store
    folder: Path
    now: datetime = NOON
    programme: Programme = field(default_factory=Programme)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def apply(
        self,
        *journeys: str,
        policy: str = POLICY,
        segments: str = "",
        templates: dict[str, str] | None = None,
    ) -> None:
        write_programme(self.folder, *journeys, policy=policy, segments=segments, templates=templates or {})
        await apply_folder(self.store, read_folder(self.folder), self.now)

    async def customers(self, *keys: str, consents: dict[str, str] | None = None, **values: Any) -> None:
        """Reachable on both channels and willing to be, unless `values` and `consents` say otherwise."""
        granted = {"email": "granted", "sms": "granted"} if consents is None else consents
        proof = Proof(self.now)
        rows = [_row(key, number, granted, proof, values) for number, key in enumerate(keys)]
        await record_customers(self.store, rows, self.now, "test")

    async def happen(self, name: str, *keys: str, at: datetime | None = None, **properties: Any) -> None:
        """Each of the customers does something; nobody has heard of it yet."""
        rows = [EventRow(f"e{next(self._numbers)}", key, name, at or self.now, properties) for key in keys]
        await record_events(self.store, rows, self.now)

    async def route(self) -> int:
        return await route(self.store, self.programme, self.now)

    async def refresh(self) -> Refreshed:
        """Segments are asked about everybody, as far as they are due."""
        return await refresh_all(self.store, self.programme, lambda: self.now)

    async def enter(self, *keys: str, name: str = "began") -> None:
        await self.happen(name, *keys)
        await self.route()

    async def travel(self, cohort: int, number: int, step: int, size: int = 1) -> LegOutcome:
        return await travel(self.store, self.programme, self.leg(cohort, number, step, size))

    def leg(self, cohort: int, number: int, step: int, size: int = 1) -> LegRequest:
        """Everyone in the cohort sets out from the stop at `step`."""
        at = int(self.now.timestamp() * 1000)
        return LegRequest(cohort, number, at, [Arrival(step, to_hex(first(size)))])

    async def deliver(
        self, channel: Channel, cohort: int = 1, leg: int = 0, name: str = "email", attempt: int = 1
    ) -> Any:
        courier = Courier(self.store, {name: channel}, self.programme)
        request = DeliveryRequest(cohort, leg, name)
        return await deliver(courier, request, Attempt(attempt, lambda: self.now, lambda: False))

    async def ledger(self, key: str) -> list[tuple[str, str, str | None]]:
        """(template, state, reason) of each of the customer's messages."""
        return [(row.template, row.state, row.reason) for row in await self.messages(key)]

    async def messages(self, key: str) -> list[Row[Any]]:
        owned = messages.join(customers, customers.c.id == messages.c.customer_id)
        query = select(messages).select_from(owned).where(customers.c.key == key).order_by(messages.c.id)
        return await self.rows(query)

    async def enrollments(self, key: str) -> list[Row[Any]]:
        owned = enrollments.join(customers, customers.c.id == enrollments.c.customer_id)
        query = select(enrollments).select_from(owned).where(customers.c.key == key)
        return await self.rows(query.order_by(enrollments.c.id))

    async def rows(self, query: Select[Any]) -> list[Row[Any]]:
        async with self.store.reading() as connection:
            return list(await connection.execute(query))

    async def everything(self) -> dict[str, list[Any]]:
        """All rows of all tables."""
        async with self.store.reading() as connection:
            return {table.name: await _all(connection, table) for table in metadata.sorted_tables}


def _row(
    key: str, number: int, consents: dict[str, str], proof: Proof, values: dict[str, Any]
) -> CustomerRow:
    columns = {"email": f"{key}@example.com", "phone": f"+4670{number:07}"}
    columns |= {name: values[name] for name in _COLUMNS if name in values}
    attributes = {name: value for name, value in values.items() if name not in _COLUMNS}
    return CustomerRow(key, columns, attributes, consents, proof)


async def _all(connection: AsyncConnection, table: Any) -> list[Any]:
    return [tuple(row) for row in await connection.execute(select(table).order_by(*table.primary_key))]


def keys(number: int) -> list[str]:
    return [f"c{index}" for index in range(number)]
