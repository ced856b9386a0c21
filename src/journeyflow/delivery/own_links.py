"""The links of one message to its customer's own pages."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.errors import ConfigurationError
from journeyflow.messages.links import Links
from journeyflow.policy import Category, Policy
from journeyflow.sandbox import LINKS
from journeyflow.store.ledger import messages


@dataclass(frozen=True, slots=True)
class OwnLinks:
    unsubscribe_url: str
    preferences_url: str
    confirm_url: str
    can_refuse: bool  # the message rests on consent, so the customer must get out of it with one press

    def context(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in LINKS}


async def own_links(
    connection: AsyncConnection, links: Links | None, policy: Policy, ids: Collection[int]
) -> dict[int, OwnLinks]:
    """By the message's number. Without secrets there are none."""
    if links is None or not ids:
        return {}
    query = select(messages.c.id, messages.c.customer_id, messages.c.channel, messages.c.category)
    return {
        id: OwnLinks(
            links.unsubscribe_url(customer, id, channel),
            links.preferences_url(customer, id, channel),
            links.confirm_url(customer, channel, id),
            policy.categories.get(category, Category()).consent != "not-required",
        )
        for id, customer, channel, category in await connection.execute(query.where(messages.c.id.in_(ids)))
    }


def refuse_dead_links(template: str, reads: Collection[str]) -> None:
    """Raises ConfigurationError if a template reads a link that nobody can sign."""
    for name in sorted(LINKS.intersection(reads)):
        raise ConfigurationError(
            f'the template "{template}" uses "{name}", and this worker has nothing to sign it with; '
            "set JOURNEYFLOW_PUBLIC_URL and JOURNEYFLOW_LINK_SECRETS"
        )
