"""The JSON Schema of steps."""

from journeyflow.language.json_schema.conditions import CHANNEL, EVENT, WHERE
from journeyflow.language.json_schema.deciding import deciding
from journeyflow.language.json_schema.parts import (
    CLOCK,
    DAYS,
    DAYS_OF_WEEK,
    DURATION,
    NAME,
    NAME_PATTERN,
    NUMBER,
    SCALAR,
    SHARE,
    TEXT,
    Schema,
    key,
    keys,
    named,
    one_of_keys,
    ref,
    text_like,
    words,
)

STEPS: Schema = {"type": "array", "items": ref("step")}
_EVENTS: Schema = {"anyOf": [TEXT, {"type": "array", "minItems": 1, "items": TEXT}]}


def definitions(templates: dict[str, list[str]], journeys: list[str] | None) -> dict[str, Schema]:
    kinds = _kinds(journeys)
    named_by = key(NAME, "A name of the step's own, for reports and tests.", "first-order")
    step = keys({**kinds, "id": named_by}, oneOf=one_of_keys(*kinds))
    end = {"const": "end", "description": "The journey is over for the customer."}
    return {
        "step": {"title": "Step", "description": "What happens next.", "anyOf": [step, end]},
        "send": _send(templates),
        "wait": _wait(),
        "wait_for": _wait_for(),
        "branch": _branch(),
        "experiment": _experiment(),
        "update": _update(),
        "webhook": _webhook(),
    }


def _kinds(journeys: list[str] | None) -> dict[str, Schema]:
    return {
        "send": key(
            ref("send"), "Send a message: the channel, and the name of its template.", {"email": "welcome"}
        ),
        "wait": key(
            ref("wait"),
            "Wait for so long, or until a time of day, a date, or an hour of the customer's own.",
            "1 day",
        ),
        "wait_for": key(
            ref("wait_for"),
            "Wait until the customer does something, or until the time is up.",
            {"event": "order.completed", "timeout": "7 days"},
        ),
        "branch": key(
            ref("branch"),
            "Go different ways: the first arm whose condition holds.",
            [{"when": {"consent": "sms"}, "then": [{"send": {"sms": "hello"}}]}],
        ),
        "experiment": key(
            ref("experiment"),
            "Try several ways by chance, each with its share of the customers, and leave some alone.",
            {
                "name": "timing",
                "variants": {"now": {"share": "50%", "steps": []}, "later": {"share": "50%", "steps": []}},
            },
        ),
        "update": key(ref("update"), "Change what is kept about the customer.", {"points": {"add": 50}}),
        "webhook": key(
            ref("webhook"),
            "Tell another program, which gets what happened and the body as JSON.",
            {"url": "https://example.com/hook", "body": {"name": "{{ customer.first_name | default('') }}"}},
        ),
        "journey": key(
            named(journeys), "Ask for the customer to enter another journey, and go on here.", "win-back"
        ),
    }


def _send(templates: dict[str, list[str]]) -> Schema:
    spoken = {"email": "an e-mail", "sms": "an SMS"}
    channels = {
        name: key(named(templates.get(name)), f"Send {spoken[name]}, made from this template.", "welcome")
        for name in CHANNEL["enum"]
    }
    if_capped = key(
        words(("skip", "exit"), "wait up to"),
        "When a cap is full: leave the message out (skip, as without this key), wait for room, or leave "
        "the journey (exit).",
        "skip",
        "wait up to 2 days",
        "exit",
    )
    when_unknown = key(
        {"enum": ["leave", "resend"]},
        "When the provider's answer was lost and nobody can tell whether the message went out: leave it at "
        "that (leave, as without this key), or send it once more after 10 minutes (resend), so that it may "
        "arrive twice. Only in categories that need no consent.",
        "resend",
    )
    saying = {"if_capped": if_capped, "when_unknown": when_unknown}
    return keys({**channels, **saying}, oneOf=one_of_keys(*channels), title="Send")


def _wait() -> Schema:
    at = key(CLOCK, "The time of day, where the customer lives.", "09:00")
    date = keys(
        {
            "attribute": key(TEXT, "The attribute that holds the date.", "renewal_date"),
            "offset": key(DAYS, "So many days before (with a minus) or after the date.", "-7 days"),
            "at": at,
        },
        ("attribute", "at"),
    )
    until = key(
        {"anyOf": [CLOCK, date]}, "A time of day where the customer lives, or a date of theirs.", "10:00"
    )
    days = key(DAYS_OF_WEEK, "Only on these days of the week.", ["mon", "tue", "wed", "thu", "fri"])
    best = key(
        _best_time(),
        "The hour at which this customer has mostly acted before.",
        {"events": ["email.clicked", "order.completed"]},
    )
    either = [{"required": ["until"]}, {"required": ["best_time"], "not": {"required": ["days"]}}]
    return {
        "title": "Wait",
        "anyOf": [DURATION, keys({"until": until, "days": days, "best_time": best}, oneOf=either)],
    }


def _best_time() -> Schema:
    return keys(
        {
            "events": key(_EVENTS, "What customers do when they have time.", ["email.clicked"]),
            "within": key(
                DURATION, "How long to wait at most, 2 to 48 hours; 24 hours without it.", "24 hours"
            ),
            "otherwise": key(
                CLOCK, "The time of day while nothing is known of anybody; 10:00 without it.", "10:00"
            ),
        },
        ("events",),
    )


def _wait_for() -> Schema:
    return keys(
        {
            "event": key(
                _EVENTS, EVENT["description"] + " Several in a list: any of them.", "order.completed"
            ),
            "where": WHERE,
            "timeout": key(DURATION, "How long to wait.", "7 days"),
            "then": key(STEPS, "The steps when it came.", [{"update": {"points": {"add": 50}}}]),
            "otherwise": key(STEPS, "The steps when the time is up.", [{"send": {"sms": "nudge"}}]),
        },
        ("event", "timeout"),
        title="Wait for an event",
    )


def _branch() -> Schema:
    asking = {
        "when": key(ref("condition"), "Who goes this way.", {"segment": "loyal"}),
        "then": key(STEPS, "The steps of this way.", [{"send": {"email": "vip-thanks"}}]),
    }
    rest = key(STEPS, "The steps of all others; stands last.", [{"wait": "2 days"}])
    arm = keys(
        {**asking, "otherwise": rest}, oneOf=[{"required": ["when", "then"]}, {"required": ["otherwise"]}]
    )
    return {
        "title": "Branch",
        "type": "array",
        "minItems": 1,
        "prefixItems": [keys(asking, ("when", "then"))],
        "items": arm,
        # That it is the last cannot be said.
        "contains": {"required": ["otherwise"]},
        "minContains": 0,
        "maxContains": 1,
    }


def _experiment() -> Schema:
    variant = keys(
        {
            "share": key(SHARE, "How many of the customers go this way.", "45%"),
            "steps": key(STEPS, "The steps of this way; there may be none.", [{"wait": "1 day"}]),
        },
        ("share", "steps"),
    )
    variants: Schema = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": NAME_PATTERN},
        "additionalProperties": variant,
    }
    return keys(
        {
            "name": key(NAME, "What it is called in reports; it also decides who goes which way.", "timing"),
            "holdout": key(SHARE, "So many are left alone: the journey ends here for them.", "10%"),
            "variants": key(
                variants,
                "The ways by name, the one that the others are compared with first. Their shares and the "
                "holdout add up to 100%.",
                {"now": {"share": "90%", "steps": []}},
            ),
            **deciding(),
        },
        ("name", "variants"),
        title="Experiment",
    )


def _update() -> Schema:
    changed = {
        "add": key(NUMBER, "Add this number; with a minus, take it away.", 50),
        "append": key(SCALAR, "Put this into the list, if it is not in it.", "vip"),
        "remove": key(SCALAR, "Take this out of the list.", "vip"),
    }
    change = {"anyOf": [SCALAR, {"type": "null"}, keys(changed, minProperties=1, maxProperties=1)]}
    said = "A new value, a change of the old one, or nothing to forget it."
    return {
        "title": "Update",
        "type": "object",
        "minProperties": 1,
        "properties": _addresses(),
        "additionalProperties": key(change, said, True, {"add": 50}, {"append": "vip"}, None),
    }


def _addresses() -> dict[str, Schema]:
    """The attributes that messages go by."""
    phone = {"pattern": r"^\+[1-9][0-9]{6,14}$", "patternErrorMessage": 'Write it like "+46701740605".'}
    optional: Schema = {"type": ["string", "null"]}
    return {
        "email": key({**optional, "pattern": "^[^@]+@[^@]+$"}, "The e-mail address.", "name@example.com"),
        "phone": key({**optional, **phone}, "The number with its country code.", "+46701740605"),
        "timezone": key(optional, "A name of the IANA database.", "Europe/Stockholm"),
        "locale": key(optional, "The language, as a tag.", "sv"),
    }


def _webhook() -> Schema:
    url = text_like(
        r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])[:/])",
        'Write an address that begins with "https://"; "http://" only on this machine.',
    )
    body = {"type": "object", "additionalProperties": {"anyOf": [SCALAR, {"type": "null"}]}}
    return keys(
        {
            "url": key(url, "Where it goes, the same for every customer.", "https://example.com/hook"),
            "body": key(
                body,
                "What is told: values, or texts with {{ customer... }}, {{ event... }} and {{ journey... }}.",
                {"name": "{{ customer.first_name | default('') }}"},
            ),
        },
        ("url",),
        title="Webhook",
    )
