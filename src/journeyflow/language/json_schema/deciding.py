"""The JSON Schema of what an experiment is about and when it is over."""

from journeyflow.language.deciding import ABOUT, BETTER, METHODS
from journeyflow.language.json_schema.conditions import EVENT, WHERE
from journeyflow.language.json_schema.parts import (
    DURATION,
    NUMBER,
    SHARE,
    TEXT,
    Schema,
    key,
    keys,
)

_SAID_OF = {"unsubscribed": "Who unsubscribes", "complained": "Who calls a letter spam"}


def deciding() -> dict[str, Schema]:
    """By the experiment's key."""
    return {
        "metric": key(
            _metric(),
            "What tells which variant is better; without it the journey's goal, if it has a time.",
            {"event": "order.completed", "within": "14 days"},
        ),
        "guardrails": key(
            _guardrails(), "What a variant must not do, however good it is.", {"unsubscribed": "0.5%"}
        ),
        "decide": key(_decide(), "How it is decided, and when.", {"method": "sequential", "minimum": 200}),
    }


def _metric() -> Schema:
    within = "How long each customer is watched, from where the ways part; 1 hour to 180 days."
    return keys(
        {
            "event": EVENT,
            "where": WHERE,
            "within": key(DURATION, within, "14 days"),
            "value": key(
                TEXT, "The property that is added up; without it customers who did it are counted.", "total"
            ),
            "at_most": key(
                {**NUMBER, "exclusiveMinimum": 0}, "What one customer adds at most to the value.", 500
            ),
            "better": key({"enum": list(BETTER)}, "Which of two is better; more without it.", "more", "less"),
        },
        ("event", "within"),
        dependentRequired={"at_most": ["value"]},
    )


def _guardrails() -> Schema:
    limits: dict[str, Schema] = {
        about: key(SHARE, f"{_SAID_OF[about]}: at most so many more than in the first variant.", example)
        for about, example in zip(ABOUT, ("0.5%", "0.1%"), strict=True)
    }
    return keys(limits, minProperties=1)


def _decide() -> Schema:
    return keys(
        {
            "method": key(
                {"enum": list(METHODS)},
                "sequential: looked at as often as you like, as without this key; fixed: looked at once; "
                "bandit: the better a variant does, the more customers it gets.",
                *METHODS,
            ),
            "alpha": key(
                SHARE, "How often a difference may be found where there is none; 5% without it.", "5%"
            ),
            "minimum": key(
                {"type": "integer", "minimum": 10},
                "So many customers in each variant have been watched to the end first; 100 without it.",
                200,
            ),
            "stop_after": key(
                DURATION, "So long after the first customer it is over in any case.", "90 days"
            ),
            "floor": key(SHARE, "The least share of a variant of a bandit; 5% without it.", "5%"),
        },
        allOf=[
            {"if": _with_method("fixed"), "then": {"required": ["stop_after"]}},
            {"if": {"not": _with_method("bandit")}, "then": {"not": {"required": ["floor"]}}},
        ],
    )


def _with_method(name: str) -> Schema:
    return {"properties": {"method": key({"const": name}, "This method.")}, "required": ["method"]}
