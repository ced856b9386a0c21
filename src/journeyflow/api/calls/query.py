"""What comes behind the question mark of an address: parameters that are known, each read in its way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request

from journeyflow.api.description import Schema
from journeyflow.api.problem import Refused
from journeyflow.audience.records import RecordError, identifier, instant

_MOST = 200  # of a page
_USUAL = 50
LARGEST = 2**63 - 1  # a number of ours


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    about: str
    schema: Schema
    read: Callable[[str, str], Any]  # given the text and the name; raises RecordError


def read(request: Request, parameters: Sequence[Parameter]) -> Mapping[str, Any]:
    """Those that were given. Raises Refused for others, and for what cannot be read."""
    known = {one.name: one for one in parameters}
    found: dict[str, Any] = {}
    for name, text in request.query_params.items():
        if name not in known:
            raise Refused(422, f"there is a parameter that is none of {', '.join(known)}")
        try:
            found[name] = known[name].read(text, name)
        except RecordError as error:
            raise Refused(422, str(error)) from None
    return found


def number(text: str, name: str, most: int = LARGEST) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) <= most):
        raise RecordError(f"{name} is not a whole number from 1 to {most}")
    return int(text)


def text(name: str, about: str) -> Parameter:
    return Parameter(name, about, {"type": "string"}, lambda given, at: identifier({at: given}, at))


def choice(name: str, about: str, values: Sequence[str]) -> Parameter:
    def one_of(given: str, at: str) -> str:
        if given not in values:
            raise RecordError(f"{at} is none of {', '.join(values)}")
        return given

    return Parameter(name, about, {"type": "string", "enum": list(values)}, one_of)


def moment(name: str, about: str) -> Parameter:
    def at(given: str, name: str) -> datetime:
        return instant(given, name)

    return Parameter(name, about, {"type": "string", "format": "date-time"}, at)


LIMIT = Parameter(
    "limit",
    f"How many at most; {_USUAL} without it.",
    {"type": "integer", "minimum": 1, "maximum": _MOST},
    lambda given, name: number(given, name, _MOST),
)


def limit_of(asked: Mapping[str, Any]) -> int:
    return int(asked.get("limit", _USUAL))
