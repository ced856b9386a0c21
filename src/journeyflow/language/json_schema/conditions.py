"""The JSON Schema of conditions, and of the tests that they share with events."""

from journeyflow.language.json_schema.parts import (
    BOOLEAN,
    DURATION,
    MOMENT,
    NAME,
    NUMBER,
    SCALAR,
    TEXT,
    Schema,
    key,
    keys,
    named,
    one_of_keys,
    ref,
)
from journeyflow.rfm import QUINTILES, RANKED

CHANNEL: Schema = {"enum": ["email", "sms"]}
EVENT = key(TEXT, "The event's name, as it comes in.", "order.completed")
WHERE = key(
    ref("where"), "Tests on the event's properties; all of them must hold.", {"total": {"at_least": 100}}
)

_MEMBERS: Schema = {"type": "array", "minItems": 1, "items": SCALAR}
_COMPARISONS: dict[str, Schema] = {
    "is": key(SCALAR, "Equal to this value.", "gold"),
    "is_not": key(SCALAR, "There is a value, and it is another one.", "gold"),
    "in": key(_MEMBERS, "Equal to one of these values.", ["gold", "platinum"]),
    "not_in": key(_MEMBERS, "There is a value, and it is none of these.", ["bronze"]),
    "at_least": key(NUMBER, "This number or more.", 100),
    "at_most": key(NUMBER, "This number or less.", 5),
    "more_than": key(NUMBER, "More than this number.", 0),
    "less_than": key(NUMBER, "Less than this number.", 10),
    "exists": key(BOOLEAN, "true: there is a value; false: there is none.", True),
    "contains": key(SCALAR, "A text that has this text in it, or a list that has this value.", "jazz"),
    "before": key(MOMENT, "A date or time before this one.", "2026-01-31"),
    "after": key(MOMENT, "A date or time after this one.", "2026-01-31T09:00:00+01:00"),
}
_NUMERIC = ("is", "is_not", "at_least", "at_most", "more_than", "less_than")


def definitions(segments: list[str] | None) -> dict[str, Schema]:
    numbers = {name: key(NUMBER, _COMPARISONS[name]["description"], 2) for name in _NUMERIC}
    return {
        **tests_on_properties(),
        "numbers": keys(numbers, minProperties=1, title="Comparisons of numbers"),
        "condition": _condition(segments),
    }


def tests_on_properties() -> dict[str, Schema]:
    """What WHERE refers to."""
    return {
        "comparisons": keys(_COMPARISONS, minProperties=1, title="Comparisons"),
        "where": {"type": "object", "minProperties": 1, "additionalProperties": ref("comparisons")},
    }


def _condition(segments: list[str] | None) -> Schema:
    kinds = _kinds(segments)
    of_event = {
        "within": key(DURATION, "Only events of the last so long.", "90 days"),
        "since": key({"enum": ["entry"]}, "Only events after the customer entered the journey.", "entry"),
        "where": WHERE,
        "count": key(ref("numbers"), "How many such events; one is enough without it.", {"at_least": 2}),
        "sum": key(
            _sum(), "What a property of these events adds up to.", {"property": "total", "at_least": 500}
        ),
        "first": key(_pick(), "What the first of these events is like.", {"within": "30 days"}),
        "most_recent": key(
            _pick(), "What the last of these events is like.", {"where": {"total": {"at_least": 100}}}
        ),
    }
    needs = {name: ["attribute"] for name in _COMPARISONS} | {name: ["event"] for name in of_event}
    return keys(
        {**kinds, **_COMPARISONS, **of_event},
        title="Condition",
        description="A question about the customer that is answered with yes or no.",
        oneOf=one_of_keys(*kinds),
        dependentRequired=needs,
        dependentSchemas={"attribute": {"anyOf": one_of_keys(*_COMPARISONS)}},
    )


def _kinds(segments: list[str] | None) -> dict[str, Schema]:
    several: Schema = {"type": "array", "minItems": 1, "items": ref("condition")}
    return {
        "all": key(several, "Every condition in this list holds.", [{"segment": "loyal"}]),
        "any": key(several, "At least one condition in this list holds.", [{"consent": "email"}]),
        "not": key(ref("condition"), "The condition does not hold.", {"segment": "do-not-disturb"}),
        "attribute": key(TEXT, "A value that is kept about the customer, to compare with.", "tier"),
        "event": key(TEXT, "The customer has done this, at some time up to now.", "order.completed"),
        "segment": key(named(segments), "The customer is in this segment now.", "loyal"),
        "consent": key(_consent(), "The customer has agreed to hear from us on this channel.", "email"),
        "message": key(
            _message(), "A message to the customer has come so far.", {"template": "welcome", "was": "opened"}
        ),
        "rfm": key(
            _rfm(),
            "Tests on what the customer's purchases amount to, all of which must hold.",
            {"class": {"in": ["loyal", "champion"]}},
        ),
        "trigger": key(
            ref("where"), "Tests on the event that brought the customer in.", {"source": {"is": "store"}}
        ),
    }  # fmt: skip


def _consent() -> Schema:
    channel = key(CHANNEL, "E-mail or SMS.", "email")
    topic = key(TEXT, "Only what is sent about this; the channel as a whole without it.", "offers")
    return {"anyOf": [CHANNEL, keys({"channel": channel, "topic": topic}, ("channel",))]}


def _message() -> Schema:
    was = {"enum": ["sent", "delivered", "opened", "clicked", "bounced", "failed"]}
    return keys(
        {
            "template": key(NAME, "The template it was made from, in this journey or another.", "welcome"),
            "was": key(was, "What was clicked was also opened, delivered and sent.", "opened"),
            "channel": key(CHANNEL, "Only on this channel.", "email"),
            "within": key(DURATION, "Only if it was sent in the last so long.", "30 days"),
        },
        ("template", "was"),
    )


def _rfm() -> Schema:
    name: Schema = {"enum": list(RANKED)}
    several: Schema = {"type": "array", "minItems": 1, "items": name}
    one = {op: key(name, _COMPARISONS[op]["description"], "loyal") for op in ("is", "is_not")}
    among = {
        op: key(several, _COMPARISONS[op]["description"], ["loyal", "champion"]) for op in ("in", "not_in")
    }
    quintile = {"type": "integer", "minimum": 1, "maximum": 5}
    numbers = keys(
        {op: key(quintile, _COMPARISONS[op]["description"], 4) for op in _NUMERIC}, minProperties=1
    )
    what = {
        "recency": "How lately they bought, from 1 to 5: 5 is the fifth of the customers who did last.",
        "frequency": "How often they bought, from 1 to 5.",
        "monetary": "How much they spent, from 1 to 5.",
    }
    return keys(
        {
            "class": key(keys(one | among, minProperties=1), "The class that they are in.", {"is": "loyal"}),
            **{name: key(numbers, what[name], {"at_least": 4}) for name in QUINTILES},
        },
        minProperties=1,
    )


def _pick() -> Schema:
    within = key(DURATION, "It happened in the last so long.", "30 days")
    return keys({"within": within, "where": WHERE}, minProperties=1)


def _sum() -> Schema:
    numbers = {name: key(NUMBER, _COMPARISONS[name]["description"], 500) for name in _NUMERIC}
    added = key(NAME | {"pattern": "."}, "The property that is added up.", "total")
    return keys({"property": added, **numbers}, ("property",), minProperties=2)
