"""Messages as bytes: RFC 5322 with text and HTML for e-mail, a few lines for SMS.

Put together by hand, since `email.message.EmailMessage` takes ten times as long: 1.1 ms, against 0.1 ms
here, for a usual message of 8 kB. Bodies are quoted-printable, so everything is 7-bit in short lines.
"""

import re
from binascii import b2a_qp
from dataclasses import dataclass
from email.header import Header
from email.utils import format_datetime, formataddr, parseaddr
from functools import lru_cache

from journeyflow.delivery.channels.base import Outgoing, Rejected
from journeyflow.errors import ConfigurationError
from journeyflow.policy import Sender

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Deliberately less than RFC 5321 allows: no quoted local parts, no address literals.
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_PHONE = re.compile(r"\+?[0-9][0-9 ().-]{1,30}")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_LONE_SURROGATES = "replace"  # JSON can hold them, UTF-8 cannot
_FOLD_FROM = 66  # characters of a subject


@dataclass(frozen=True, slots=True)
class Mail:
    sender: str  # the envelope's
    recipient: str
    message_id: str  # with its angle brackets
    content: bytes


def compose_email(message: Outgoing) -> Mail | Rejected:
    """Refuses, without quoting it, what would not be one header line or one address."""
    recipient, subject = _mailbox(message.to), message.subject or ""
    if recipient is None:
        return Rejected("address", "the recipient is not an e-mail address", address_is_dead=True)
    if _CONTROL.search(subject):
        return Rejected("subject", "the subject has a line break or a control character in it")
    sender, fixed = _sender_lines(message.sender)
    message_id = f"<{message.message_id}.{message.at:%Y%m%d%H%M%S}@{sender.rpartition('@')[2]}>"
    head = [
        *fixed,
        f"To: {recipient}",
        f"Subject: {_unstructured(subject)}",
        f"Date: {format_datetime(message.at)}",
        f"Message-ID: {message_id}",
        "MIME-Version: 1.0",
        *_unsubscribe_lines(message.unsubscribe_url),
    ]
    content = "\r\n".join(head).encode("ascii") + b"\r\n" + _body(message)
    return Mail(sender, recipient, message_id, content)


def compose_sms(message: Outgoing) -> bytes | Rejected:
    """From, To and Date, an empty line, the text."""
    if not _PHONE.fullmatch(message.to):
        return Rejected("address", "the recipient is not a phone number", address_is_dead=True)
    head = f"From: {message.sender.from_}\nTo: {message.to}\nDate: {format_datetime(message.at)}\n"
    return f"{head}\n{message.text}\n".encode(errors=_LONE_SURROGATES)


def _mailbox(text: str) -> str | None:
    """The address with its domain in ASCII; None if it is not one we write to."""
    local, at, domain = text.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(text) > 254:
        return None
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return f"{local}@{domain}" if _DOMAIN.fullmatch(domain) else None


@lru_cache(maxsize=64)
def _sender_lines(sender: Sender) -> tuple[str, list[str]]:
    """The address of the envelope, and the From and Reply-To lines."""
    address, line = _named_mailbox(sender.from_)
    lines = [f"From: {line}"]
    if sender.reply_to is not None:
        lines.append(f"Reply-To: {_named_mailbox(sender.reply_to)[1]}")
    return address, lines


def _named_mailbox(text: str) -> tuple[str, str]:
    name, address = parseaddr(text)
    mailbox = _mailbox(address)
    if mailbox is None or _CONTROL.search(text):
        raise ConfigurationError(
            f'policy: the sender "{text}" is not an address; write it as "Name <name@example.com>"'
        )
    return mailbox, formataddr((name, mailbox))


def _unstructured(text: str) -> str:
    if text.isascii() and len(text) < _FOLD_FROM:
        return text
    sound = text.encode(errors=_LONE_SURROGATES).decode()
    return Header(sound, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _unsubscribe_lines(url: str | None) -> list[str]:
    """RFC 8058: mail programs show a button of their own, and press it without opening a page."""
    if url is None:
        return []
    return [f"List-Unsubscribe: <{url}>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]


def _body(message: Outgoing) -> bytes:
    if message.html is None:
        return _part("plain", message.text)
    # "=_" cannot come up in quoted-printable, so the boundary needs no search.
    boundary = f"=_{message.message_id}".encode()
    head = b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n'
    parts = (_part("plain", message.text), _part("html", message.html))
    return head + b"".join(b"--" + boundary + b"\r\n" + part for part in parts) + b"--" + boundary + b"--\r\n"


def _part(subtype: str, text: str) -> bytes:
    kind = f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
    # The line break at the end also tells b2a_qp which kind of line breaks to make.
    lines = _NEWLINE.sub("\r\n", text).encode(errors=_LONE_SURROGATES) + b"\r\n"
    return kind.encode() + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b2a_qp(lines)
