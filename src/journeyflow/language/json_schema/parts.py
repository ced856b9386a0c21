"""The small parts of the JSON Schemas: single values, and sets of keys.

What the language reads must be accepted, so these are as lenient as `values`: it takes scalars as text,
where an editor sees numbers and booleans.
"""

from typing import Any

from journeyflow.language.durations import MAX_DAYS, MAX_SECONDS, UNITS
from journeyflow.language.values import WEEKDAYS

Schema = dict[str, Any]


def _at_most(number: int) -> str:
    """A pattern of the whole numbers from 0 on; zeros may stand before them."""
    digits = str(number)
    shorter = [f"[0-9]{{1,{len(digits) - 1}}}"] if len(digits) > 1 else []
    smaller = [
        f"{digits[:place]}[{least}-{int(digit) - 1}][0-9]{{{len(digits) - place - 1}}}"
        for place, digit in enumerate(digits)
        if int(digit) > (least := 0 if place else 1)
    ]
    return f"0*({'|'.join([*shorter, *smaller, digits])})"


_MOST = {name: _at_most(MAX_SECONDS // size) for name, size in UNITS.items()}
_UNIT = "(" + "|".join(f"{most} +{name}s?" for name, most in _MOST.items()) + ")"
_NOT_ZERO = "(?=.*[1-9])"
_WORDS = f"{_NOT_ZERO}{_UNIT}( +{_UNIT})* *"
_ISO = (
    f"{_NOT_ZERO}P(?=[0-9T])({_MOST['week']}W)?({_MOST['day']}D)?"
    f"(T(?=[0-9])({_MOST['hour']}H)?({_MOST['minute']}M)?({_MOST['second']}S)?)?"
)
_DAYS = f"[+-]?({_at_most(MAX_DAYS)} +days?|{_at_most(MAX_DAYS // 7)} +weeks?)"
_ISO_DAYS = f"[+-]?P({_at_most(MAX_DAYS)}D|{_at_most(MAX_DAYS // 7)}W)"

NAME_PATTERN = "^[a-z0-9][a-z0-9_-]{0,99}$"


def text_like(pattern: str, way_out: str) -> Schema:
    """`patternErrorMessage` is no part of JSON Schema; editors show it instead of the pattern."""
    return {"type": "string", "pattern": pattern, "patternErrorMessage": way_out}


SCALAR: Schema = {"type": ["string", "number", "boolean"]}
NUMBER: Schema = {"type": "number"}
BOOLEAN: Schema = {"type": "boolean"}
# Any scalar; said in this way, because an editor would propose true and false for the type boolean.
TEXT: Schema = {"not": {"type": ["array", "object", "null"]}}
NAME: Schema = {**TEXT, "pattern": NAME_PATTERN, "patternErrorMessage": "Use only a-z, 0-9, - and _."}
DURATION = text_like(
    f"^ *({_WORDS}|{_ISO})$", 'Write a length of time, like "90 minutes", "1 day 2 hours" or "2 weeks".'
)
DAYS = text_like(f"^ *({_DAYS}|{_ISO_DAYS}) *$", 'Write whole days, like "-7 days" or "2 weeks".')
CLOCK = text_like("^([01][0-9]|2[0-3]):[0-5][0-9]$", 'Write a time from "00:00" to "23:59", like "09:30".')
MOMENT = text_like(
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))?$",
    'Write a date like "2026-01-31", or a time with its offset like "2026-01-31T09:00:00+01:00".',
)
CRON = text_like(
    r"^\s*\S+(\s+\S+){4}\s*$", 'Write minute, hour, day of month, month and weekday, like "0 9 * * mon".'
)
SHARE = text_like("^[0-9]{1,3}([.][0-9]{1,2})? ?%$", 'Write percent, like "45%" or "33.34%".')
DAYS_OF_WEEK: Schema = {"type": "array", "minItems": 1, "items": {"enum": list(WEEKDAYS)}}


def key(schema: Schema, description: str, *examples: Any) -> Schema:
    """A key's value, with what an editor tells about it."""
    return {**schema, "description": description, **({"examples": list(examples)} if examples else {})}


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def keys(properties: dict[str, Schema], required: tuple[str, ...] = (), **more: Any) -> Schema:
    """A set of keys of which each is known."""
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, "additionalProperties": False, **needed, **more}


def one_of_keys(*names: str) -> list[Schema]:
    """For `oneOf`: exactly one of these keys is there."""
    return [{"required": [name]} for name in names]


def words(words: tuple[str, ...], phrase: str) -> Schema:
    """One of some words, or a phrase that ends in a duration."""
    way_out = f'Write {", ".join(words)} or "{phrase} 2 days".'
    return {"anyOf": [{"enum": list(words)}, text_like(f"^{phrase} *({_WORDS}|{_ISO})$", way_out)]}


def named(names: "list[str] | None") -> Schema:
    """One of the names that there are, if they are known."""
    return {"enum": names} if names else NAME
