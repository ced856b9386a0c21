"""The JSON Schemas (2020-12) of the three kinds of files, for editors."""

from collections.abc import Callable
from dataclasses import dataclass, field

from journeyflow.language.json_schema import conditions, policy, steps
from journeyflow.language.json_schema.conditions import EVENT, WHERE
from journeyflow.language.json_schema.parts import (
    BOOLEAN,
    CLOCK,
    CRON,
    DAYS,
    DURATION,
    NAME,
    NAME_PATTERN,
    TEXT,
    Schema,
    key,
    keys,
    named,
    one_of_keys,
    ref,
    words,
)

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Names:
    """What an editor may propose; None: any name will do."""

    segments: list[str] | None = None
    categories: list[str] | None = None
    templates: dict[str, list[str]] = field(default_factory=dict)  # by channel
    journeys: list[str] | None = None
    topics: list[str] | None = None


def journey_schema(names: Names) -> Schema:
    return {
        "$schema": _DIALECT,
        "title": "A journey",
        "description": "One file of journeys/: who comes in, what happens to them, who leaves.",
        **keys(_journey(names), ("journey", "enter", "steps")),
        "$defs": {
            "enter": _enter(names),
            "exit": _exit(names),
            "goal": _goal(),
            **steps.definitions(names.templates, names.journeys),
            **conditions.definitions(names.segments),
        },
    }


def segments_schema(names: Names) -> Schema:
    return {
        "$schema": _DIALECT,
        "title": "Segments",
        "description": "Names for conditions, to be used in journeys.",
        "type": "object",
        "propertyNames": {"pattern": NAME_PATTERN},
        "additionalProperties": ref("condition"),
        "$defs": conditions.definitions(names.segments),
    }


def policy_schema(names: Names) -> Schema:
    return {"$schema": _DIALECT, **policy.document(names.categories, names.topics)}


SCHEMAS: dict[str, Callable[[Names], Schema]] = {
    "journey": journey_schema,
    "segments": segments_schema,
    "policy": policy_schema,
}


def _journey(names: Names) -> dict[str, Schema]:
    priority = {"type": "integer", "minimum": 0, "maximum": 100}
    return {
        "journey": key(NAME, "The journey's name, the same as the file's.", "welcome"),
        "title": key(TEXT, "What people call it.", "Welcome to the club"),
        "category": key(
            named(names.categories),
            "The kind of its messages, which decides what rules hold for them; marketing without it.",
            "marketing",
        ),
        "topic": key(
            named(names.topics),
            "What its messages are about, which customers can choose to hear of or not; nothing without it.",
            "news",
        ),
        "priority": key(
            priority,
            "How important the journey is, from 0 to 100; 50 without it. Of messages that compete for the "
            "last place under a cap the higher one wins, and a lower one that is not sent yet gives its "
            "place up.",
            70,
        ),
        "enter": key(ref("enter"), "What brings customers in.", {"event": "member.joined"}),
        "exit": key(
            {"type": "array", "items": ref("exit")},
            "Who leaves before the end; looked at whenever they go on, and before every message.",
            [{"event": "order.refunded"}],
        ),
        "goal": key(
            ref("goal"),
            "What counts as success, for reports.",
            {"event": "order.completed", "within": "30 days"},
        ),
        "allow": key(
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": "^JF[0-9]{3}$"},
                "additionalProperties": TEXT,
            },
            "Warnings of the check that are all right here: the code, and why.",
            {"JF307": "a receipt and a letter, agreed with the board"},
        ),
        "steps": key(
            {**steps.STEPS, "minItems": 1},
            "What happens, one after the other.",
            [{"send": {"email": "welcome"}}],
        ),
    }


def _enter(names: Names) -> Schema:
    kinds = {
        "event": key(TEXT, "Come in when the customer does this.", "member.joined"),
        "date": key(
            _date(), "Come in on a date of the customer's.", {"attribute": "birthday", "at": "09:00"}
        ),
        "segment": key(named(names.segments), "Come in when the customer joins this segment.", "lapsed"),
        "schedule": key(
            CRON,
            "Come in at set times: minute, hour, day of month, month, weekday, in the policy's timezone.",
            "0 9 * * mon",
        ),
        "manual": key({"const": True}, "Come in only when asked for, by hand or by another journey.", True),
    }
    more = {
        "where": WHERE,
        "when": key(ref("condition"), "Only customers for whom this holds.", {"consent": "email"}),
        "again": key(
            words(("never", "always"), "after"),
            "Whether one may come in a second time: never (as without this key), always, or after so long.",
            "never",
            "after 30 days",
            "always",
        ),
        "spread": key(
            DURATION,
            "Those who come in together set out one after the other over this time, 24 hours at most; not "
            "with event or manual.",
            "2 hours",
        ),
    }
    alone = [{"required": [kind]} for kind in ("event", "manual")]
    return keys(
        {**kinds, **more},
        title="Entry",
        oneOf=one_of_keys(*kinds),
        dependentRequired={"where": ["event"]},
        dependentSchemas={"spread": {"not": {"anyOf": alone}}},
    )


def _date() -> Schema:
    return keys(
        {
            "attribute": key(TEXT, "The attribute that holds the date.", "birthday"),
            "at": key(CLOCK, "The time of day, where the customer lives.", "09:00"),
            "offset": key(DAYS, "So many days before (with a minus) or after the date.", "-7 days"),
            "yearly": key(BOOLEAN, "true: every year on that day.", True),
            "leap_day": key(
                {"enum": ["feb-28", "mar-01"]}, "When 29 February comes in other years.", "feb-28"
            ),
        },
        ("attribute", "at"),
    )


def _exit(names: Names) -> Schema:
    when = key(ref("condition"), "Leave as soon as this holds.", {"segment": "do-not-disturb"})
    properties = {
        "event": key(TEXT, "Leave when this happens.", "order.refunded"),
        "where": WHERE,
        "when": when,
        "leaves": key(named(names.segments), "Leave when the customer leaves this segment.", "lapsed"),
    }
    return keys(
        properties,
        title="Exit rule",
        oneOf=one_of_keys("event", "when", "leaves"),
        dependentRequired={"where": ["event"]},
    )


def _goal() -> Schema:
    return keys(
        {
            "event": EVENT,
            "where": WHERE,
            "within": key(DURATION, "Only so long after coming in.", "30 days"),
            "value": key(TEXT, "The event's property that is added up.", "total"),
        },
        ("event",),
        title="Goal",
    )
