"""Reading journeys/policy.yaml: the rules of the whole programme."""

import re
from email.utils import parseaddr
from typing import Literal

from journeyflow.language import values
from journeyflow.language.fields import Fields, as_list, as_map
from journeyflow.language.problems import Report, instead, quoted
from journeyflow.language.source import Document, Node
from journeyflow.language.steps import CHANNELS
from journeyflow.policy import Cap, Category, Defaults, Policy, QuietHours, Sender

_KEYS = ("categories", "caps", "quiet_hours", "senders", "defaults")
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
_SMS_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")


def parse_policy(document: Document) -> Policy | None:
    """None if anything in the file is wrong: what rules apply cannot be half known."""
    report = document.report
    root = as_map(document.root, "the policy", report) if document.root else None
    if root is None:
        return None
    fields = Fields(root, _KEYS, "the policy", report)
    categories = _categories(fields, report)
    policy = Policy(
        categories=categories,
        caps=_caps(fields, categories, report),
        quiet_hours=_quiet_hours(fields, report),
        senders=_senders(fields, report),
        defaults=_defaults(fields, report),
    )
    return None if report.problems else policy


def _categories(fields: Fields, report: Report) -> dict[str, Category]:
    node = fields.get("categories")
    keys = as_map(node, '"categories"', report) if node else None
    if keys is None:
        return {"marketing": Category()}
    if not keys.entries:
        message = '"categories" is empty; name a kind of message, for example "marketing: {}"'
        report.add(keys.mark, "JF119", message)
    found: dict[str, Category] = {}
    for key, value in keys.entries:
        name = values.name(key, "the category", report)
        if name:
            found[name.value] = _category(value, f'the category "{name.value}"', report)
    return found or {"marketing": Category()}


def _category(node: Node, what: str, report: Report) -> Category:
    if values.is_nothing(node):  # "marketing:" with nothing after it
        return Category()
    keys = as_map(node, what, report)
    if keys is None:
        return Category()
    fields = Fields(keys, ("consent", "caps", "quiet_hours"), what, report)
    consent = _one_of(fields, "consent", ("required", "not-required"), report)
    return Category(
        consent="not-required" if consent == "not-required" else "required",
        caps=_exemption(fields, "caps", report),
        quiet_hours=_exemption(fields, "quiet_hours", report),
    )


def _exemption(fields: Fields, key: str, report: Report) -> Literal["apply", "exempt"]:
    return "exempt" if _one_of(fields, key, ("apply", "exempt"), report) == "exempt" else "apply"


def _one_of(fields: Fields, key: str, options: tuple[str, ...], report: Report) -> str | None:
    node = fields.get(key)
    return values.one_of(node, options, f'"{key}"', report) if node else None


def _caps(fields: Fields, categories: dict[str, Category], report: Report) -> tuple[Cap, ...]:
    node = fields.get("caps")
    items = as_list(node, '"caps"', report) if node else None
    read = (_cap(item, categories, report) for item in (items.items if items else ()))
    return tuple(cap for cap in read if cap)


def _cap(node: Node, categories: dict[str, Category], report: Report) -> Cap | None:
    keys = as_map(node, "a cap", report)
    if keys is None:
        return None
    fields = Fields(keys, ("channel", "category", "at_most", "per"), "a cap", report)
    most, per = fields.need("at_most", "1"), fields.need("per", "1 day")
    number = values.whole(most, '"at_most"', 0, 1_000_000, report) if most else None
    window = values.duration(per, '"per"', report) if per else None
    channel, category = _channel(fields, report), fields.get("category")
    word = values.name(category, "the category", report) if category else None
    if word and word.value not in categories:
        message = f"no category is called {quoted(word.value)}; {instead(word.value, categories)}"
        report.add(word.mark, "JF203", message)
    return (
        None
        if number is None or window is None
        else Cap(number, window, channel, word.value if word else None)
    )


def _channel(fields: Fields, report: Report) -> str | None:
    node = fields.get("channel")
    return _known_channel(node, report) if node else None


def _known_channel(node: Node, report: Report) -> str | None:
    word = values.phrase(node, "the channel", report)
    if word is None or word.value in CHANNELS:
        return word.value if word else None
    report.add(
        word.mark, "JF204", f"no channel is called {quoted(word.value)}; {instead(word.value, CHANNELS)}"
    )
    return None


def _quiet_hours(fields: Fields, report: Report) -> tuple[QuietHours, ...]:
    node = fields.get("quiet_hours")
    items = as_list(node, '"quiet_hours"', report) if node else None
    read = (_quiet(item, report) for item in (items.items if items else ()))
    return tuple(hours for hours in read if hours)


def _quiet(node: Node, report: Report) -> QuietHours | None:
    keys = as_map(node, "a rule of quiet hours", report)
    if keys is None:
        return None
    fields = Fields(keys, ("channel", "from", "to"), "a rule of quiet hours", report)
    begin, finish, channel = (
        fields.need("from", '"21:00"'),
        fields.need("to", '"08:00"'),
        _channel(fields, report),
    )
    start = values.clock(begin, '"from"', report) if begin else None
    end = values.clock(finish, '"to"', report) if finish else None
    if start is None or end is None:
        return None
    if start == end:
        message = f'quiet hours from "{start}" to "{end}" never begin; write two different times'
        report.add(fields.key("to"), "JF108", message)
    return QuietHours(start, end, channel)


def _senders(fields: Fields, report: Report) -> dict[str, Sender]:
    node = fields.get("senders")
    keys = as_map(node, '"senders"', report) if node else None
    found: dict[str, Sender] = {}
    for key, value in keys.entries if keys else ():
        channel = _known_channel(key, report)
        sender = _sender(value, channel, report) if channel else None
        if channel and sender:
            found[channel] = sender
    return found


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


def _defaults(fields: Fields, report: Report) -> Defaults:
    node = fields.get("defaults")
    keys = as_map(node, '"defaults"', report) if node else None
    if keys is None:
        return Defaults()
    inner = Fields(keys, ("timezone", "locale", "max_event_age"), '"defaults"', report)
    zone, locale, age = inner.get("timezone"), inner.get("locale"), inner.get("max_event_age")
    standard = Defaults()
    return Defaults(
        timezone=(zone and values.zone(zone, report)) or standard.timezone,
        locale=(locale and values.locale(locale, '"locale"', report)) or standard.locale,
        max_event_age=(age and values.duration(age, '"max_event_age"', report)) or standard.max_event_age,
    )
