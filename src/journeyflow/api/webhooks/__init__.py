"""Where providers tell what became of messages. Who cannot prove to be one learns and changes nothing."""

from dataclasses import dataclass

from fastapi import APIRouter

from journeyflow.api.site import Site
from journeyflow.api.webhooks import sendgrid, twilio
from journeyflow.api.webhooks.sendgrid import SendGrid
from journeyflow.api.webhooks.twilio import Twilio


@dataclass(frozen=True, slots=True)
class Providers:
    """How each of them proves who it is; None: it is not in use."""

    twilio: Twilio | None = None
    sendgrid: SendGrid | None = None


def router(site: Site, providers: Providers) -> APIRouter:
    found = APIRouter(prefix="/webhooks")
    if providers.twilio is not None:
        twilio.add_routes(found, site, providers.twilio)
    if providers.sendgrid is not None:
        sendgrid.add_routes(found, site, providers.sendgrid)
    return found
