"""A customer's timeline page by page, the newest first.

A page goes on before an instant, and where several moments share it, before the n-th of these: new moments at
the end move nobody's place.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from journeyflow.api.calls.query import LARGEST, Parameter, number
from journeyflow.audience.records import RecordError, instant
from journeyflow.engine.timeline import Moment

Place = tuple[datetime, int]  # the instant, and which of its moments, from 0

_BETWEEN = "~"


def _place(text: str, name: str) -> Place:
    at, _, which = text.partition(_BETWEEN)
    try:
        return instant(at, name), number(which, name, LARGEST) if which else 0
    except RecordError:
        raise RecordError(
            f"{name} is neither a time, as 2026-03-01T12:30:00Z, nor the `next` of a page"
        ) from None


BEFORE = Parameter(
    "before", "A time, or the `next` of the page before: what came earlier.", {"type": "string"}, _place
)


def page(moments: Sequence[Moment], limit: int, before: Place | None) -> tuple[list[Moment], str | None]:
    """Of moments in order of time the last ones before that place, newest first, and where to go on."""
    placed = [(place, moment) for place, moment in _placed(moments) if before is None or place < before]
    chosen = placed[-limit:]
    rest = _written(chosen[0][0]) if len(placed) > limit else None
    return [moment for _, moment in reversed(chosen)], rest


def _placed(moments: Sequence[Moment]) -> Iterator[tuple[Place, Moment]]:
    last: Place | None = None
    for moment in moments:
        last = (moment.at, last[1] + 1 if last is not None and last[0] == moment.at else 0)
        yield last, moment


def _written(place: Place) -> str:
    at, which = place
    return f"{at.isoformat().replace('+00:00', 'Z')}{_BETWEEN}{which}".removesuffix(f"{_BETWEEN}0")
