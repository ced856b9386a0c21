"""The shapes of what calls take and give, as the OpenAPI description has them."""

from journeyflow.api.description import Schema, record
from journeyflow.audience.records import CHANNELS, COLUMNS, CONSENT_FIELDS
from journeyflow.plan import WEBHOOK

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
FREE: Schema = {"type": "object", "additionalProperties": True}
STATES = (
    "held", "dropped", "queued", "outranked", "sending", "sent", "failed", "unknown", "cancelled",
    "delivered", "opened", "clicked", "bounced",
)  # fmt: skip
MEDIA = (*CHANNELS, WEBHOOK)


def listed(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def perhaps(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def by_name(of: Schema) -> Schema:
    return {"type": "object", "additionalProperties": of}


def page(name: str, of: Schema) -> Schema:
    return record(
        {name: listed(of), "next": {**perhaps(TEXT), "description": "For `before`; null: the end."}}
    )


_COLUMNS = {name: perhaps(TEXT) for name in COLUMNS}
_INSIDE = record(
    {"journey": TEXT, "version": TEXT, "entered_at": TIME, "step": perhaps(TEXT), "wake_at": perhaps(TIME)}
)
_RFM = record({"class": TEXT, "recency": NUMBER, "frequency": NUMBER, "monetary": NUMBER, "at": TIME})
CUSTOMER = record(
    {
        "id": TEXT,
        **_COLUMNS,
        "attributes": FREE,
        "consents": by_name({"type": "string", "enum": ["granted", "denied", "pending"]}),
        "aliases": listed(TEXT),
        "segments": listed(record({"segment": TEXT, "joined_at": TIME})),
        "journeys": listed(_INSIDE),
        "rfm": {"anyOf": [_RFM, {"type": "null"}]},
        "created_at": TIME,
        "updated_at": TIME,
    }
)
PATCH: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **_COLUMNS,
        "attributes": {**FREE, "description": "Those that are left out stay; null removes one."},
        "consents": by_name({"type": "string", "enum": ["granted", "denied"]}),
        **{name: perhaps(TEXT) for name in CONSENT_FIELDS},
    },
}
PATCHED = record(
    {
        "outcome": {"type": "string", "enum": ["changed", "unchanged"]},
        "consents_not_granted": {
            **by_name(NUMBER), "description": "How many stay as they are, or wait for an answer, by state.",
        },
    }
)  # fmt: skip
ERASED = record(
    {
        "removed": {**by_name(NUMBER), "description": "Rows by table."},
        "suppressed": {**listed(TEXT), "description": "Channels on which nothing is sent to them any more."},
        "handed_over": {**listed(NUMBER), "description": "Messages that a provider was given."},
        "under_way": {**listed(NUMBER), "description": "Of these, the ones being handed over just then."},
        "sharing": {
            **listed(TEXT),
            "description": "Ids of others with their address: they get nothing there.",
        },
        "overwritten": {**FLAG, "description": "Else run `journeyflow customer wipe` later."},
    }
)
MOMENTS = page("moments", record({"at": TIME, "what": TEXT, "where": TEXT, "text": TEXT}))

_NUMBERS = ("entered", "inside", "finished", "exited", "failed", "reached_goal")
_JOURNEY = {
    "name": TEXT, "title": TEXT, "version": TEXT, "enabled": FLAG, "paused_since": perhaps(TIME),
    **dict.fromkeys(_NUMBERS, NUMBER),
}  # fmt: skip
_RESTING = {
    "version": TEXT, "step": TEXT, "kind": TEXT, "members": NUMBER, "first_due": perhaps(TIME),
    "last_due": perhaps(TIME),
}  # fmt: skip
JOURNEYS = record({"journeys": listed(record(_JOURNEY))})
JOURNEY = record(
    {
        **_JOURNEY,
        "exited_by": {**by_name(NUMBER), "description": "By rule."},
        "resting": listed(record(_RESTING)),
        "messages": listed(record({"channel": TEXT, "state": TEXT, "reason": TEXT, "number": NUMBER})),
    }
)
PAUSED = record({"name": TEXT, "paused_since": TIME})
RESUMED = record({"name": TEXT, "went_on": {**NUMBER, "description": "Who rested because of the pause."}})
ENTRANTS: Schema = {
    "type": "object",
    "properties": {
        "customers": {"type": "array", "minItems": 1, "maxItems": 1_000, "items": {"type": "string"}},
        "segment": {**TEXT, "description": "Everybody who is in it, instead of `customers`."},
        "idempotency_key": {"type": "string", "minLength": 1, "maxLength": 200},
    },
    "additionalProperties": False,
    "oneOf": [{"required": ["customers"]}, {"required": ["segment"]}],
}
_OUTCOME = {"type": "string", "enum": ["asked", "inside", "unknown"]}
ASKED = record(
    {
        "asked": NUMBER,
        "inside": NUMBER,
        "unknown": NUMBER,
        "results": listed(record({"customer": TEXT, "outcome": _OUTCOME})),
    },
    optional=["results"],
)

MESSAGE = record(
    {
        "number": NUMBER,
        "customer": TEXT,
        "journey": TEXT,
        "version": TEXT,
        "step": TEXT,
        "channel": TEXT,
        "template": TEXT,
        "category": TEXT,
        "topic": TEXT,
        "priority": NUMBER,
        "state": {"type": "string", "enum": list(STATES)},
        "reason": perhaps(TEXT),
        "detail": FREE,
        "decided_at": TIME,
        "claimed_at": perhaps(TIME),
        "sent_at": perhaps(TIME),
        "provider_id": perhaps(TEXT),
    }
)
MESSAGES = page("messages", MESSAGE)
