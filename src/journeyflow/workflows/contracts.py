"""What crosses between workflows and activities: numbers only, never anything personal.

Times are milliseconds since 1970 UTC, members are hex masks (see `members`), steps are plan indices.
"""

from dataclasses import dataclass, field

JOURNEYS_QUEUE = "journeys"
START = -1  # the stop before the first step: a cohort whose first leg is yet to be travelled


@dataclass
class WakeUp:
    """An event that satisfies the wait_for at `step` for one member."""

    member: int
    step: int
    event: int
    at: int  # the event's own time


@dataclass
class Rest:
    """Members at one stop. Only events from before `wake_at` can wake them."""

    step: int
    wake_at: int
    members: str


@dataclass
class Turn:
    """Where a delivery goes on that a rate allows only few messages at a time."""

    after: int = 0  # the last message looked at
    until: int = 0  # the first time at which one that was passed over may go; 0: none was


@dataclass
class Delivery:
    """Messages that a leg put into the ledger for one channel."""

    leg: int
    channel: str
    priority: int = 0  # see `LegOutcome`
    turn: Turn = field(default_factory=Turn)  # the next one


@dataclass
class CohortState:
    """All that a cohort workflow knows; its argument, also when it continues as new."""

    cohort: int
    leg: int  # the number of the next leg
    resting: list[Rest]
    deliveries: list[Delivery] = field(default_factory=list)  # to be started
    wakeups: list[WakeUp] = field(default_factory=list)  # not yet used
    # Member -> [when it left its last stop, the event that woke it or 0]; earlier events are too early.
    departed: dict[int, list[int]] = field(default_factory=dict)


@dataclass
class Arrival:
    """Members that set out from the stop at `step`: its time came, or each one's event did."""

    step: int
    members: str
    events: list[list[int]] = field(default_factory=list)  # [member, event]; empty: the time came


@dataclass
class LegRequest:
    cohort: int
    number: int
    at: int
    arrivals: list[Arrival]


@dataclass
class Stop:
    step: int
    wake_at: int
    members: str


@dataclass
class LegOutcome:
    resting: list[Stop]
    channels: list[str]  # where this leg queued messages
    # [member, event, its time] that counted although the time was up.
    late: list[list[int]] = field(default_factory=list)
    priority: int = 0  # of its deliveries, 1 (goes first) to 5; 0: nobody has said


@dataclass
class DeliveryRequest:
    cohort: int
    leg: int
    channel: str
    resend: bool = False  # only what is sent a second time, since nobody can tell whether it went out
    turn: Turn = field(default_factory=Turn)


@dataclass
class Reconciled:
    """What became of messages of which nobody could tell whether they went out."""

    asked: int = 0
    settled: int = 0
    again: list[DeliveryRequest] = field(default_factory=list)  # to be delivered once more


@dataclass
class DeliveryCount:
    """Messages by what became of them in this delivery."""

    sent: int = 0
    failed: int = 0
    unknown: int = 0
    cancelled: int = 0
    turn: Turn | None = None  # there are more, which the rate keeps for another activity


@dataclass
class RouteRequest:
    """Route the events of customers whose number modulo `partitions` is `partition`."""

    partition: int
    partitions: int
    seconds: int  # how long this attempt goes on


@dataclass
class SweepCount:
    entered: int = 0


@dataclass
class RefreshCount:
    joined: int = 0  # segments
    left: int = 0
    entered: int = 0  # journeys


@dataclass
class RfmCount:
    changed: int = 0  # customers
    moved_up: int = 0
    moved_down: int = 0
    gone: int = 0  # who have no purchases left


@dataclass
class DecideCount:
    ended: int = 0  # experiments, with a winner or without one
    shared: int = 0  # bandits whose shares are others now


@dataclass
class BestHoursCount:
    events: int = 0  # by name


@dataclass
class PurgeCount:
    rows: int = 0
