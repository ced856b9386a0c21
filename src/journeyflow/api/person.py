"""A customer as the pages know them. Whoever has a link that we did not sign is a customer without a row.

Nobody is told apart by what is asked of the store: the number 0 runs the same statements and finds nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Text, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.consent import Choice, State
from journeyflow.plan import RESERVED
from journeyflow.store.customers import consents, customers, events
from journeyflow.store.database import insert_ignoring
from journeyflow.store.types import Json, UtcDateTime

NOBODY = 0  # no customer has this number
BIRTHDAY = "birthday"  # the attribute

Request = Literal["export", "erasure"]


@dataclass(frozen=True, slots=True)
class Person:
    number: int
    is_known: bool = False
    locale: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    consents: Mapping[tuple[str, str], State] = field(default_factory=dict)  # by channel and topic; "": all

    @property
    def birthday(self) -> str:
        """As a field for dates takes it; empty when there is none, or one without its year."""
        try:
            return date.fromisoformat(str(self.attributes.get(BIRTHDAY, ""))).isoformat()
        except ValueError:
            return ""

    def holds(self, channel: str, topic: str) -> State | None:
        return self.consents.get((channel, topic)) or self.consents.get((channel, ""))

    def deciding(self, choices: list[Choice]) -> "Person":
        return replace(
            self, consents={**self.consents, **{(one.channel, one.topic): one.state for one in choices}}
        )

    def with_birthday(self, day: date | None) -> "Person":
        """None takes it away."""
        others = {name: value for name, value in self.attributes.items() if name != BIRTHDAY}
        return replace(self, attributes=others | ({BIRTHDAY: day.isoformat()} if day else {}))


async def load(connection: AsyncConnection, number: int) -> Person:
    query = select(customers.c.locale, customers.c.attributes).where(customers.c.id == number)
    row = (await connection.execute(query)).one_or_none()
    given = select(consents).where(consents.c.customer_id == number)
    found = {(one.channel, one.topic): one.state for one in await connection.execute(given)}
    return Person(number) if row is None else Person(number, True, row.locale, row.attributes, found)


async def save(connection: AsyncConnection, person: Person, now: datetime) -> None:
    """Language and attributes, of a customer whom this transaction has locked."""
    values = {"locale": person.locale, "attributes": dict(person.attributes), "updated_at": now}
    await connection.execute(update(customers).where(customers.c.id == person.number).values(**values))


async def ask(connection: AsyncConnection, person: Person, what: Request, now: datetime) -> None:
    """An event for the company to act on, once a day however often the button is pressed."""
    key = f"{RESERVED}privacy/{what}/{person.number}/{now:%Y-%m-%d}"
    columns = ["key", "customer_id", "name", "at", "received_at", "properties"]
    row = select(
        literal(key, Text),
        customers.c.id,
        literal(f"privacy.{what}_requested", Text),
        literal(now, UtcDateTime),
        literal(now, UtcDateTime),
        literal({}, Json),
    ).where(customers.c.id == person.number)
    await connection.execute(insert_ignoring(connection, events).from_select(columns, row))
