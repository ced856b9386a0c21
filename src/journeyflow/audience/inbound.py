"""What comes in by SMS: an event of everybody who has the number, and what its keyword asks for."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.consent import Basis, Choice, confirming, decide_all, standings
from journeyflow.audience.keywords import Keyword, Reading, mentions_stop, read_keyword
from journeyflow.audience.senders import read_sender
from journeyflow.audience.suppression import STOPPED, is_suppressed, lift, suppress
from journeyflow.errors import JourneyflowError
from journeyflow.plan import RESERVED
from journeyflow.policy import Policy
from journeyflow.store.customers import customers, received_sms
from journeyflow.store.database import Store, insert_ignoring, locked
from journeyflow.store.events import add_events
from journeyflow.store.segments import touch

_EVENTS = {
    Keyword.STOP: "sms.stopped",
    Keyword.HELP: "sms.help",
    Keyword.START: "sms.started",
    Keyword.YES: "sms.started",
    Keyword.JOIN: "sms.joined",
}
_LIFTED: Final = (STOPPED, "erased", "unknown-number")  # what somebody who writes from the number lifts
_LONGEST_TEXT, _LONGEST_ID = 2_000, 200  # characters
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sms:
    sender: str  # E.164
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
    JourneyflowError for a message without an id, as it could not be told from a repeated one, and for STOP
    from what is no telephone number, as somebody believes to have opted out.
    """
    if not 0 < len(message_id) <= _LONGEST_ID:
        raise JourneyflowError(f"the message needs an id of 1 to {_LONGEST_ID} characters from the gateway")
    reading = read_keyword(text, policy.brand.name if policy.brand else "")
    number = read_sender(sender, to, *_numbers(policy))
    if number is None:
        return _from_nobody(reading, text)
    sms = Sms(number, to, _storable(text), message_id, now)
    async with store.writing() as connection:
        await _take_turns(connection, sms)
        if not await _is_first(connection, sms):
            return Received(repeated=True)
        people, lifted = await _find(connection, sms, reading, newcomer)
        await _tell(connection, sms, people, "sms.received", reading, {"text": sms.text})
        changed = await _obey(connection, policy, sms, people, reading, lifted) if reading else []
    _note(reading, sms.text, people)
    return Received(tuple(people), reading, tuple(changed))


def _numbers(policy: Policy) -> list[str]:
    """Ours, for the country: what the gateway calls our number may be a short code."""
    return [policy.senders["sms"].from_] if "sms" in policy.senders else []


def _from_nobody(reading: Reading | None, text: str) -> Received:
    if reading is not None and reading.keyword is Keyword.STOP:
        _log.error("a STOP was LOST: it came from what is no telephone number, so nobody is opted out")
        raise JourneyflowError(
            "this STOP came from what is no telephone number, so nobody is opted out: "
            "find out whose it is from the gateway, by the message's id"
        )
    _log.info("an SMS came from what is no telephone number; it belongs to nobody")
    _note(reading, text, [])
    return Received(reading=reading)


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL, and neither database half of a surrogate pair."""
    return text[:_LONGEST_TEXT].replace("\x00", "").encode(errors="ignore").decode()


async def _take_turns(connection: AsyncConnection, sms: Sms) -> None:
    """Two messages at once from a new number must not make two customers. SQLite has one writer anyway."""
    if connection.dialect.name != "sqlite":
        number = func.hashtextextended(sms.sender, 0)
        await connection.execute(select(func.pg_advisory_xact_lock(number)))


async def _is_first(connection: AsyncConnection, sms: Sms) -> bool:
    statement = insert_ignoring(connection, received_sms).values(id=sms.message_id, at=sms.at)
    return (await connection.execute(statement.returning(received_sms.c.id))).scalar() is not None


async def _find(
    connection: AsyncConnection, sms: Sms, reading: Reading | None, newcomer: str
) -> tuple[list[int], bool]:
    """Whom the message is from, and whether it lifted a suppression.

    STOP is about the number, so that whoever gets it by a later import is not written to either. To suppress
    comes before locks on rows, to lift after those on customers: an erasure suppresses with these in hand.
    """
    keyword = reading.keyword if reading else None
    if keyword is Keyword.STOP:
        await suppress(connection, "sms", [sms.sender], STOPPED, sms.at)
    people = await _people(connection, sms)
    lifted = keyword in (Keyword.START, Keyword.JOIN) and await _lift(connection, sms)
    if not people and keyword is Keyword.JOIN:
        people = [await _create(connection, sms, newcomer)]
    return people, lifted


async def _lift(connection: AsyncConnection, sms: Sms) -> bool:
    if await is_suppressed(connection, "sms", sms.sender) not in _LIFTED:
        return False
    await lift(connection, "sms", sms.sender)
    return True


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
    created = int((await connection.execute(statement)).scalar_one())
    await touch(connection, [created], "everything")
    return created


async def _obey(
    connection: AsyncConnection,
    policy: Policy,
    sms: Sms,
    people: list[int],
    reading: Reading,
    lifted: bool,
) -> list[int]:
    """Do what the keyword asks for and tell journeys; gives those whose consent it changed."""
    choices = await _choices(connection, reading.keyword, people)
    basis = Basis("sms", "customer", wording=sms.text, origin=sms.sender)
    confirmed = reading.keyword in (Keyword.START, Keyword.YES)
    decided = await decide_all(connection, policy, choices, basis, sms.at, confirmed)
    changed = [customer for customer in people if decided.get(customer)]
    if reading.keyword is Keyword.YES and changed:
        await _lift(connection, sms)
    told = changed if reading.keyword is Keyword.YES else people
    answers = people if lifted or reading.keyword in (Keyword.HELP, Keyword.JOIN) else changed
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
        case Keyword.YES:
            found = await standings(connection, list(people))
            return {customer: confirming(one, "sms") for customer, one in found.items()}
        case Keyword.START:
            found = await standings(connection, list(people))
            whole = [Choice("sms", "", "granted")]
            return {
                customer: confirming(one, "sms") + (whole if one.holds("sms", "") in ("denied", None) else [])
                for customer, one in found.items()
            }


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
    await add_events(connection, rows)


def _note(reading: Reading | None, text: str, people: list[int]) -> None:
    """Doubt, either way. The text stands in the event `sms.received` of those customers."""
    who = people or "none"
    if reading is None and mentions_stop(text):
        _log.warning("in doubt: an SMS with a word for stopping was taken as no opt-out; customers: %s", who)
    elif reading is not None and reading.keyword is Keyword.STOP and not reading.sure:
        _log.info("an SMS that says more than STOP was taken as one; customers: %s", who)
