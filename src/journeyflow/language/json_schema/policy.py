"""The JSON Schema of journeys/policy.yaml."""

from journeyflow.language.caps import CALENDARS
from journeyflow.language.categories import CONSENTS
from journeyflow.language.hours import HOLIDAYS
from journeyflow.language.json_schema.conditions import CHANNEL, EVENT, WHERE, tests_on_properties
from journeyflow.language.json_schema.parts import (
    CLOCK,
    DURATION,
    NAME,
    NAME_PATTERN,
    SHARE,
    TEXT,
    Schema,
    key,
    keys,
    named,
    ref,
    text_like,
)
from journeyflow.language.presets import PRESETS
from journeyflow.language.tracking import UTM_WORDS
from journeyflow.language.values import WEEKDAYS

_COUNTRY = text_like("^[A-Z]{2}(-[A-Z0-9]{1,3})?$", 'Write two letters like "SE", or "US-FL".')
_LOCALE = "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$"


def document(categories: list[str] | None, topics: list[str] | None) -> Schema:
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
        "topics": key(
            {
                "type": "object",
                "propertyNames": {"pattern": NAME_PATTERN},
                "additionalProperties": {"anyOf": [TEXT, ref("topic")]},
            },
            "What customers can choose to hear about, or not.",
            {"news": "News"},
        ),
        "presets": key(
            {"type": "array", "items": {"enum": list(PRESETS)}},
            "Ready rules for caps and quiet hours, on the careful side of law and custom.",
            ["eu"],
        ),
        "caps": key(
            {"type": "array", "items": ref("cap")},
            "The most messages that one customer gets.",
            [{"channel": "sms", "at_most": 2, "per": "7 days"}],
        ),
        "quiet_hours": key(
            {"type": "array", "items": ref("hours")},
            "When nothing is sent; it goes out when they are over.",
            [{"channel": "sms", "from": "21:00", "to": "08:00"}],
        ),
        "send_windows": key(
            {"type": "array", "items": ref("hours")},
            "The only times at which the messages they concern are sent.",
            [{"channel": "sms", "days": ["mon", "tue"], "from": "10:00", "to": "18:00"}],
        ),
        "spread": key(
            {"anyOf": [{"const": "none"}, DURATION]},
            "Over how long held messages leave once they may; 5 minutes without it.",
            "10 minutes",
            "none",
        ),
        "double_opt_in": key(
            {"type": "array", "items": CHANNEL},
            "Channels on which consent counts only once it is confirmed.",
            ["email"],
        ),
        "senders": key(ref("senders"), "Who messages come from, by channel.", {"sms": {"from": "Club"}}),
        "brand": key(ref("brand"), "Who writes, as pages and answers to HELP say.", {"name": "Club"}),
        "tracking": key(
            ref("tracking"),
            "What is counted about readers, and what is added to links.",
            {"utm": {"source": "journeyflow", "medium": "{channel}", "campaign": "{journey}"}},
        ),
        "sms": key(
            ref("sms"), "What is done to texts of SMS before they leave.", {"opt_out": "Reply STOP to stop."}
        ),
        "retention": key(
            ref("retention"), "How long things are kept; for ever without it.", {"events": "730 days"}
        ),
        "purchases": key(
            ref("purchases"),
            "What a purchase is, for the classes of customers that are computed every night.",
            {"event": "order.completed", "value": "total"},
        ),
        "holdout": key(
            SHARE,
            "So many customers get nothing that needs consent, from any journey; at most 50%.",
            "5%",
        ),
        "defaults": key(ref("defaults"), "For customers of whom we know no more.", {"locale": "sv"}),
    }
    return {
        "title": "Policy",
        "description": "The rules of the whole programme.",
        **keys(properties),
        "$defs": {
            "category": _category(),
            "topic": _topic(),
            **tests_on_properties(),
            "cap": _cap(categories, topics),
            "hours": _hours(categories),
            "senders": _senders(),
            "brand": _brand(),
            "tracking": _tracking(),
            "sms": _sms(),
            "retention": _retention(),
            "purchases": _purchases(),
            "defaults": _defaults(),
        },
    }


def _category() -> Schema:
    applies: Schema = {"enum": ["apply", "exempt"]}
    bought = keys(
        {"event": EVENT, "where": WHERE, "within": key(DURATION, "So long ago at most.", "730 days")},
        ("event",),
        title="Purchase",
    )
    properties = {
        "consent": key(
            {"enum": list(CONSENTS)},
            "opt-in: the customer must have agreed, as without it. soft-opt-in: whoever bought and has not "
            "said no counts as well. not-required: nobody is asked.",
            "not-required",
        ),
        "bought": key(
            bought, "For soft-opt-in: what makes a customer a buyer.", {"event": "order.completed"}
        ),
        "caps": key(applies, "Whether caps count and hold these messages; apply without it.", "exempt"),
        "quiet_hours": key(applies, "Whether hours hold them back; apply without it.", "exempt"),
    }
    return keys(properties, title="Category") | {"type": ["object", "null"]}


def _topic() -> Schema:
    text: Schema = {
        "anyOf": [
            TEXT,
            {"type": "object", "propertyNames": {"pattern": _LOCALE}, "additionalProperties": TEXT},
        ]
    }
    properties = {
        "title": key(text, "What customers read; one text, or one for each language.", "News"),
        "about": key(text, "A sentence about it.", "Once a week, what is new."),
    }
    return keys(properties, ("title",), title="Topic")


def _scope(categories: list[str] | None) -> dict[str, Schema]:
    return {
        "channel": key(CHANNEL, "Only messages on this channel; all without it.", "sms"),
        "category": key(named(categories), "Only messages of this category; all without it.", "marketing"),
        "country": key(_COUNTRY, "Only customers in this country, or part of it.", "SE", "US-FL"),
    }


def _cap(categories: list[str] | None, topics: list[str] | None) -> Schema:
    number = {"type": "integer", "minimum": 1, "maximum": 1_000_000}
    window: Schema = {"anyOf": [{"enum": [f"calendar {name}" for name in CALENDARS]}, DURATION]}
    properties = {
        **_scope(categories),
        "topic": key(named(topics), "Only messages about this topic; all without it.", "news"),
        "journey": key(NAME, "Only messages of this journey; all without it.", "welcome"),
        "at_most": key(number, "So many messages.", 2),
        "per": key(
            window,
            "In any stretch of time of this length; or in a day, week or month of the calendar.",
            "7 days",
            "calendar day",
        ),
    }
    return keys(properties, ("at_most", "per"), title="Cap")


def _hours(categories: list[str] | None) -> Schema:
    days: Schema = {"type": "array", "minItems": 1, "items": {"enum": [*WEEKDAYS, HOLIDAYS]}}
    properties = {
        **_scope(categories),
        "days": key(days, "Only when they begin on one of these; every day without it.", ["sun", HOLIDAYS]),
        "from": key(CLOCK, "When they begin, where the customer is; with days, 00:00 without it.", "21:00"),
        "to": key(CLOCK, "When they end; may be the next morning.", "08:00"),
    }
    return keys(properties, title="Hours", anyOf=[{"required": ["from", "to"]}, {"required": ["days"]}])


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


def _brand() -> Schema:
    url = text_like("^https?://", 'Write an address like "https://www.example.com".')
    properties = {
        "name": key(TEXT, "The name that customers know.", "Club"),
        "url": key(url, "Where the shop is.", "https://www.example.com"),
        "help": key(TEXT, "How to reach a human.", "help@example.com"),
        "privacy_url": key(url, "What is done with data.", "https://www.example.com/privacy"),
    }
    return keys(properties, ("name",), title="Brand")


def _tracking() -> Schema:
    about = {
        "source": ("Where visitors come from.", "journeyflow"),
        "medium": ("What brought them.", "{channel}"),
        "campaign": ("What it was part of.", "{journey}"),
        "term": ("What they looked for.", "shoes"),
        "content": ("Which of several it was.", "{template}"),
        "id": ("The campaign's id.", "{step}"),
    }
    words = "|".join(UTM_WORDS)
    value = text_like(
        rf"^([^{{}}]|\{{({words})\}})*$", f"Of words in braces there are {', '.join(UTM_WORDS)}."
    ) | {"minLength": 1, "maxLength": 200}
    utm = {name: key(value, f"utm_{name}: {text}", example) for name, (text, example) in about.items()}
    properties = {
        "clicks": key({"type": "boolean"}, "false: links lead straight to their targets.", False),
        "opens": key({"type": "boolean"}, "false: no picture tells that an e-mail was opened.", False),
        "utm": key(
            keys(utm),
            "Added to the links of messages; {journey}, {template}, {channel} and {step} stand for what it "
            "is.",
            {"source": "journeyflow"},
        ),
    }
    return keys(properties, title="Tracking")


def _sms() -> Schema:
    by_locale: Schema = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": _LOCALE},
        "additionalProperties": TEXT,
    }
    properties = {
        "replace": key(
            {"type": "boolean"},
            "true: quotation marks, dashes and accents outside of the small alphabet of SMS are replaced by "
            "those that look alike, where that makes all of the text fit.",
            True,
        ),
        "short_links": key(
            {"type": "boolean"}, "true: links are short, and lead on to where they led.", True
        ),
        "opt_out": key(
            {"anyOf": [TEXT, by_locale]},
            "How to stop; put below a text that needs consent and does not say it. One text, or one for each "
            "language.",
            "Reply STOP to stop.",
            {"en": "Reply STOP to stop.", "sv": "Svara STOPP om du inte vill ha fler."},
        ),
        "opt_out_in": key(
            {"type": "array", "items": _COUNTRY},
            "Only for customers in these countries, and those whose country is not known; all without it.",
            ["US", "FR"],
        ),
    }
    return keys(properties, title="Sms", dependentRequired={"opt_out_in": ["opt_out"]})


def _retention() -> Schema:
    kept = {
        "events": "what customers did",
        "messages": "messages and what became of them",
        "enrollments": "passages through journeys, counted from their end",
        "consent_log": "decisions that later ones have replaced",
        "audit_log": "who did what",
    }
    return keys(
        {name: key(DURATION, f"How long {what} stay.", "730 days") for name, what in kept.items()},
        title="Retention",
    )


def _purchases() -> Schema:
    properties = {
        "event": key(TEXT, "The event of a purchase.", "order.completed"),
        "value": key(TEXT, "Its property with what was paid.", "total"),
    }
    return keys(properties, ("event", "value"), title="Purchases")


def _defaults() -> Schema:
    locale: Schema = {"type": "string", "pattern": _LOCALE}
    properties = {
        "timezone": key(TEXT, "A name of the IANA database; UTC without it.", "Europe/Stockholm"),
        "locale": key(locale, "The language, as a tag; en without it.", "sv"),
        "max_event_age": key(
            DURATION, "An older event counts as history and brings nobody in; 1 day without it.", "12 hours"
        ),
    }
    return keys(properties, title="Defaults")
