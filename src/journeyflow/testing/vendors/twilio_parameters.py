"""What Twilio takes as a new message: every parameter of `POST .../Messages.json`, as its OpenAPI tells them.

The numbers that fail on purpose are those of Twilio's test credentials:
https://www.twilio.com/docs/iam/test-credentials
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

LONGEST_BODY = 1600  # characters
_LONGEST_VALIDITY = 36_000  # seconds
_MOST_MEDIA = 10

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
_NAME = re.compile(
    r"(?=.*[A-Za-z])[A-Za-z0-9 +\-_&]{1,11}"
)  # https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")  # no underscores
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})"
)

Params = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Problem:
    code: int
    message: str
    status: int = 400


@dataclass(frozen=True, slots=True)
class Account:
    sid: str
    services: Collection[str]
    senders: Collection[str] | None  # None: whatever has the form of one
    stopped: Collection[str]  # numbers that sent STOP


def refusal(params: Params, account: Account) -> Problem | None:
    """Why Twilio takes no such message; None: it does."""
    checks = (_known, _recipient, _sender, _content, _others)
    problems = (check(params, account) for check in checks)
    return next((problem for problem in problems if problem is not None), None)


def _known(params: Params, account: Account) -> Problem | None:
    unknown = sorted(params.keys() - _VALUES.keys())
    if unknown:
        return Problem(20001, f"Unknown parameters: {', '.join(unknown)}")
    twice = sorted(name for name, values in params.items() if len(values) > 1 and name not in _LISTS)
    return Problem(20001, f"Given more than once: {', '.join(twice)}") if twice else None


def _recipient(params: Params, account: Account) -> Problem | None:
    to = _one(params, "To")
    if not to:
        return Problem(21604, "A 'To' phone number is required.")
    if not _E164.fullmatch(to):
        return Problem(21211, f"Invalid 'To' Phone Number: {to}")
    if to in account.stopped:
        return _MAGIC_TO["+15005550004"]
    return _MAGIC_TO.get(to)


def _sender(params: Params, account: Account) -> Problem | None:
    sender, service = _one(params, "From"), _one(params, "MessagingServiceSid")
    if not sender and not service:
        return Problem(21603, "A 'From' phone number is required.")
    if service and not _sid("MG")(service):
        return Problem(21705, "The Messaging Service Sid is invalid.")
    if service and service not in account.services:
        return Problem(21701, "The Messaging Service does not exist.", 404)
    if not sender or service:
        return None
    if not (_E164.fullmatch(sender) or _SHORT_CODE.fullmatch(sender) or _NAME.fullmatch(sender)):
        return Problem(21212, f"Invalid From Number (caller ID): {sender}")
    if sender == _one(params, "To"):
        return Problem(21266, f"'To' and 'From' number cannot be the same: {sender}")
    if account.senders is not None and sender not in account.senders:
        return Problem(21660, f"Mismatch between the 'From' number {sender} and the account {account.sid}")
    return _MAGIC_FROM.get(sender)


def _content(params: Params, account: Account) -> Problem | None:
    if not {"Body", "MediaUrl", "ContentSid"} & params.keys():
        return Problem(21619, "A text message body or media urls must be specified.")
    body = _one(params, "Body")
    if "Body" in params and not body and not {"MediaUrl", "ContentSid"} & params.keys():
        return Problem(21602, "Message body is required.")
    if body is not None and len(body) > LONGEST_BODY:
        return Problem(21617, "The concatenated message body exceeds the 1600 character limit.")
    return None


def _others(params: Params, account: Account) -> Problem | None:
    callback = _one(params, "StatusCallback")
    if callback is not None and not _is_url(callback):
        return Problem(21609, f"The 'StatusCallback' URL {callback} is not a valid URL.")
    for name, values in params.items():
        if not all(_VALUES[name](value) for value in values):
            return Problem(20001, f"Invalid value of the parameter {name}")
    if len(params.get("MediaUrl", ())) > _MOST_MEDIA:
        return Problem(21623, "Number of media files exceeds allowed limit.")
    if _one(params, "ShortenUrls") == "true" and "MessagingServiceSid" not in params:
        return Problem(20001, "ShortenUrls needs a MessagingServiceSid")
    return None


def _one(params: Params, name: str) -> str | None:
    values = params.get(name, ())
    return values[0] if values else None


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    good = parts.scheme in ("http", "https") and text.isascii() and not re.search(r"\s", text)
    return good and bool(_HOST.fullmatch(parts.hostname or ""))


def _sid(prefix: str) -> Callable[[str], bool]:
    pattern = re.compile(f"{prefix}[0-9a-fA-F]{{32}}")
    return lambda value: bool(pattern.fullmatch(value))


def _of(*values: str) -> Callable[[str], bool]:
    return lambda value: value in values


def _whole(low: int, high: int) -> Callable[[str], bool]:
    return lambda value: value.isascii() and value.isdecimal() and low <= int(value) <= high


def _anything(value: str) -> bool:
    return True


_BOOLEAN = _of("true", "false")
_LISTS = ("MediaUrl", "PersistentAction")
_VALUES: dict[str, Callable[[str], bool]] = {
    "To": _anything,
    "From": _anything,
    "FallbackFrom": _anything,
    "MessagingServiceSid": _sid("MG"),
    "Body": _anything,
    "MediaUrl": _is_url,
    "ContentSid": _sid("HX"),
    "ContentVariables": _anything,
    "StatusCallback": _is_url,
    "ApplicationSid": _sid("AP"),
    "MaxPrice": lambda value: bool(re.fullmatch(r"[0-9]+(\.[0-9]+)?", value)),
    "ProvideFeedback": _BOOLEAN,
    "Attempt": _whole(1, 2**31),
    "ValidityPeriod": _whole(1, _LONGEST_VALIDITY),
    "ForceDelivery": _BOOLEAN,
    "ContentRetention": _of("retain", "discard"),
    "AddressRetention": _of("retain", "obfuscate"),
    "SmartEncoded": _BOOLEAN,
    "PersistentAction": _anything,
    "TrafficType": _of("free"),
    "ShortenUrls": _BOOLEAN,
    "ScheduleType": _of("fixed"),
    "SendAt": lambda value: bool(_TIME.fullmatch(value)),
    "SendAsMms": _BOOLEAN,
    "MessageIntent": _anything,
    "RiskCheck": _of("enable", "disable"),
    "Tags": _anything,
}

_MAGIC_TO = {
    "+15005550001": Problem(21211, "Invalid 'To' Phone Number: +15005550001"),
    "+15005550002": Problem(
        21612, "Message cannot be sent with the current combination of 'To' and/or 'From' parameters"
    ),
    "+15005550003": Problem(
        21408, "Permission to send an SMS has not been enabled for the region of the 'To' number", 403
    ),
    "+15005550004": Problem(21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": Problem(21614, "'To' number is not a valid mobile number: +15005550009"),
}
_MAGIC_FROM = {
    "+15005550001": Problem(21212, "Invalid From Number (caller ID): +15005550001"),
    "+15005550007": Problem(
        21606, "The 'From' phone number +15005550007 is not a valid, message-capable Twilio phone number"
    ),
    "+15005550008": Problem(
        21611, "This 'From' number +15005550008 has exceeded the maximum number of queued messages", 429
    ),
}
