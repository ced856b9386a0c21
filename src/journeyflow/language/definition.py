"""What a marketer wrote, typed, with a place on every part. The compiler makes a plan of it."""

from dataclasses import dataclass, field
from typing import Literal

from journeyflow.conditions import Operator, Scalar, Was
from journeyflow.language.problems import Mark
from journeyflow.plan import Decide, Guardrail


@dataclass(frozen=True, slots=True)
class Word:
    """A name that refers to something, or is referred to."""

    value: str
    mark: Mark


# Conditions


@dataclass(frozen=True, slots=True)
class Comparison:
    name: str  # of the attribute or property; "count" for a number of events
    op: Operator
    value: Scalar | tuple[Scalar, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class EventPattern:
    event: Word
    where: tuple[Comparison, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeCondition:
    mark: Mark
    name: Word
    tests: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class TriggerCondition:
    mark: Mark
    tests: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class EventPick:
    """What the oldest or the newest event has to be like."""

    mark: Mark
    within: int | None = None  # seconds
    where: tuple[Comparison, ...] = ()


@dataclass(frozen=True, slots=True)
class EventCondition:
    mark: Mark
    pattern: EventPattern
    within: int | None = None  # seconds
    since_entry: bool = False
    count: tuple[Comparison, ...] = ()
    sum: tuple[Comparison, ...] = ()
    first: EventPick | None = None
    most_recent: EventPick | None = None

    @property
    def picks(self) -> tuple[EventPick, ...]:
        return tuple(filter(None, (self.first, self.most_recent)))


@dataclass(frozen=True, slots=True)
class ConsentCondition:
    mark: Mark
    channel: Word
    topic: Word | None = None


@dataclass(frozen=True, slots=True)
class MessageCondition:
    mark: Mark
    template: Word
    was: Was
    channel: Word | None = None
    within: int | None = None  # seconds


@dataclass(frozen=True, slots=True)
class RfmCondition:
    mark: Mark
    tests: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class SegmentCondition:
    mark: Mark
    segment: Word


@dataclass(frozen=True, slots=True)
class AllOf:
    mark: Mark
    of: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    mark: Mark
    of: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class NotThis:
    mark: Mark
    of: "Condition"


Condition = (
    AttributeCondition
    | TriggerCondition
    | EventCondition
    | ConsentCondition
    | MessageCondition
    | RfmCondition
    | SegmentCondition
    | AllOf
    | AnyOf
    | NotThis
)


@dataclass(frozen=True, slots=True)
class Segment:
    name: Word
    condition: Condition


# Steps; `path` is the id that errors, traces and reports use


@dataclass(frozen=True, slots=True)
class SendStep:
    path: str
    mark: Mark
    channel: Word
    template: Word
    if_capped: Literal["skip", "wait", "exit"] = "skip"
    up_to: int | None = None  # seconds; for wait
    when_unknown: Word | None = None  # leave | resend


@dataclass(frozen=True, slots=True)
class Datum:
    """One value of a webhook's body."""

    name: str
    value: Scalar | None  # a text is Jinja
    mark: Mark


@dataclass(frozen=True, slots=True)
class WebhookStep:
    path: str
    mark: Mark
    url: str
    body: tuple[Datum, ...] = ()


@dataclass(frozen=True, slots=True)
class WaitStep:
    path: str
    mark: Mark
    seconds: int


@dataclass(frozen=True, slots=True)
class WaitUntilStep:
    path: str
    mark: Mark
    at: str
    days: tuple[int, ...] = ()  # 0 is Monday; empty: every day


@dataclass(frozen=True, slots=True)
class WaitUntilDateStep:
    path: str
    mark: Mark
    attribute: Word
    at: str
    offset: int = 0  # days


@dataclass(frozen=True, slots=True)
class WaitBestTimeStep:
    path: str
    mark: Mark
    events: tuple[Word, ...]
    within: int  # seconds
    otherwise: str  # a time of day


@dataclass(frozen=True, slots=True)
class WaitForStep:
    path: str
    mark: Mark
    events: tuple[Word, ...]
    where: tuple[Comparison, ...]
    timeout: int  # seconds
    then: "tuple[Step, ...]" = ()
    otherwise: "tuple[Step, ...]" = ()


@dataclass(frozen=True, slots=True)
class BranchArm:
    mark: Mark
    when: Condition
    then: "tuple[Step, ...]"


@dataclass(frozen=True, slots=True)
class BranchStep:
    path: str
    mark: Mark
    arms: tuple[BranchArm, ...]
    otherwise: "tuple[Step, ...]" = ()


@dataclass(frozen=True, slots=True)
class ExperimentVariant:
    name: Word
    share: int  # hundredths of a percent
    steps: "tuple[Step, ...]" = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """What the customers of an experiment are watched for."""

    mark: Mark
    pattern: EventPattern
    within: int  # seconds
    value: str | None = None  # the property that is added up
    most: float | None = None  # of the value, for one customer
    better: Literal["more", "less"] = "more"


@dataclass(frozen=True, slots=True)
class ExperimentStep:
    """The shares and the holdout add up to 10,000; the first variant is what the others are compared with."""

    path: str
    mark: Mark
    name: Word
    holdout: int  # hundredths of a percent
    variants: tuple[ExperimentVariant, ...]
    metric: Metric | None = None  # None: the journey's goal, if it has a time
    guardrails: tuple[Guardrail, ...] = ()
    decide: Decide = field(default_factory=Decide)


@dataclass(frozen=True, slots=True)
class AttributeChange:
    attribute: Word
    do: Literal["set", "add", "append", "remove"]
    value: Scalar | None  # None with set removes the attribute


@dataclass(frozen=True, slots=True)
class UpdateStep:
    path: str
    mark: Mark
    changes: tuple[AttributeChange, ...]


@dataclass(frozen=True, slots=True)
class JourneyStep:
    """Hands over to another journey."""

    path: str
    mark: Mark
    journey: Word


@dataclass(frozen=True, slots=True)
class EndStep:
    path: str
    mark: Mark


Step = (
    SendStep
    | WebhookStep
    | WaitStep
    | WaitUntilStep
    | WaitUntilDateStep
    | WaitBestTimeStep
    | WaitForStep
    | BranchStep
    | ExperimentStep
    | UpdateStep
    | JourneyStep
    | EndStep
)


# The journey


@dataclass(frozen=True, slots=True)
class EventEntry:
    mark: Mark
    pattern: EventPattern


@dataclass(frozen=True, slots=True)
class DateEntry:
    mark: Mark
    attribute: Word
    at: str
    offset: int = 0  # days
    yearly: bool = False
    leap_day: Literal["feb-28", "mar-01"] = "feb-28"


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    mark: Mark
    segment: Word


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    mark: Mark
    cron: str


@dataclass(frozen=True, slots=True)
class ManualEntry:
    mark: Mark


Entry = EventEntry | DateEntry | SegmentEntry | ScheduleEntry | ManualEntry


@dataclass(frozen=True, slots=True)
class Exit:
    """One of the three is set."""

    path: str
    mark: Mark
    event: EventPattern | None = None
    when: Condition | None = None
    leaves: Word | None = None  # the segment


@dataclass(frozen=True, slots=True)
class Goal:
    mark: Mark
    pattern: EventPattern
    within: int | None = None  # seconds
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    name: Word
    title: str
    category: Word
    topic: Word | None
    priority: int
    enter: Entry
    when: Condition | None
    again: int | None  # None: never; 0: always; else seconds
    exits: tuple[Exit, ...]
    goal: Goal | None
    steps: tuple[Step, ...]
    source: str  # the text of the file
    spread: int = 0  # seconds over which those who come in together set out
