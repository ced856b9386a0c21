"""Decisions of whoever holds a link.

For nobody the store is asked as often as for a customer who says what they have said before, so that neither
the page nor the time it takes tells whether a link is one of ours.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, func, literal, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.api.person import NOBODY, Person
from journeyflow.audience import consent
from journeyflow.audience.consent import Basis, Choice
from journeyflow.audience.suppression import FIELDS, lift_stop
from journeyflow.messages.links import Link
from journeyflow.policy import Policy
from journeyflow.store.customers import consent_log, consents, customers
from journeyflow.store.ledger import messages
from journeyflow.store.segments import touch

NEW_ADDRESS = "new-address"  # the source of denials that come with another address, see `consent_log`


async def decide(
    connection: AsyncConnection,
    policy: Policy,
    person: Person,
    choices: Sequence[Choice],
    basis: Basis,
    now: datetime,
    *,
    confirmed: bool = False,
) -> list[Choice]:
    """As `consent.decide`; nobody decides nothing. Who asks for SMS takes the STOP of their number back."""
    if any(choice.channel == "sms" and choice.state == "granted" for choice in choices):
        await lift_stop(connection, person.number)
    if person.is_known:
        return await consent.decide(connection, policy, person.number, choices, basis, now, confirmed)
    await _look(connection)
    if choices:
        nobodys = consents.c.customer_id == NOBODY
        await connection.execute(update(consents).where(nobodys).values(state="denied"))
        await touch(connection, [NOBODY], "consent")
    return []


async def refuse(
    connection: AsyncConnection,
    policy: Policy,
    person: Person,
    choices: Sequence[Choice],
    basis: Basis,
    now: datetime,
) -> list[Choice]:
    """Denials for everybody who has this customer's address: whoever reads there wants none of it.

    Gives what changed for this customer. Locks them all, by id; see `hold`.
    """
    sharing = await _sharing(connection, person.number)
    if not person.is_known:
        return await decide(connection, policy, person, choices, basis, now)
    theirs = {
        other: [choice for choice in choices if choice.channel in channels]
        for other, channels in sharing.items()
    }
    changed = await consent.decide_all(connection, policy, {person.number: choices, **theirs}, basis, now)
    return changed.get(person.number, [])


async def hold(connection: AsyncConnection, number: int) -> None:
    """Lock the customer and whoever shares an address with them, before one of these alone is locked."""
    await consent.lock(connection, [number, *await _sharing(connection, number)])


async def confirm(
    connection: AsyncConnection, policy: Policy, person: Person, link: Link, basis: Basis, now: datetime
) -> None:
    """A letter that went to an address which has been replaced since confirms nothing for the new one."""
    await consent.lock(connection, [person.number])
    is_outdated = await _is_outdated(connection, link)
    await lift_stop(connection, person.number if link.channel == "sms" and not is_outdated else NOBODY)
    if person.is_known and not is_outdated:
        await consent.confirm(connection, policy, person.number, link.channel, basis, now)
        return
    await _look(connection)
    await _look(connection)


async def _sharing(connection: AsyncConnection, number: int) -> dict[int, set[str]]:
    """Other customers, with the channels on which they have the same address.

    As it is written or in small letters: any other spelling would read the whole table.
    """
    queries = []
    for channel, field in FIELDS.items():
        mine = select(customers.c[field]).where(customers.c.id == number).scalar_subquery()
        is_mine = or_(customers.c[field] == mine, customers.c[field] == func.lower(mine))
        queries.append(
            select(literal(channel).label("channel"), customers.c.id).where(is_mine, customers.c.id != number)
        )
    found: dict[int, set[str]] = {}
    for row in await connection.execute(union_all(*queries)):
        found.setdefault(row.id, set()).add(row.channel)
    return found


async def _is_outdated(connection: AsyncConnection, link: Link) -> bool:
    query = select(
        exists()
        .where(consent_log.c.customer_id == link.customer, consent_log.c.channel == link.channel)
        .where(consent_log.c.source == NEW_ADDRESS, consent_log.c.at > messages.c.claimed_at)
        .where(messages.c.id == link.message, messages.c.customer_id == link.customer)
    )
    return bool((await connection.execute(query)).scalar())


async def _look(connection: AsyncConnection) -> None:
    await consent.lock(connection, [NOBODY])
    await consent.standings(connection, [NOBODY])
