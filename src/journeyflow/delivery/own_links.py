"""The links of one message to its customer's own pages."""

from collections.abc import Collection
from dataclasses import dataclass

from journeyflow.delivery.claim import Claim
from journeyflow.errors import ConfigurationError
from journeyflow.messages.links import Links
from journeyflow.policy import Category, Policy
from journeyflow.sandbox import LINKS


@dataclass(frozen=True, slots=True)
class OwnLinks:
    links: Links
    customer: int
    message: int
    channel: str
    can_refuse: bool  # the message rests on consent, so the customer must get out of it with one press

    def context(self, reads: Collection[str]) -> dict[str, str]:
        """Those of the links that a template reads."""
        return {name: self._url(name) for name in LINKS.intersection(reads)}

    @property
    def button(self) -> str | None:
        """What the mail program presses for its reader."""
        return self._url("unsubscribe_url") if self.can_refuse and self.channel == "email" else None

    def _url(self, name: str) -> str:
        match name:
            case "unsubscribe_url":
                return self.links.unsubscribe_url(self.customer, self.message, self.channel)
            case "preferences_url":
                return self.links.preferences_url(self.customer, self.message, self.channel)
            case "registration_url":
                return self.links.registration_url(self.customer, self.message)
            case _:
                return self.links.confirm_url(self.customer, self.channel, self.message)


def own_links(links: Links, policy: Policy, channel: str, claim: Claim) -> OwnLinks:
    return OwnLinks(
        links, claim.customer_id, claim.message, channel, rests_on_consent(policy, claim.category)
    )


def rests_on_consent(policy: Policy, category: str) -> bool:
    return policy.categories.get(category, Category()).consent != "not-required"


def refuse_dead_links(template: str, reads: Collection[str]) -> None:
    """Raises ConfigurationError if a template reads a link that nobody can sign."""
    for name in sorted(LINKS.intersection(reads)):
        raise ConfigurationError(
            f'the template "{template}" uses "{name}", and there is nothing to sign it with; '
            "set JOURNEYFLOW_PUBLIC_URL and JOURNEYFLOW_LINK_SECRETS"
        )
