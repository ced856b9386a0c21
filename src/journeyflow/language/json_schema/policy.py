"""The JSON Schema of journeys/policy.yaml."""

from journeyflow.language.json_schema.conditions import CHANNEL
from journeyflow.language.json_schema.parts import (
    CLOCK,
    DURATION,
    NAME_PATTERN,
    TEXT,
    Schema,
    key,
    keys,
    named,
    ref,
)


def document(categories: list[str] | None) -> Schema:
    properties = {
        "categories": key(
            {
                "type": "object",
                "propertyNames": {"pattern": NAME_PATTERN},
                "additionalProperties": ref("category"),
            },
            "The kinds of messages, and which rules each must keep.",
            {"marketing": {}},
        ),
        "caps": key(
            {"type": "array", "items": ref("cap")},
            "The most messages that one customer gets.",
            [{"channel": "sms", "at_most": 2, "per": "7 days"}],
        ),
        "quiet_hours": key(
            {"type": "array", "items": ref("quiet_hours")},
            "When nothing is sent; it goes out when they are over.",
            [{"channel": "sms", "from": "21:00", "to": "08:00"}],
        ),
        "senders": key(ref("senders"), "Who messages come from, by channel.", {"sms": {"from": "Club"}}),
        "defaults": key(ref("defaults"), "For customers of whom we know no more.", {"locale": "sv"}),
    }
    return {
        "title": "Policy",
        "description": "The rules of the whole programme.",
        **keys(properties),
        "$defs": {
            "category": _category(),
            "cap": _cap(categories),
            "quiet_hours": _quiet_hours(),
            "senders": _senders(),
            "defaults": _defaults(),
        },
    }


def _category() -> Schema:
    applies: Schema = {"enum": ["apply", "exempt"]}
    properties = {
        "consent": key(
            {"enum": ["required", "not-required"]},
            "Whether the customer must have agreed; required without it.",
            "not-required",
        ),
        "caps": key(applies, "Whether caps count and hold these messages; apply without it.", "exempt"),
        "quiet_hours": key(applies, "Whether quiet hours hold them back; apply without it.", "exempt"),
    }
    return keys(properties, title="Category") | {"type": ["object", "null"]}


def _cap(categories: list[str] | None) -> Schema:
    number = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
    properties = {
        "channel": key(CHANNEL, "Only messages on this channel; all without it.", "sms"),
        "category": key(named(categories), "Only messages of this category; all without it.", "marketing"),
        "at_most": key(number, "So many messages.", 2),
        "per": key(DURATION, "In any stretch of time of this length.", "7 days"),
    }
    return keys(properties, ("at_most", "per"), title="Cap")


def _quiet_hours() -> Schema:
    properties = {
        "channel": key(CHANNEL, "Only this channel; all without it.", "sms"),
        "from": key(CLOCK, "When they begin, where the customer lives.", "21:00"),
        "to": key(CLOCK, "When they end; may be the next morning.", "08:00"),
    }
    return keys(properties, ("from", "to"), title="Quiet hours")


def _senders() -> Schema:
    reply_to = key(TEXT, "Where answers go.", "help@example.com")
    postal = key(TEXT, "The address at the foot of e-mails.", "Club AB, Storgatan 1, Stockholm")
    email = key(TEXT, "The address, with a name before it.", "Club <club@example.com>")
    sms = key(TEXT, "A number, or a name of at most 11 letters.", "+46700000000")
    more = {"reply_to": reply_to, "postal_address": postal}
    return keys(
        {
            "email": key(keys({"from": email, **more}, ("from",)), "Who e-mails come from."),
            "sms": key(keys({"from": sms, **more}, ("from",)), "Who SMS come from."),
        },
        title="Senders",
    )


def _defaults() -> Schema:
    locale: Schema = {"type": "string", "pattern": "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$"}
    properties = {
        "timezone": key(TEXT, "A name of the IANA database; UTC without it.", "Europe/Stockholm"),
        "locale": key(locale, "The language, as a tag; en without it.", "sv"),
        "max_event_age": key(
            DURATION, "An older event counts as history and brings nobody in; 1 day without it.", "12 hours"
        ),
    }
    return keys(properties, title="Defaults")
