"""Messages to machines: signed JSON over HTTP, as https://www.standardwebhooks.com describes it."""

import binascii
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx2
from standardwebhooks import Webhook as Signer
from standardwebhooks.webhooks import EmptyWebhookSecretError

from journeyflow.delivery.channels.base import Accepted, Outcome, Outgoing, Rejected, Sought, Throttled
from journeyflow.delivery.channels.http import RETRY_AFTER, pause
from journeyflow.errors import ConfigurationError
from journeyflow.language.webhooks import is_safe

_COMES_AGAIN = {408, 425, 429}


class Webhook:
    """Receivers drop repeats by the header `webhook-id`, so what is in doubt is sent again.

    `installation` keeps the ids of two stores apart. `secret` (`whsec_` and base64) signs; without it nothing
    is signed. What a receiver answers is never repeated, since it may quote a customer.
    """

    batch = 10

    def __init__(self, installation: str, secret: str | None = None, timeout: float = 10.0) -> None:
        self._installation = installation
        self._signer = _signer(secret) if secret is not None else None
        self._timeout = timeout
        self._client: httpx2.AsyncClient | None = None

    async def send(self, message: Outgoing) -> Outcome:
        try:
            is_allowed = is_safe(urlsplit(message.to))
        except ValueError:
            is_allowed = False
        if not is_allowed:
            return Rejected("address", "a webhook goes over https only")
        try:
            return await self._post(message)
        except httpx2.TimeoutException:
            return Throttled(RETRY_AFTER, "the receiver did not answer in time", alone=True)
        except httpx2.TransportError:
            return Throttled(RETRY_AFTER, "the receiver cannot be reached")
        except (httpx2.InvalidURL, UnicodeError):
            return Rejected("address", "the address cannot be used")

    async def lookup(self, sought: Sought) -> None:
        """Whether it arrived nobody knows; sending it again does no harm."""

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _post(self, message: Outgoing) -> Outcome:
        if self._client is None:
            no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            self._client = httpx2.AsyncClient(timeout=self._timeout, cookies=no_cookies)
        content = message.text.encode("utf-8", "replace")
        headers = self._headers(message, content)
        # The answer's body is not read: it may be endless, and nothing in it matters.
        async with self._client.stream("POST", message.to, content=content, headers=headers) as answer:
            return _outcome(answer, headers["webhook-id"], message.at)

    def _headers(self, message: Outgoing, content: bytes) -> dict[str, str]:
        at = message.at.astimezone(UTC)
        headers = {
            "content-type": "application/json",
            "user-agent": message.sender.from_,
            "webhook-id": f"{self._installation}-{message.message_id}",
            "webhook-timestamp": str(int(at.timestamp())),
        }
        if self._signer is not None:
            headers["webhook-signature"] = self._signer.sign(headers["webhook-id"], at, content.decode())
        return headers


def _signer(secret: str) -> Signer:
    try:
        return Signer(secret)
    except (binascii.Error, ValueError, EmptyWebhookSecretError):
        raise ConfigurationError(
            "the secret of webhooks is not base64; set JOURNEYFLOW_WEBHOOK_SECRET to whsec_ and base64"
        ) from None


def _outcome(answer: httpx2.Response, webhook_id: str, now: datetime) -> Outcome:
    status = answer.status_code
    if 200 <= status < 300:
        return Accepted(webhook_id)
    if status in _COMES_AGAIN or status >= 500:
        return Throttled(pause(answer.headers, now), f"the receiver answered {status}", alone=True)
    return Rejected(str(status), f"the receiver answered {status}")
