"""Who writes to whom, as far as it may stand in a header: what every channel of e-mail refuses alike."""

import re
from dataclasses import dataclass, field
from email.utils import parseaddr
from functools import lru_cache

from journeyflow.delivery.channels.base import Outgoing, Rejected
from journeyflow.errors import ConfigurationError
from journeyflow.policy import Sender

LONE_SURROGATES = "replace"  # JSON can hold them, UTF-8 cannot
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Deliberately less than RFC 5321 allows: no quoted local parts, no address literals.
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


@dataclass(frozen=True, slots=True)
class Mailbox:
    address: str  # with its domain in ASCII
    name: str  # "": none


@dataclass(frozen=True, slots=True)
class Envelope:
    recipient: str = field(repr=False)
    subject: str = field(repr=False)
    sender: Mailbox
    reply_to: Mailbox | None


def envelope(message: Outgoing) -> Envelope | Rejected:
    """Refuses, without quoting it, what would not be one header line or one address.

    Raises ConfigurationError for a sender that is no address.
    """
    if message.channel != "email":
        return Rejected("channel", "only e-mail is sent this way")
    recipient, subject = _address(message.to), message.subject or ""
    if recipient is None:
        return Rejected("address", "the recipient is not an e-mail address", address_is_dead=True)
    if _CONTROL.search(subject):
        return Rejected("subject", "the subject has a line break or a control character in it")
    return Envelope(recipient, subject, *_senders(message.sender))


def unsubscribe_headers(url: str | None) -> dict[str, str]:
    """RFC 8058: mail programs show a button of their own, and press it without opening a page."""
    if url is None:
        return {}
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def _address(text: str) -> str | None:
    """With its domain in ASCII; None if it is not one we write to."""
    local, at, domain = text.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(text) > 254:
        return None
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return f"{local}@{domain}" if _DOMAIN.fullmatch(domain) else None


@lru_cache(maxsize=64)
def _senders(sender: Sender) -> tuple[Mailbox, Mailbox | None]:
    return _mailbox(sender.from_), None if sender.reply_to is None else _mailbox(sender.reply_to)


def _mailbox(text: str) -> Mailbox:
    name, address = parseaddr(text)
    found = _address(address)
    if found is None or _CONTROL.search(text):
        raise ConfigurationError(
            f'policy: the sender "{text}" is not an address; write it as "Name <name@example.com>"'
        )
    return Mailbox(found, name)
