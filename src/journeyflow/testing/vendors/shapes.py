"""The shapes of JSON that a vendor's API takes, and what it says to another one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    shortest: int = 0
    longest: int | None = None
    check: Callable[[str], str | None] = lambda text: None  # what is wrong with it
    message: str | None = None  # instead of the usual one


@dataclass(frozen=True, slots=True)
class Flag:
    pass


@dataclass(frozen=True, slots=True)
class Number:
    pass


@dataclass(frozen=True, slots=True)
class Anything:
    pass


@dataclass(frozen=True, slots=True)
class Many:
    of: "Shape"
    most: int | None = None
    least: int = 0
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Thing:
    """An object. `others`: the shape of properties that have no name here; None: there may be none."""

    properties: Mapping[str, "Shape"] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    others: "Shape | None" = None


Shape = Text | Flag | Number | Anything | Many | Thing


def problems(value: Any, shape: Shape, place: str = "") -> Iterator[Problem]:
    """All of them, in the order of the value."""
    match shape, value:
        case Anything(), _:
            return
        case Text(), str():
            yield from _of_text(value, shape, place)
        case (Flag(), bool()) | (Number(), int()) if isinstance(value, bool) == isinstance(shape, Flag):
            return
        case Many(), list():
            yield from _of_many(value, shape, place)
        case Thing(), dict():
            yield from _of_thing(value, shape, place)
        case _:
            message = shape.message if isinstance(shape, Text) else None
            told = f"Invalid type. Expected: {_EXPECTED[type(shape)]}, given: {_name(value)}."
            yield Problem(message or told, place or None)


_EXPECTED = {Text: "string", Flag: "boolean", Number: "integer", Many: "array", Thing: "object"}


def _of_text(value: str, shape: Text, place: str) -> Iterator[Problem]:
    if len(value) < shape.shortest:
        yield Problem(
            shape.message or f"String length must be greater than or equal to {shape.shortest}", place
        )
    elif shape.longest is not None and len(value) > shape.longest:
        yield Problem(shape.message or f"String length must be less than or equal to {shape.longest}", place)
    elif found := shape.check(value):
        yield Problem(found, place)


def _of_many(value: list[Any], shape: Many, place: str) -> Iterator[Problem]:
    if len(value) < shape.least:
        yield Problem(f"Array must have at least {shape.least} items", place)
    if shape.most is not None and len(value) > shape.most:
        yield Problem(f"Array must have at most {shape.most} items", place)
    if shape.unique and len({str(one) for one in value}) < len(value):
        yield Problem("Array items must be unique", place)
    for number, one in enumerate(value):
        yield from problems(one, shape.of, f"{place}.{number}")


def _of_thing(value: dict[str, Any], shape: Thing, place: str) -> Iterator[Problem]:
    for name in shape.required:
        if name not in value:
            yield Problem(f"{name} is required", _below(place, name))
    for name, one in value.items():
        known = shape.properties.get(name, shape.others)
        if known is None:
            yield Problem(f"Additional property {name} is not allowed", place or None)
        else:
            yield from problems(one, known, _below(place, name))


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _name(value: Any) -> str:
    names = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")
