"""The rules of the whole programme, from `journeys/policy.yaml`. Durations are whole seconds."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from journeyflow.conditions import History

DAY = 86_400
Calendar = Literal["day", "week", "month"]  # in the customer's zone; a week begins on Monday


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of message; the defaults are the strict ones."""

    consent: Literal["opt-in", "soft-opt-in", "not-required"] = "opt-in"
    caps: Literal["apply", "exempt"] = "apply"
    quiet_hours: Literal["apply", "exempt"] = "apply"
    bought: History | None = None  # of soft-opt-in: what makes a buyer who has not refused count as willing


@dataclass(frozen=True, slots=True)
class Topic:
    """What a customer can choose to hear about, as the preference page shows it."""

    title: dict[str, str]  # by locale; "": for every other
    about: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many messages to one customer in a window; None means any.

    An `int` window rolls: any stretch of so many seconds. A calendar one begins anew at midnight.
    """

    at_most: int  # from 1
    per: int | Calendar
    channel: str | None = None
    category: str | None = None
    topic: str | None = None
    journey: str | None = None
    country: str | None = None  # ISO 3166: "US" is also everything in it, "US-FL" only Florida

    @property
    def seconds(self) -> int:
        """About how long the window is."""
        return self.per if isinstance(self.per, int) else {"day": 1, "week": 7, "month": 30}[self.per] * DAY


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A time of day in the customer's zone, from `start` up to `end`; may pass midnight. None means any.

    Without `days` and `holidays` it begins on every day, otherwise on those weekdays and public holidays.
    """

    start: str = "00:00"
    end: str = "24:00"  # only ever with "00:00": the whole day
    channel: str | None = None
    category: str | None = None
    country: str | None = None  # as of Cap
    days: tuple[int, ...] = ()  # 0: Monday
    holidays: bool = False


@dataclass(frozen=True, slots=True)
class Sender:
    from_: str
    reply_to: str | None = None
    postal_address: str | None = None


@dataclass(frozen=True, slots=True)
class Brand:
    """Who writes, as customers are told on pages and in answers to HELP."""

    name: str
    url: str | None = None
    help: str | None = None  # an address, a number or a sentence
    privacy_url: str | None = None


@dataclass(frozen=True, slots=True)
class Tracking:
    """What is counted about a message's reader, and what is added to its links."""

    clicks: bool = True
    opens: bool = True
    # utm_source and so on without their prefix -> text, with {journey}, {template}, {channel} and {step}
    utm: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SmsRules:
    replace: bool = False  # characters that would make the whole text UCS-2 by those that look alike
    short_links: bool = False
    opt_out: dict[str, str] = field(default_factory=dict)  # by locale; added to texts that rest on consent
    opt_out_in: tuple[str, ...] = ()  # countries where it is; none: everywhere


@dataclass(frozen=True, slots=True)
class Purchases:
    """What counts as one, for the classes that customers are put into every night."""

    event: str
    value: str  # the property with what was paid


@dataclass(frozen=True, slots=True)
class Retention:
    """After how many seconds rows go; None: they stay. What an open passage needs always stays."""

    events: int | None = None
    messages: int | None = None
    enrollments: int | None = None  # counted from their end
    consent_log: int | None = None  # only what a later decision has replaced
    audit_log: int | None = None


@dataclass(frozen=True, slots=True)
class Defaults:
    timezone: str = "UTC"
    locale: str = "en"
    max_event_age: int = DAY  # an older event counts as history but brings nobody into a journey


@dataclass(frozen=True, slots=True)
class Policy:
    categories: dict[str, Category] = field(default_factory=lambda: {"marketing": Category()})
    topics: dict[str, Topic] = field(default_factory=dict)
    caps: tuple[Cap, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()
    send_windows: tuple[QuietHours, ...] = ()  # those that concern a message are the only times it may go
    spread: int = 300  # what hours held back leaves over so many seconds once they end
    double_opt_in: tuple[str, ...] = ()  # channels where consent is pending until it is confirmed
    senders: dict[str, Sender] = field(default_factory=dict)  # by channel
    brand: Brand | None = None
    tracking: Tracking = Tracking()
    sms: SmsRules = SmsRules()
    retention: Retention = Retention()
    purchases: Purchases | None = None
    holdout: int = 0  # hundredths of a percent of the customers, who get nothing that needs consent
    defaults: Defaults = Defaults()

    def to_json(self) -> dict[str, Any]:
        return _POLICY.dump_python(self, mode="json")  # type: ignore[no-any-return]

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Policy":
        return _POLICY.validate_python(data)


_POLICY: TypeAdapter[Policy] = TypeAdapter(Policy)
