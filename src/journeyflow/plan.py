"""The compiled journey: a flat program that a cohort executes in lock-step.

Steps stand in topological order; every jump goes forward, so paths that meet again merge by
themselves. The last step is always an `End`. Plans are frozen, JSON-safe and known by their digest.
Durations are whole seconds, times of day are "HH:MM" in the customer's zone, weekdays 0 (Monday) to 6.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, TypeAdapter

from journeyflow import digests
from journeyflow.conditions import ALWAYS, Condition, EventMatch, Scalar

Weekdays = tuple[int, ...]  # empty: every day

WEBHOOK = "webhook"  # the channel of messages to machines
RESERVED = "journeyflow."  # how the names of events begin that only we ourselves write
BY_READERS = ("email.opened", "email.clicked", "sms.clicked")  # events of ours that programs cause as well
MACHINE = "machine"  # their property that says so
ENROLL = "journeyflow.enroll"  # asks for entry into the journey that its property `journey` names


@dataclass(frozen=True, slots=True)
class IfCapped:
    """What a send does when a cap leaves no room now."""

    do: Literal["skip", "wait", "exit"] = "skip"
    up_to: int | None = None  # seconds; for wait


@dataclass(frozen=True, slots=True)
class Send:
    path: str
    next: int
    channel: str  # email | sms
    template: str
    if_capped: IfCapped = IfCapped()
    when_unknown: Literal["leave", "resend"] = "leave"  # when nobody can tell whether it went out
    kind: Literal["send"] = "send"


@dataclass(frozen=True, slots=True)
class Datum:
    name: str
    value: Scalar | None  # a text is Jinja


@dataclass(frozen=True, slots=True)
class Webhook:
    """A message to a machine, which no consent, cap or quiet hour holds back."""

    path: str
    next: int
    url: str
    body: tuple[Datum, ...]
    kind: Literal["webhook"] = "webhook"

    @property
    def channel(self) -> str:
        return WEBHOOK

    @property
    def template(self) -> str:
        """What stands in the ledger for it: the host, as the rest of an address may be a secret."""
        return urlsplit(self.url).hostname or ""


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Rest until one of `events` comes (then go to `then`) or `timeout` has passed (`otherwise`)."""

    path: str
    events: tuple[EventMatch, ...]
    timeout: int
    then: int
    otherwise: int
    kind: Literal["wait_for"] = "wait_for"


@dataclass(frozen=True, slots=True)
class Wait:
    path: str
    next: int
    seconds: int
    kind: Literal["wait"] = "wait"


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Rest until the next `at` o'clock, on one of `days`, in the customer's zone; strictly in the future."""

    path: str
    next: int
    at: str
    days: Weekdays = ()
    kind: Literal["wait_until"] = "wait_until"


@dataclass(frozen=True, slots=True)
class WaitUntilDate:
    """Rest until the date in `attribute` (ISO 8601), moved by `offset` days, at `at` in the customer's zone.

    Without a date, or when that moment has passed, it goes on at once.
    """

    path: str
    next: int
    attribute: str
    at: str
    offset: int = 0  # days, may be negative
    kind: Literal["wait_until_date"] = "wait_until_date"


@dataclass(frozen=True, slots=True)
class WaitBestTime:
    """Rest until the hour, within the next `within` seconds, at which this customer has mostly acted before.

    What acting is, `events` say. Of whom little is known, the habits of all customers tell; where nothing is
    known at all, `at` does.
    """

    path: str
    next: int
    events: tuple[str, ...]
    within: int = 86_400
    at: str = "10:00"
    kind: Literal["wait_best_time"] = "wait_best_time"


@dataclass(frozen=True, slots=True)
class Arm:
    when: Condition
    to: int


@dataclass(frozen=True, slots=True)
class Branch:
    """The first arm whose condition holds is taken."""

    path: str
    arms: tuple[Arm, ...]
    otherwise: int
    kind: Literal["branch"] = "branch"


@dataclass(frozen=True, slots=True)
class Metric:
    """What an experiment is about: an event within some time, or the sum of one of its properties."""

    match: EventMatch
    within: int  # seconds from exposure
    value: str | None = None  # the property; None: whether the event came at all
    most: float | None = None  # what one customer counts for at most, as a few large amounts would decide all
    better: Literal["more", "less"] = "more"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """What a variant must not do, however good it is for the metric."""

    about: Literal["unsubscribed", "complained"]
    at_most: int  # hundredths of a percent of the customers, more than in the first variant


@dataclass(frozen=True, slots=True)
class Decide:
    """When an experiment is over."""

    method: Literal["sequential", "fixed", "bandit"] = "sequential"
    alpha: int = 500  # hundredths of a percent
    minimum: int = 100  # customers in each arm whose time is over
    stop_after: int | None = None  # seconds from the first exposure; the look of a fixed one
    floor: int = 500  # hundredths of a percent that every variant of a bandit keeps


@dataclass(frozen=True, slots=True)
class Variant:
    name: str
    share: int  # hundredths of a percent
    to: int


@dataclass(frozen=True, slots=True)
class Split:
    """An experiment: each customer's id and its name decide (see `assignment`), the holdout coming first."""

    path: str
    experiment: str
    holdout: int  # hundredths of a percent; they end here
    variants: tuple[Variant, ...]
    metric: Metric | None = None  # None: nothing is decided
    guardrails: tuple[Guardrail, ...] = ()
    decide: Decide = Decide()
    design: str = ""  # the digest of what may not change while it runs; "": compiled before there was one
    kind: Literal["split"] = "split"

    @property
    def shares(self) -> tuple[int, ...]:
        """That of the holdout, then those of the variants; 10,000 together."""
        return (self.holdout, *(variant.share for variant in self.variants))


@dataclass(frozen=True, slots=True)
class Change:
    attribute: str
    do: Literal["set", "add", "append", "remove"]  # append and remove: to and from a list
    value: Scalar | None  # None with set removes the attribute


@dataclass(frozen=True, slots=True)
class Update:
    path: str
    next: int
    changes: tuple[Change, ...]
    kind: Literal["update"] = "update"


@dataclass(frozen=True, slots=True)
class HandOver:
    """Asks for entry into another journey, as by hand, and goes on."""

    path: str
    next: int
    journey: str
    kind: Literal["hand_over"] = "hand_over"


@dataclass(frozen=True, slots=True)
class End:
    path: str
    kind: Literal["end"] = "end"


Step = Annotated[
    Send
    | Webhook
    | Wait
    | WaitUntil
    | WaitUntilDate
    | WaitBestTime
    | WaitFor
    | Branch
    | Split
    | Update
    | HandOver
    | End,
    Field(discriminator="kind"),
]


@dataclass(frozen=True, slots=True)
class EnterByEvent:
    match: EventMatch
    kind: Literal["event"] = "event"


@dataclass(frozen=True, slots=True)
class EnterByDate:
    """On the date in `attribute` (ISO 8601), moved by `offset` days, at `at` in the customer's zone."""

    attribute: str
    at: str
    offset: int = 0  # days, may be negative
    yearly: bool = False
    leap_day: Literal["feb-28", "mar-01"] = "feb-28"
    kind: Literal["date"] = "date"


@dataclass(frozen=True, slots=True)
class EnterBySegment:
    segment: str
    condition: Condition
    kind: Literal["segment"] = "segment"


@dataclass(frozen=True, slots=True)
class EnterBySchedule:
    cron: str  # in the programme's default zone
    kind: Literal["schedule"] = "schedule"


@dataclass(frozen=True, slots=True)
class EnterByHand:
    """Only where somebody, or a step of another journey, asks for it. All other entries can be asked too."""

    kind: Literal["manual"] = "manual"


Entry = Annotated[
    EnterByEvent | EnterByDate | EnterBySegment | EnterBySchedule | EnterByHand, Field(discriminator="kind")
]


@dataclass(frozen=True, slots=True)
class ExitRule:
    """Leave on an event, on leaving a segment, or as soon as a condition holds before a leg or a send.

    One of the three is set.
    """

    path: str
    event: EventMatch | None = None
    when: Condition | None = None
    leaves: str | None = None  # the segment


@dataclass(frozen=True, slots=True)
class Goal:
    match: EventMatch
    within: int | None = None  # seconds after entry
    value: str | None = None  # the event's property that is added up


@dataclass(frozen=True)
class Plan:
    journey: str
    title: str
    category: str
    priority: int  # 0-100
    enter: Entry
    steps: tuple[Step, ...]
    when: Condition = ALWAYS  # on the customer, at entry
    again: int | None = (
        None  # None: never; 0: always (once the earlier passage has ended); else seconds since the last entry
    )
    exits: tuple[ExitRule, ...] = ()
    goal: Goal | None = None
    topic: str = ""  # of the policy; "": its messages are about none in particular
    spread: int = 0  # seconds over which those who enter by one sweep set out

    def to_json(self) -> dict[str, Any]:
        return _PLAN.dump_python(self, mode="json")  # type: ignore[no-any-return]

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Plan":
        return _PLAN.validate_python(data)

    @cached_property
    def digest(self) -> str:
        return digests.digest(self.to_json())

    @cached_property
    def wait_fors(self) -> dict[int, WaitFor]:
        """The places where an event can wake a member, by step number."""
        return {number: step for number, step in enumerate(self.steps) if isinstance(step, WaitFor)}


_PLAN: TypeAdapter[Plan] = TypeAdapter(Plan)
