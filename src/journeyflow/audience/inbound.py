"""What comes in by SMS: an event of everybody who has the number, and what its keyword asks for."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.consent import Basis, Choice, confirming, decide_all, standings
from journeyflow.audience.keywords import Keyword, Reading, read_keyword
from journeyflow.audience.records import RecordError
from journeyflow.audience.suppression import is_suppressed, lift, parse_address, suppress
from journeyflow.errors import JourneyflowError
from journeyflow.plan import RESERVED
from journeyflow.policy import Policy
from journeyflow.store.customers import customers, events, received_sms
from journeyflow.store.database import Store, insert_ignoring, locked

_EVENTS = {
    Keyword.STOP: "sms.stopped",
    Keyword.HELP: "sms.help",
    Keyword.START: "sms.started",
    Keyword.YES: "sms.started",
    Keyword.JOIN: "sms.joined",
}
_STOPPED: Final = "stopped"  # the only reason of a suppression that the person can lift by SMS
_LONGEST_TEXT, _LONGEST_ID = 2_000, 200  # characters
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sms:
    sender: str | None  # E.164; None: no telephone number
    to: str
    text: str
    message_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Received:
    customers: tuple[int, ...] = ()  # everybody who has the number
    reading: Reading | None = None
    changed: tuple[int, ...] = ()  # of the customers: those whose consent it changed
    repeated: bool = False  # the message had been taken in before; nothing was done


async def receive_sms(
    store: Store,
    policy: Policy,
    *,
    sender: str,
    to: str,
    text: str,
    message_id: str,
    newcomer: str,
    now: datetime,
) -> Received:
    """Take a message in, once for each `message_id`; what it asks for is done when this returns.

    `newcomer` is the id that a customer gets who comes by this message; it must be random. Raises
    JourneyflowError for a message without an id, as it could not be told from a repeated one.
    """
    if not 0 < len(message_id) <= _LONGEST_ID:
        raise JourneyflowError(f"the message needs an id of 1 to {_LONGEST_ID} characters from the gateway")
    sms = Sms(_phone(sender), to, _storable(text), message_id, now)
    reading = read_keyword(text, policy.brand.name if policy.brand else "")
    async with store.writing() as connection:
        await _take_turns(connection, sms)
        if not await _is_first(connection, sms):
            return Received(repeated=True)
        people = await _people(connection, sms)
        if not people and sms.sender is not None and reading is not None and reading.keyword is Keyword.JOIN:
            people = [await _create(connection, sms, newcomer)]
        await _tell(connection, sms, people, "sms.received", reading, {"text": sms.text})
        changed = await _obey(connection, policy, sms, people, reading) if reading else []
    _note(reading, people, sms)
    return Received(tuple(people), reading, tuple(changed))


def _phone(sender: str) -> str | None:
    """Gateways write numbers with 00, without +, or with spaces."""
    digits = "".join(character for character in sender if character in "0123456789")
    try:
        return parse_address("sms", "+" + digits.removeprefix("00")) or None
    except RecordError:  # a short code, or a name
        return None


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL, and neither database half of a surrogate pair."""
    return text[:_LONGEST_TEXT].replace("\x00", "").encode(errors="ignore").decode()


async def _take_turns(connection: AsyncConnection, sms: Sms) -> None:
    """Two messages at once from a new number must not make two customers. SQLite has one writer anyway."""
    if connection.dialect.name != "sqlite" and sms.sender is not None:
        number = func.hashtextextended(sms.sender, 0)
        await connection.execute(select(func.pg_advisory_xact_lock(number)))


async def _is_first(connection: AsyncConnection, sms: Sms) -> bool:
    statement = insert_ignoring(connection, received_sms).values(id=sms.message_id, at=sms.at)
    return (await connection.execute(statement.returning(received_sms.c.id))).scalar() is not None


async def _people(connection: AsyncConnection, sms: Sms) -> list[int]:
    """Everybody who has the number, locked."""
    query = select(customers.c.id).where(customers.c.phone == sms.sender).order_by(customers.c.id)
    return list((await connection.execute(locked(connection, query, of=customers))).scalars())


async def _create(connection: AsyncConnection, sms: Sms, key: str) -> int:
    values: dict[str, Any] = {
        "key": key,
        "phone": sms.sender,
        "attributes": {},
        "created_at": sms.at,
        "updated_at": sms.at,
    }
    statement = insert(customers).values(values).returning(customers.c.id)
    return int((await connection.execute(statement)).scalar_one())


async def _obey(
    connection: AsyncConnection, policy: Policy, sms: Sms, people: list[int], reading: Reading
) -> list[int]:
    """Do what the keyword asks for and tell journeys; gives those whose consent it changed."""
    choices = await _choices(connection, reading.keyword, people)
    basis = Basis("sms", "customer", wording=sms.text, origin=sms.sender)
    confirmed = reading.keyword in (Keyword.START, Keyword.YES)
    decided = await decide_all(connection, policy, choices, basis, sms.at, confirmed)
    changed = [customer for customer in people if decided.get(customer)]
    if sms.sender is not None:
        await _suppress_or_lift(connection, sms, sms.sender, people, reading.keyword)
    told = changed if reading.keyword is Keyword.YES else people
    answers = people if reading.keyword in (Keyword.HELP, Keyword.JOIN) else changed
    await _tell(connection, sms, told, _EVENTS[reading.keyword], reading, {}, answers[:1])
    return changed


async def _choices(
    connection: AsyncConnection, keyword: Keyword, people: Iterable[int]
) -> Mapping[int, Sequence[Choice]]:
    match keyword:
        case Keyword.HELP:
            return {}
        case Keyword.STOP:
            return {customer: [Choice("sms", "", "denied")] for customer in people}
        case Keyword.JOIN:
            return {customer: [Choice("sms", "", "granted")] for customer in people}
        case Keyword.START | Keyword.YES:
            found = await standings(connection, list(people))
            again = ("denied", None) if keyword is Keyword.START else ("denied",)
            whole = [Choice("sms", "", "granted")]
            return {
                customer: confirming(one, "sms") + (whole if one.holds("sms", "") in again else [])
                for customer, one in found.items()
            }


async def _suppress_or_lift(
    connection: AsyncConnection, sms: Sms, phone: str, people: list[int], keyword: Keyword
) -> None:
    """A number that nobody has is kept from whoever gets it by a later import."""
    if keyword is Keyword.STOP and not people:
        await suppress(connection, "sms", [phone], _STOPPED, sms.at)
    opts_in = keyword in (Keyword.START, Keyword.YES, Keyword.JOIN)
    if opts_in and await is_suppressed(connection, "sms", phone) == _STOPPED:
        await lift(connection, "sms", phone)


async def _tell(
    connection: AsyncConnection,
    sms: Sms,
    people: Iterable[int],
    name: str,
    reading: Reading | None,
    properties: dict[str, Any],
    answers: Sequence[int] = (),
) -> None:
    """An event of each; `answer` is true for the one who is to be answered, as one number gets one answer."""
    keyword = {"keyword": str(reading.keyword)} if reading else {}
    rows = [
        {
            "key": f"{RESERVED}{name}/{sms.message_id}/{customer}",
            "customer_id": customer,
            "name": name,
            "at": sms.at,
            "received_at": sms.at,
            "properties": {**properties, **keyword, "to": sms.to, "answer": customer in answers},
        }
        for customer in people
    ]
    if rows:
        await connection.execute(insert(events), rows)


def _note(reading: Reading | None, people: list[int], sms: Sms) -> None:
    if reading is not None and reading.keyword is Keyword.STOP and not reading.sure:
        _log.info("an SMS that says more than STOP was taken as one; customers: %s", people or "none")
    if sms.sender is None:
        _log.info("an SMS came from what is no telephone number; it belongs to nobody")
