"""Reading `senders` and `brand`: who writes."""

import re
from email.utils import parseaddr

from journeyflow.language import values
from journeyflow.language.fields import Fields, as_map
from journeyflow.language.problems import Report, quoted
from journeyflow.language.scopes import known_channel
from journeyflow.language.source import Node
from journeyflow.policy import Brand, Sender

_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
_SMS_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")


def senders(node: Node, report: Report) -> dict[str, Sender]:
    keys = as_map(node, '"senders"', report)
    found: dict[str, Sender] = {}
    for key, value in keys.entries if keys else ():
        channel = known_channel(key, report)
        sender = _sender(value, channel, report) if channel else None
        if channel and sender:
            found[channel] = sender
    return found


def brand(node: Node, report: Report) -> Brand | None:
    keys = as_map(node, '"brand"', report)
    if keys is None:
        return None
    fields = Fields(keys, ("name", "url", "help", "privacy_url"), '"brand"', report)
    needed, about = fields.need("name", "Club"), fields.get("help")
    name = values.phrase(needed, '"name"', report) if needed else None
    helping = values.phrase(about, '"help"', report) if about else None
    url, privacy = _url(fields, "url", report), _url(fields, "privacy_url", report)
    return Brand(name.value, url, helping.value if helping else None, privacy) if name else None


def _sender(node: Node, channel: str, report: Report) -> Sender | None:
    what = f'the sender of "{channel}"'
    keys = as_map(node, what, report)
    if keys is None:
        return None
    fields = Fields(keys, ("from", "reply_to", "postal_address"), what, report)
    needed = fields.need("from", "help@example.com" if channel == "email" else '"+46700000000"')
    from_ = _address(needed, '"from"', channel, report) if needed else None
    reply, postal = fields.get("reply_to"), fields.get("postal_address")
    reply_to = _address(reply, '"reply_to"', "email", report) if reply else None
    address = values.text(postal, '"postal_address"', report) if postal else None
    return Sender(from_, reply_to, address) if from_ else None


def _address(node: Node, what: str, channel: str, report: Report) -> str | None:
    word = values.phrase(node, what, report)
    if word is None:
        return None
    if channel == "email":
        good, kind = _ADDRESS.fullmatch(parseaddr(word.value)[1]), "an e-mail address"
        example = "Club <club@example.com>"
    else:
        good, kind = _SMS_SENDER.fullmatch(word.value), "a number, or a name of at most 11 letters"
        example = "+46700000000"
    if good:
        return word.value
    message = f"{what} is {quoted(word.value)} and should be {kind}; write it like {quoted(example)}"
    report.add(word.mark, "JF122", message)
    return None


def _url(fields: Fields, key: str, report: Report) -> str | None:
    node = fields.get(key)
    word = values.phrase(node, f'"{key}"', report) if node else None
    if word is None or re.fullmatch(r"https?://[^\s<>\"']+", word.value):
        return word.value if word else None
    message = f'"{key}" is {quoted(word.value)}; write an address like "https://www.example.com"'
    report.add(word.mark, "JF122", message)
    return None
