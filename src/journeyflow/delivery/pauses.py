"""When a delivery that is not done is tried again."""

from dataclasses import dataclass
from datetime import timedelta

from journeyflow.workflows.contracts import DeliveryRequest, Turn

AT_ONCE = timedelta(milliseconds=1)  # none at all would be the retry policy's choice
TAKE_OVER_AFTER = timedelta(seconds=30)  # by then no channel is still at what it was given
PACED = "the rate is kept"
_FIRST, _LONGEST, _LONGEST_OF_URGENT = 60.0, 300.0, 60.0  # seconds
_SPREAD = 10  # percent: so much later at most, for not all to come back at once


@dataclass(slots=True, eq=False)  # not frozen: Python notes in an exception where it passed
class TryAgain(Exception):
    """Some messages are still queued: the provider wants a pause, quiet hours have begun, or we stop."""

    after: timedelta
    waiting: int  # messages
    reason: str  # quotes nobody
    outages: int  # attempts in a row that found the provider away, this one included
    turn: Turn | None = None  # the next one: not a retry, as this one went well


def back_off(request: DeliveryRequest, outages: int, wish: float, urgent: bool) -> timedelta:
    """The pause after so many attempts in a row; `wish` is the provider's own, in seconds."""
    own = min(_FIRST * 2 ** min(outages - 1, 10), _LONGEST_OF_URGENT if urgent else _LONGEST)
    seconds = max(wish, own) if outages > 1 else wish
    spread = (request.cohort * 7 + request.leg * 3) % (_SPREAD + 1)
    return timedelta(seconds=seconds * (1 + spread / 100))


def put_off(age: timedelta, wish: float, urgent: bool) -> timedelta:
    """The pause for one message alone: it doubles what has passed since it was to go."""
    longest = _LONGEST_OF_URGENT if urgent else _LONGEST
    return timedelta(seconds=max(wish, min(age.total_seconds(), longest)))
