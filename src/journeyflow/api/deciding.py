"""Decisions of whoever holds a link.

For nobody the store is asked as often as for a customer who says what they have said before, so that neither
the page nor the time it takes tells whether a link is one of ours.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.api.person import NOBODY, Person
from journeyflow.audience import consent
from journeyflow.audience.consent import Basis, Choice
from journeyflow.messages.links import Link
from journeyflow.policy import Policy
from journeyflow.store.customers import consent_log, consents
from journeyflow.store.ledger import messages

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
    """As `consent.decide`; nobody decides nothing."""
    if person.is_known:
        return await consent.decide(connection, policy, person.number, choices, basis, now, confirmed)
    await _look(connection)
    if choices:
        nobodys = consents.c.customer_id == NOBODY
        await connection.execute(update(consents).where(nobodys).values(state="denied"))
    return []


async def confirm(
    connection: AsyncConnection, policy: Policy, person: Person, link: Link, basis: Basis, now: datetime
) -> None:
    """A letter that went to an address which has been replaced since confirms nothing for the new one."""
    await consent.lock(connection, [person.number])
    is_outdated = await _is_outdated(connection, link)
    if person.is_known and not is_outdated:
        await consent.confirm(connection, policy, person.number, link.channel, basis, now)
        return
    await _look(connection)
    await _look(connection)


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
