"""What a condition depends on: after which changes a customer's answer may be another."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import assert_never

from journeyflow.conditions import (
    All,
    Any,
    Attribute,
    Condition,
    Consent,
    History,
    InSegment,
    Message,
    Not,
    Rfm,
    Trigger,
)


@dataclass(frozen=True, slots=True)
class Dependence:
    events: frozenset[str] = frozenset()  # by name
    customers: bool = False  # their attributes
    consents: bool = False
    messages: bool = False
    rfm: bool = False
    time: bool = False  # it may change although nothing happens

    def __or__(self, other: "Dependence") -> "Dependence":
        return Dependence(
            self.events | other.events,
            self.customers or other.customers,
            self.consents or other.consents,
            self.messages or other.messages,
            self.rfm or other.rfm,
            self.time or other.time,
        )


def dependence(condition: Condition) -> Dependence:
    match condition:
        case All(of) | Any(of):
            return _together(map(dependence, of))
        case Not(of):
            return dependence(of)
        case InSegment():
            return dependence(condition.condition)
        case Attribute():
            return Dependence(customers=True)
        case Consent():
            return Dependence(consents=True)
        case History():
            ages = (condition.within, *(pick.within for pick in condition.picks.values()))
            return Dependence(
                events=frozenset([condition.match.event]), time=any(age is not None for age in ages)
            )
        case Message():
            return Dependence(messages=True, time=condition.within is not None)
        case Rfm():
            return Dependence(rfm=True)
        case Trigger():  # nobody has come in by an event where a segment is asked
            return Dependence()
        case _:
            assert_never(condition)


def _together(parts: Iterable[Dependence]) -> Dependence:
    return reduce(Dependence.__or__, parts, Dependence())
