"""A customer as the pages know them. Whoever has a link that we did not sign is a customer without a row.

Nobody is told apart by what is asked of the store: the number 0 runs the same statements and finds nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.consent import Choice, State
from journeyflow.messages.links import Link
from journeyflow.plan import RESERVED
from journeyflow.store.customers import aliases, consents, customers, events
from journeyflow.store.events import add_event_where
from journeyflow.store.segments import touch

NOBODY = 0  # no customer has this number
BIRTHDAY, FIRST_NAME = "birthday", "first_name"  # the attributes
_OLDEST = date(1900, 1, 1)  # birthday
_JOINED = "member.joined"

Request = Literal["export", "erasure"]


@dataclass(frozen=True, slots=True)
class Person:
    number: int
    is_known: bool = False
    email: str | None = field(default=None, repr=False)
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


async def meant(connection: AsyncConnection, link: Link) -> Link:
    """The same link of whoever was anonymous when it was made, and is a known customer by now."""
    found = await connection.execute(select(aliases.c.customer_id).where(aliases.c.number == link.customer))
    return replace(link, customer=found.scalars().first() or link.customer)


async def load(connection: AsyncConnection, number: int) -> Person:
    query = select(customers.c.email, customers.c.locale, customers.c.attributes)
    row = (await connection.execute(query.where(customers.c.id == number))).one_or_none()
    given = select(consents).where(consents.c.customer_id == number)
    found = {(one.channel, one.topic): one.state for one in await connection.execute(given)}
    return Person(number) if row is None else Person(number, True, *row, found)


def parse_birthday(text: str, today: date) -> date:
    """Raises ValueError for anything but a day in the past."""
    day = date.fromisoformat(text)
    if not _OLDEST <= day < today:
        raise ValueError("nobody was born then")
    return day


async def save(connection: AsyncConnection, person: Person, now: datetime) -> None:
    """Address, language and attributes, of a customer whom this transaction has locked."""
    values = {"email": person.email, "locale": person.locale, "attributes": dict(person.attributes)}
    statement = update(customers).where(customers.c.id == person.number)
    await connection.execute(statement.values(**values, updated_at=now))
    await touch(connection, [person.number], "customer")


async def ask(connection: AsyncConnection, person: Person, what: Request, now: datetime) -> None:
    """An event for the company to act on, once a day however often the button is pressed."""
    key = f"privacy/{what}/{person.number}/{now:%Y-%m-%d}"
    await _tell(connection, person, key, f"privacy.{what}_requested", {}, now)


async def join(connection: AsyncConnection, person: Person, source: str, now: datetime) -> None:
    """An event of whoever has not joined before, here or in any other way."""
    before = events.alias()
    joined = exists().where(before.c.customer_id == person.number, before.c.name == _JOINED)
    await _tell(connection, person, f"registered/{person.number}", _JOINED, {"source": source}, now, ~joined)


async def _tell(
    connection: AsyncConnection,
    person: Person,
    key: str,
    name: str,
    properties: dict[str, Any],
    now: datetime,
    *conditions: ColumnElement[bool],
) -> None:
    """An event, unless there is one with this key. Nobody is told apart: of them there is no row to add."""
    row = {
        "key": f"{RESERVED}{key}",
        "customer_id": person.number,
        "name": name,
        "at": now,
        "received_at": now,
        "properties": properties,
    }
    await add_event_where(connection, row, *conditions)
