"""The rules of the whole programme, from `journeys/policy.yaml`. Durations are whole seconds."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of message; the defaults are the strict ones."""

    consent: Literal["required", "not-required"] = "required"
    caps: Literal["apply", "exempt"] = "apply"
    quiet_hours: Literal["apply", "exempt"] = "apply"


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many messages to one customer in any window of `per` seconds; None means any."""

    at_most: int
    per: int
    channel: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` up to `end` ("HH:MM", the customer's zone, may pass midnight) nothing is sent."""

    start: str
    end: str
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    from_: str
    reply_to: str | None = None
    postal_address: str | None = None


@dataclass(frozen=True, slots=True)
class Defaults:
    timezone: str = "UTC"
    locale: str = "en"
    max_event_age: int = DAY  # an older event counts as history but brings nobody into a journey


@dataclass(frozen=True, slots=True)
class Policy:
    categories: dict[str, Category] = field(default_factory=lambda: {"marketing": Category()})
    caps: tuple[Cap, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()
    senders: dict[str, Sender] = field(default_factory=dict)  # by channel
    defaults: Defaults = Defaults()

    def to_json(self) -> dict[str, Any]:
        return _POLICY.dump_python(self, mode="json")  # type: ignore[no-any-return]

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Policy":
        return _POLICY.validate_python(data)


_POLICY: TypeAdapter[Policy] = TypeAdapter(Policy)
