"""What SendGrid's `POST /v3/mail/send` takes, and what it says to anything else.

From its OpenAPI description (tsg_mail_v3), its table of errors and its page of limits. Where they contradict
each other, what the API really does counts: `custom_args` is an object on both levels.
"""

import re
from collections.abc import Iterator
from typing import Any

from journeyflow.testing.vendors.shapes import (
    Anything,
    Flag,
    Many,
    Number,
    Problem,
    Shape,
    Text,
    Thing,
    problems,
)

LONGEST_BODY = 30 * 1024 * 1024
_MOST_RECIPIENTS = 1000
_LONGEST_CUSTOM_ARGS = 10_000  # bytes
_LONGEST_ADDRESS = 320
_FURTHEST = 72 * 3600  # seconds ahead for which a mail may be scheduled
_RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding",
    "to", "from", "subject", "reply-to", "cc", "bcc",
}  # fmt: skip
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}")


def mail_problems(mail: Any, now: float) -> list[Problem]:
    """None at all: the mail is taken. `now`: seconds since 1970."""
    found = list(problems(mail, _MAIL))
    return found or [problem for check in _CHECKS for problem in check(mail)] + list(_schedule(mail, now))


def _address(text: str) -> str | None:
    if len(text) > _LONGEST_ADDRESS:
        return "The email exceeds the maximum total length of 320 characters."
    if not _ADDRESS.fullmatch(text) or len(text.partition("@")[0]) > 64:
        return "Does not contain a valid address."
    return None


def _recipient_name(text: str) -> str | None:
    return "The name cannot contain ; or ," if re.search("[;,]", text) else None


def _content_type(text: str) -> str | None:
    return "Cannot contain ';', or CRLF characters." if re.search("[;,\r\n]", text) else None


_EMAIL = Text(1, check=_address)
_MAILBOX = Thing({"email": _EMAIL, "name": Text()}, ("email",))
_RECIPIENT = Thing({"email": _EMAIL, "name": Text(check=_recipient_name)}, ("email",))
_RECIPIENTS = Many(_RECIPIENT, most=_MOST_RECIPIENTS, least=1)
_SUBJECT = Text(1, message="The subject of your email must be a string at least one character in length.")
_HEADERS = Thing(others=Text(message="The header values must be strings."))
_CUSTOM_ARGS = Thing(others=Text(message="All values of custom arguments object must be strings"))
_VALUE = Text(1, message="The content value must be a string at least one character in length.")
_SWITCH: dict[str, Shape] = {"enable": Flag()}

_PERSONALIZATION = Thing(
    {
        "from": _MAILBOX,
        "to": _RECIPIENTS,
        "cc": _RECIPIENTS,
        "bcc": _RECIPIENTS,
        "subject": _SUBJECT,
        "headers": _HEADERS,
        "substitutions": Thing(others=Text()),
        "dynamic_template_data": Thing(others=Anything()),
        "custom_args": _CUSTOM_ARGS,
        "send_at": Number(),
    },
    ("to",),
)
_MAIL = Thing(
    {
        "personalizations": Many(_PERSONALIZATION, most=1000, least=1),
        "from": _MAILBOX,
        "reply_to": _MAILBOX,
        "reply_to_list": Many(_MAILBOX, most=1000, unique=True),
        "subject": _SUBJECT,
        "content": Many(Thing({"type": Text(1, check=_content_type), "value": _VALUE}, ("type", "value"))),
        "attachments": Many(
            Thing(
                {
                    "content": Text(1),
                    "type": Text(1),
                    "filename": Text(),
                    "disposition": Text(),
                    "content_id": Text(),
                },
                ("content", "filename"),
            )
        ),
        "template_id": Text(),
        "headers": _HEADERS,
        "categories": Many(Text(longest=255), most=10, unique=True),
        "custom_args": _CUSTOM_ARGS,
        "send_at": Number(),
        "batch_id": Text(),
        "asm": Thing({"group_id": Number(), "groups_to_display": Many(Number(), most=25)}, ("group_id",)),
        "ip_pool_name": Text(2, 64),
        "mail_settings": Thing(
            {
                "bypass_list_management": Thing(_SWITCH),
                "bypass_spam_management": Thing(_SWITCH),
                "bypass_bounce_management": Thing(_SWITCH),
                "bypass_unsubscribe_management": Thing(_SWITCH),
                "footer": Thing(_SWITCH | {"text": Text(), "html": Text()}),
                "sandbox_mode": Thing(_SWITCH),
            }
        ),
        "tracking_settings": Thing(
            {
                "click_tracking": Thing(_SWITCH | {"enable_text": Flag()}),
                "open_tracking": Thing(_SWITCH | {"substitution_tag": Text()}),
                "subscription_tracking": Thing(
                    _SWITCH | {"text": Text(), "html": Text(), "substitution_tag": Text()}
                ),
                "ganalytics": Thing(
                    _SWITCH
                    | {f"utm_{name}": Text() for name in ("source", "medium", "term", "content", "campaign")}
                ),
            }
        ),
    },
    ("personalizations", "from"),
)


def _recipients(mail: dict[str, Any]) -> Iterator[Problem]:
    found = 0
    for number, one in enumerate(mail["personalizations"]):
        addresses = [box["email"].lower() for kind in ("to", "cc", "bcc") for box in one.get(kind, [])]
        found += len(addresses)
        if len(set(addresses)) < len(addresses):
            yield Problem(
                "Each unique email address in the personalizations array should only be included once.",
                f"personalizations.{number}",
            )
    if found > _MOST_RECIPIENTS:
        yield Problem(
            "There is a limit of 1000 total recipients (to + cc + bcc) per request.", "personalizations"
        )


def _subject(mail: dict[str, Any]) -> Iterator[Problem]:
    everywhere = all("subject" in one for one in mail["personalizations"])
    if not (mail.keys() & {"subject", "template_id"} or everywhere):
        yield Problem(
            "The subject is required. You can get around this requirement if you use a template with a "
            "subject defined or if every personalization has a subject defined.",
            "subject",
        )


def _content(mail: dict[str, Any]) -> Iterator[Problem]:
    kinds = [one["type"] for one in mail.get("content", [])]
    if not kinds and "template_id" not in mail:
        yield Problem(
            "Unless a valid template_id is provided, the content parameter is required. There must be at "
            "least one defined content block. We typically suggest both text/plain and text/html blocks are "
            "included, but only one block is required.",
            "content",
        )
    if any(kinds.count(kind) > 1 for kind in ("text/plain", "text/html")):
        yield Problem("If present, text/plain and text/html may only be provided once.", "content")
    order = ("text/plain", "text/html")
    ranks = [order.index(kind) if kind in order else len(order) for kind in kinds]
    if ranks != sorted(ranks):
        yield Problem(
            "Following RFC 1341, section 7.2, if either text/html or text/plain are to be sent in your "
            "email: text/plain needs to be first, followed by text/html, followed by any other content.",
            "content",
        )


def _headers(mail: dict[str, Any]) -> Iterator[Problem]:
    for place, holder in _levels(mail):
        headers = holder.get("headers", {})
        if any(not name.isascii() or re.search(r"\s|:|^$", name) for name in headers):
            yield Problem(
                "Header keys cannot contain non-ASCII characters and empty spaces.", f"{place}headers"
            )
        if len({name.lower() for name in headers}) < len(headers):
            yield Problem("The headers cannot contain duplicate keys.", f"{place}headers")
        if any(name.lower() in _RESERVED for name in headers):
            yield Problem("Header can not be one of the reserved keys.", f"{place}headers")
        if any(not value.isascii() or re.search("[\r\n]", value) for value in headers.values()):
            yield Problem("The header values must be properly encoded.", f"{place}headers")


def _custom_args(mail: dict[str, Any]) -> Iterator[Problem]:
    for place, holder in _levels(mail):
        if holder.get("custom_args") == {}:
            yield Problem("custom_args cannot be empty.", f"{place}custom_args")
    for number, one in enumerate(mail["personalizations"]):
        merged = mail.get("custom_args", {}) | one.get("custom_args", {})
        size = sum(len(name.encode()) + len(value.encode()) for name, value in merged.items())
        if size >= _LONGEST_CUSTOM_ARGS:
            yield Problem(
                "The combined size of both global and personalization custom arguments may not exceed 10,000 "
                "bytes per personalization.",
                f"personalizations.{number}.custom_args",
            )


def _together(mail: dict[str, Any]) -> Iterator[Problem]:
    if mail.keys() >= {"reply_to", "reply_to_list"}:
        yield Problem("You can use either reply_to or reply_to_list but not both.", "reply_to_list")
    if any(not category.isascii() for category in mail.get("categories", [])):
        yield Problem("Categories can not contain non-ASCII characters.", "categories")


_CHECKS = (_recipients, _subject, _content, _headers, _custom_args, _together)


def _schedule(mail: dict[str, Any], now: float) -> Iterator[Problem]:
    for place, holder in _levels(mail):
        if holder.get("send_at", 0) > now + _FURTHEST:
            yield Problem("Scheduling more than 72 hours in advance is forbidden.", f"{place}send_at")


def _levels(mail: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "", mail
    for number, one in enumerate(mail["personalizations"]):
        yield f"personalizations.{number}.", one
