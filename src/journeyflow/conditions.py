"""Conditions as data: what a plan, a segment and an entry rule ask about a customer.

One meaning everywhere: `audience` turns these into SQL. Durations are whole seconds.
A missing attribute or property makes a comparison false, never an error.
"""

from dataclasses import dataclass
from typing import Annotated, Literal
from typing import Any as Anything

from pydantic import Field, TypeAdapter

Scalar = str | int | float | bool
Operator = Literal[
    "is", "is_not", "in", "not_in", "at_least", "at_most", "more_than", "less_than",
    "exists", "contains", "before", "after",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of a named value: an attribute of the customer or a property of an event."""

    name: str
    op: Operator
    # A tuple for in and not_in, a bool for exists, ISO 8601 text for before and after.
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class EventMatch:
    """An event by its name, with tests on its properties that must all hold."""

    event: str
    where: tuple[Test, ...] = ()


@dataclass(frozen=True, slots=True)
class Attribute:
    """All tests hold on the customer's attributes (email, phone, timezone, locale count as attributes)."""

    tests: tuple[Test, ...]
    kind: Literal["attribute"] = "attribute"


@dataclass(frozen=True, slots=True)
class Trigger:
    """All tests hold on the properties of the event that brought the customer in; false without one."""

    tests: tuple[Test, ...]
    kind: Literal["trigger"] = "trigger"


Which = Literal["first", "most_recent"]


@dataclass(frozen=True, slots=True)
class Pick:
    """What one event has to be like, of those that a condition is about."""

    within: int | None = None  # seconds back from now
    where: tuple[Test, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """Events in the customer's past, up to now: at least one, or as many as `count` / `sum` ask.

    With `first` or `most_recent` there is one, too, and the oldest or the newest of them is like that.
    """

    match: EventMatch
    within: int | None = None  # seconds back from now
    since_entry: bool = False  # only events after the entry of this enrollment
    count: tuple[Test, ...] = ()  # tests named "count"
    sum: tuple[Test, ...] = ()  # tests named after the property that is added up
    first: Pick | None = None
    most_recent: Pick | None = None
    kind: Literal["history"] = "history"

    @property
    def picks(self) -> dict[Which, Pick]:
        asked: dict[Which, Pick | None] = {"first": self.first, "most_recent": self.most_recent}
        return {which: pick for which, pick in asked.items() if pick is not None}


@dataclass(frozen=True, slots=True)
class Consent:
    """Consent is granted for the channel (and topic: "" is the channel as a whole)."""

    channel: str
    topic: str = ""
    kind: Literal["consent"] = "consent"


Was = Literal["sent", "delivered", "opened", "clicked", "bounced", "failed"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message made from the template, in any journey, has come that far (see `ledger.WAS`)."""

    template: str
    was: Was
    channel: str | None = None  # None: any
    within: int | None = None  # seconds back from now, counted from its sending
    kind: Literal["message"] = "message"


@dataclass(frozen=True, slots=True)
class Rfm:
    """All tests hold on what the customer's purchases amount to, as of the last night (see `rfm`).

    Tests are named "class", or "recency", "frequency", "monetary" for the quintiles 1 (low) to 5.
    """

    tests: tuple[Test, ...]
    kind: Literal["rfm"] = "rfm"


@dataclass(frozen=True, slots=True)
class InSegment:
    """The customer is in the segment; its condition is copied in, so that a plan never changes."""

    segment: str
    condition: "Condition"
    kind: Literal["segment"] = "segment"


@dataclass(frozen=True, slots=True)
class All:
    of: "tuple[Condition, ...]"  # empty: true
    kind: Literal["all"] = "all"


@dataclass(frozen=True, slots=True)
class Any:
    of: "tuple[Condition, ...]"
    kind: Literal["any"] = "any"


@dataclass(frozen=True, slots=True)
class Not:
    of: "Condition"
    kind: Literal["not"] = "not"


Condition = Annotated[
    Attribute | Trigger | History | Consent | Message | Rfm | InSegment | All | Any | Not,
    Field(discriminator="kind"),
]
ALWAYS = All(())


def to_json(condition: Condition) -> dict[str, Anything]:
    return _CONDITION.dump_python(condition, mode="json")  # type: ignore[no-any-return]


def from_json(data: dict[str, Anything]) -> Condition:
    return _CONDITION.validate_python(data)


_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
