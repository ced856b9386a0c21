"""A claimed message and what it is made from become what a channel hands over."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.delivery.catalogue import Locales
from journeyflow.delivery.channels.base import Outgoing
from journeyflow.delivery.claim import Claim
from journeyflow.delivery.coupons import coupon_of, take
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.own_links import own_links, refuse_dead_links
from journeyflow.errors import ConfigurationError
from journeyflow.messages.choose import choose
from journeyflow.messages.links import Links
from journeyflow.messages.render import Renderer
from journeyflow.messages.webhook import render_body
from journeyflow.plan import WEBHOOK, Plan, Webhook
from journeyflow.policy import Policy, Sender

_OURSELVES = Sender("journeyflow")  # what a webhook comes from


@dataclass(frozen=True, slots=True)
class Materials:
    """What the messages of one batch are made from."""

    templates: dict[str, Locales] = field(default_factory=dict)
    coupons: dict[int, str] = field(default_factory=dict)  # by message


async def gather(
    connection: AsyncConnection,
    courier: Courier,
    policy: Policy,
    channel: str,
    claims: Collection[Claim],
    now: datetime,
) -> Materials:
    """Reads them and takes coupons, in the transaction that claims the messages."""
    if channel == WEBHOOK:
        return Materials()
    templates = await courier.catalogue.find(connection, {one.template for one in claims}, channel)
    coupons = await take(connection, claims, templates, policy.defaults.locale, now)
    return Materials(templates, coupons)


@dataclass(frozen=True, slots=True)
class Writer:
    """Of the messages that one version of a journey sends on one channel."""

    plan: Plan
    policy: Policy
    channel: str
    renderer: Renderer
    links: Links | None = None

    def compose(self, claim: Claim, materials: Materials, now: datetime) -> Outgoing:
        """Raises RenderError for this message alone, ConfigurationError for all."""
        step = self.plan.steps[claim.step]
        if isinstance(step, Webhook):
            return self._webhook(step, claim, now)
        sender = self._sender()
        default = self.policy.defaults.locale
        template = choose(materials.templates.get(claim.template, {}), claim.locale or default, default)
        links = own_links(self.links, self.policy, self.channel, claim) if self.links else None
        reads = self.renderer.reads(template)
        if links is None:
            refuse_dead_links(template.name, reads)
        coupon = coupon_of(template, materials.coupons.get(claim.message))
        context = (links.context(reads) if links else {}) | coupon | self._context(claim, sender)
        rendered = self.renderer.render(template, context)
        return Outgoing(
            claim.message,
            self.channel,
            claim.to,
            sender,
            now,
            rendered.subject,
            rendered.html,
            rendered.text,
            links.button if links else None,
        )

    def _sender(self) -> Sender:
        sender = self.policy.senders.get(self.channel)
        if sender is None:
            raise ConfigurationError(
                f'policy: there is no sender for the channel "{self.channel}"; add one under "senders"'
            )
        return sender

    def _context(self, claim: Claim, sender: Sender) -> dict[str, Any]:
        return {
            "customer": claim.customer,
            "event": claim.event,
            "journey": {"name": self.plan.journey, "title": self.plan.title},
            "sender": {
                "from": sender.from_,
                "reply_to": sender.reply_to,
                "postal_address": sender.postal_address,
            },
        }

    def _webhook(self, step: Webhook, claim: Claim, now: datetime) -> Outgoing:
        journey = {"name": self.plan.journey, "title": self.plan.title}
        context = {"customer": claim.customer, "event": claim.event, "journey": journey}
        content = {
            "id": claim.message,
            "journey": self.plan.journey,
            "step": step.path,
            "customer": {"id": claim.customer["id"]},  # more of a customer goes out only where the body asks
            "event": claim.event,
            "data": render_body(step.body, step.path, context),
        }
        text = json.dumps(content, ensure_ascii=False)
        return Outgoing(claim.message, WEBHOOK, step.url, _OURSELVES, now, None, None, text)
