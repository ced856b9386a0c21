"""Decisions of whoever holds a link.

For nobody the store is asked as often as for a customer who says what they have said before, so that neither
the page nor the time it takes tells whether a link is one of ours.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.api.person import NOBODY, Person
from journeyflow.audience import consent
from journeyflow.audience.consent import Basis, Choice
from journeyflow.policy import Policy
from journeyflow.store.customers import consents


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
    connection: AsyncConnection, policy: Policy, person: Person, channel: str, basis: Basis, now: datetime
) -> None:
    if person.is_known:
        await consent.confirm(connection, policy, person.number, channel, basis, now)
        return
    await _look(connection)
    await _look(connection)


async def _look(connection: AsyncConnection) -> None:
    await consent.lock(connection, [NOBODY])
    await consent.standings(connection, [NOBODY])
