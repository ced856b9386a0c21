"""A claimed message and what it is made from become what a channel hands over."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.countries import of_customer
from journeyflow.delivery.catalogue import Locales
from journeyflow.delivery.channels.base import Outgoing
from journeyflow.delivery.claim import Claim
from journeyflow.delivery.coupons import coupon_of, take
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.own_links import OwnLinks, own_links, refuse_dead_links
from journeyflow.delivery.short_links import Ids, keep
from journeyflow.engine.gate import category_of
from journeyflow.errors import ConfigurationError
from journeyflow.messages.choose import choose, reader
from journeyflow.messages.links import Links
from journeyflow.messages.redirects import HtmlRedirects, ShortRedirects, with_pixel
from journeyflow.messages.render import Rendered, Renderer, refuse_breaks
from journeyflow.messages.sms_text import finish, has_way_out
from journeyflow.messages.templates import Template
from journeyflow.messages.utm import Parameters, parameters
from journeyflow.messages.webhook import render_body
from journeyflow.plan import WEBHOOK, Plan, Webhook
from journeyflow.policy import Policy, Sender
from journeyflow.reading import Reader
from journeyflow.sandbox import TRACKER

_OURSELVES = Sender("journeyflow")  # what a webhook comes from


@dataclass(frozen=True, slots=True)
class Materials:
    """What the messages of one batch are made from."""

    templates: dict[str, Locales] = field(default_factory=dict)
    coupons: dict[int, str] = field(default_factory=dict)  # by message
    short_links: Ids = field(default_factory=dict)


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
        template = self._template(claim, materials)
        sender, own = self._sender(), self._own(claim)
        refuse_breaks(claim.to, "the customer's address")
        refuse_breaks(f"{sender.from_}{sender.reply_to or ''}", "the address of the sender")
        rendered = self._render(claim, materials, template, self._redirects(claim, template, materials))
        counts_opens = self._counts(template, self.policy.tracking.opens)
        html = rendered.html
        if counts_opens and html is not None and self.links:
            html = with_pixel(html, self.links.open_url(claim.message))
        return Outgoing(
            claim.message,
            self.channel,
            claim.to,
            sender,
            now,
            rendered.subject,
            html,
            rendered.text,
            own.button if own else None,
            # Where a template wants nothing counted, the provider must keep its hands off as well.
            counts_clicks=self._counts(template, self.policy.tracking.clicks) or not template.tracking,
            counts_opens=counts_opens or not template.tracking,
        )

    @property
    def shortens(self) -> bool:
        return self.channel == "sms" and self.policy.sms.short_links and self.links is not None

    def short_targets(self, claim: Claim, materials: Materials) -> dict[int, str]:
        """Where the links lead that the message has shortened, by their numbers in it."""
        try:
            template = self._template(claim, materials)
            redirects = self._redirects(claim, template, materials)
            if isinstance(redirects, ShortRedirects):
                self._render(claim, materials, template, redirects)
                return redirects.targets
        except Exception:  # noqa: BLE001, S110 - composing the message comes to the same, and tells it
            pass
        return {}

    def _template(self, claim: Claim, materials: Materials) -> Template:
        default = self.policy.defaults.locale
        return choose(materials.templates.get(claim.template, {}), claim.locale or default, default)

    def _own(self, claim: Claim) -> OwnLinks | None:
        return own_links(self.links, self.policy, self.channel, claim) if self.links else None

    def _counts(self, template: Template, wanted: bool) -> bool:
        return wanted and template.tracking and self.links is not None

    def _redirects(
        self, claim: Claim, template: Template, materials: Materials
    ) -> HtmlRedirects | ShortRedirects | None:
        """None: the links stay as they are."""
        if template.links == 0:
            return None
        if self.channel == "email":
            counts = self._counts(template, self.policy.tracking.clicks)
            return HtmlRedirects(self.links, claim.message, self._added(claim, template), counts)
        if self.links is None or not self.shortens or not template.tracking:
            return None
        ids = materials.short_links.get(claim.message, {})
        return ShortRedirects(self.links, self._added(claim, template), ids)

    def _added(self, claim: Claim, template: Template) -> Parameters:
        if template.utm is None:
            return ()
        return parameters(
            self.policy.tracking.utm | template.utm,
            journey=self.plan.journey,
            template=template.name,
            channel=self.channel,
            step=self.plan.steps[claim.step].path,
        )

    def _render(
        self,
        claim: Claim,
        materials: Materials,
        template: Template,
        redirects: HtmlRedirects | ShortRedirects | None,
    ) -> Rendered:
        own, reads = self._own(claim), self.renderer.reads(template)
        if own is None:
            refuse_dead_links(template.name, reads)
        context = (own.context(reads) if own else {}) | self._context(claim, self._sender())
        context |= coupon_of(template, materials.coupons.get(claim.message)) | {TRACKER: redirects}
        rendered = self.renderer.render(template, context, reader(template.locale, *self._ways(claim)))
        return (
            replace(rendered, text=self._finished(claim, template, rendered.text))
            if self.channel == "sms"
            else rendered
        )

    def _finished(self, claim: Claim, template: Template, text: str) -> str:
        zones = claim.customer.get("timezone"), self.policy.defaults.timezone
        country = of_customer(claim.country, *zones)
        rests_on_consent = category_of(self.policy, claim.category).consent != "not-required"
        locale = template.locale or self._ways(claim)[0]
        reads, rules = self.renderer.reads(template), self.policy.sms
        needs_way_out = rests_on_consent and not has_way_out(template.text, reads, rules, locale)
        return finish(text, rules, locale, country, needs_way_out)

    def _ways(self, claim: Claim) -> tuple[str, str]:
        """Locale and timezone, the programme's where the customer's are not known."""
        defaults = self.policy.defaults
        return claim.locale or defaults.locale, claim.customer.get("timezone") or defaults.timezone

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
                "reply_to": sender.reply_to or "",
                "postal_address": sender.postal_address or "",
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
            "data": render_body(step.body, step.path, context, Reader(*self._ways(claim))),
        }
        text = json.dumps(content, ensure_ascii=False)
        return Outgoing(claim.message, WEBHOOK, step.url, _OURSELVES, now, None, None, text)


async def gather(
    connection: AsyncConnection, courier: Courier, writer: Writer, claims: Collection[Claim], now: datetime
) -> Materials:
    """Reads them, takes coupons and keeps the targets of short links, in the transaction that claims the
    messages."""
    if writer.channel == WEBHOOK:
        return Materials()
    templates = await courier.catalogue.find(connection, {one.template for one in claims}, writer.channel)
    coupons = await take(connection, claims, templates, writer.policy.defaults.locale, now)
    materials = Materials(templates, coupons)
    if not writer.shortens:
        return materials
    targets = {claim.message: writer.short_targets(claim, materials) for claim in claims}
    return replace(materials, short_links=await keep(connection, targets))
