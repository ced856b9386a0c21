"""E-mail through SendGrid: the official package's payload, posted on connections that are kept.

The package's own client is synchronous and opens a connection for every call.
"""

import json
import re

from sendgrid.helpers.mail import (  # type: ignore[import-untyped]
    ClickTracking,
    Content,
    CustomArg,
    Email,
    Header,
    Mail,
    OpenTracking,
    Personalization,
    SubscriptionTracking,
    TrackingSettings,
)
from sendgrid.helpers.mail.exceptions import ApiKeyIncludedException  # type: ignore[import-untyped]

from journeyflow.delivery.channels.base import (
    Accepted,
    Ambiguous,
    Outcome,
    Outgoing,
    Rejected,
    Sought,
    Throttled,
    Unanswerable,
)
from journeyflow.delivery.channels.envelope import (
    LONE_SURROGATES,
    Envelope,
    Mailbox,
    envelope,
    unsubscribe_headers,
)
from journeyflow.delivery.channels.http import RETRY_AFTER, Answer, Timeouts, pause, pooled, post
from journeyflow.errors import ConfigurationError

HOSTS = {"global": "https://api.sendgrid.com", "eu": "https://api.eu.sendgrid.com"}
_KEY = re.compile(r"[!-~]+")  # what may stand in a header
_FIELD = re.compile(r"[a-z_]+(\.[a-z0-9_-]+)*")
_RECIPIENT = re.compile(r"personalizations\.\d+\.to(\..*)?")
_OUR_FAULT = ("from", "reply_to")  # fields that come from the policy
_ADVICE = {
    401: "look at JOURNEYFLOW_SENDGRID_API_KEY and at the credits of the account",
    403: "look at what JOURNEYFLOW_SENDGRID_API_KEY may do (Mail Send) and whether the sender is verified",
}
_ELSEWHERE = "look at JOURNEYFLOW_SENDGRID_URL"
_NOT_ABOUT_THE_MESSAGE = {401, 403, 404, 405, 406, 407, 408, 410, 415, 421, 425}


class SendGrid:
    """`installation` tells the messages of two stores on one account apart, in what SendGrid reports.

    What SendGrid says is never repeated, as it may quote an address; the field that it complains of is.
    """

    batch = 20

    def __init__(
        self, key: str, installation: str, url: str = HOSTS["global"], timeouts: Timeouts | None = None
    ) -> None:
        if not _KEY.fullmatch(key):
            raise ConfigurationError(
                "the key of SendGrid has a blank or another character that no key has; "
                "look at JOURNEYFLOW_SENDGRID_API_KEY"
            )
        self._installation = installation
        self._url = f"{url.rstrip('/')}/v3/mail/send"
        self._timeouts = timeouts or Timeouts()
        self._client = pooled(
            self._timeouts, {"authorization": f"Bearer {key}", "content-type": "application/json"}
        )

    async def send(self, message: Outgoing) -> Outcome:
        mail = self._mail(message)
        if isinstance(mail, Rejected):
            return mail
        answer = await post(self._client, self._url, mail, self._timeouts, "SendGrid")
        return self._outcome(answer, message) if isinstance(answer, Answer) else answer

    async def lookup(self, sought: Sought) -> Unanswerable:
        return Unanswerable()  # it can be searched only as an extra, days back, and not by our number

    async def close(self) -> None:
        await self._client.aclose()

    def _mail(self, message: Outgoing) -> bytes | Rejected:
        addressed = envelope(message)
        if isinstance(addressed, Rejected):
            return addressed
        if not addressed.subject:
            return Rejected("subject", "SendGrid takes no e-mail without a subject")
        if not (message.text or message.html):
            return Rejected("content", "SendGrid takes no e-mail without content")
        try:
            payload = self._payload(message, addressed).get()
        except ApiKeyIncludedException:
            return Rejected("content", "the text begins like a key of SendGrid's")
        return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(errors=LONE_SURROGATES)

    def _payload(self, message: Outgoing, addressed: Envelope) -> Mail:
        mail = Mail()
        mail.from_email = _boxed(addressed.sender)
        if addressed.reply_to is not None:
            mail.reply_to = _boxed(addressed.reply_to)
        mail.subject = addressed.subject
        mail.add_personalization(self._personalization(message, addressed.recipient))
        for kind, text in (("text/plain", message.text), ("text/html", message.html)):
            if text:
                mail.add_content(Content(kind, text))
        for name, value in unsubscribe_headers(message.unsubscribe_url).items():
            mail.add_header(Header(name, value))
        mail.tracking_settings = _tracking(message)
        return mail

    def _personalization(self, message: Outgoing, recipient: str) -> Personalization:
        """Our numbers stand here, since SendGrid's own description takes no object at the top."""
        personalization = Personalization()
        personalization.add_to(_boxed(Mailbox(recipient, "")))
        personalization.add_custom_arg(CustomArg("message_id", str(message.message_id)))
        personalization.add_custom_arg(CustomArg("installation", self._installation))
        return personalization

    def _outcome(self, answer: Answer, message: Outgoing) -> Outcome:
        status = answer.status
        if status == 202:
            own = (
                f"{self._installation}-{message.message_id}"  # it has the mail, whatever became of its number
            )
            return Accepted(answer.headers.get("x-message-id", "").strip() or own)
        if 200 <= status < 300 or status >= 500:
            return Ambiguous(f"SendGrid answered {status}")
        if status == 429:
            return Throttled(pause(answer.headers, message.at), "SendGrid answered 429: too many at once")
        if status < 400 or status in _NOT_ABOUT_THE_MESSAGE:
            return Throttled(RETRY_AFTER, f"SendGrid answered {status}: {_ADVICE.get(status, _ELSEWHERE)}")
        return _refused(status, _field(answer.content))


def _refused(status: int, field: str | None) -> Rejected | Throttled:
    if field is not None and field.partition(".")[0] in _OUR_FAULT:
        return Throttled(
            RETRY_AFTER, f"SendGrid answered {status} to {field}: look at the sender in the policy"
        )
    code = f"{status} {field}" if field else str(status)
    is_dead = field is not None and _RECIPIENT.fullmatch(field) is not None
    return Rejected(code, "SendGrid refused the message", is_dead)


def _field(content: bytes) -> str | None:
    """What the first of SendGrid's errors is about, if it says so in its form."""
    try:
        field = json.loads(content)["errors"][0]["field"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return field if isinstance(field, str) and len(field) <= 80 and _FIELD.fullmatch(field) else None


def _boxed(mailbox: Mailbox) -> Email:
    """Without the package's parser: it makes nothing of addresses that are merely unusual."""
    email = Email()
    email.email = mailbox.address
    if mailbox.name:
        email.name = mailbox.name
    return email


def _tracking(message: Outgoing) -> TrackingSettings:
    """What we count SendGrid must not, and the way out of our mails is ours alone."""
    tracking = TrackingSettings()
    if message.counts_clicks:
        tracking.click_tracking = ClickTracking(enable=False, enable_text=False)
    if message.counts_opens:
        tracking.open_tracking = OpenTracking(enable=False)
    tracking.subscription_tracking = SubscriptionTracking(enable=False)
    return tracking
