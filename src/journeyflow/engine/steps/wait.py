"""The three waits: for a duration, until a local time, for an event."""

from collections import defaultdict
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from journeyflow.engine.leg import Leg, Member
from journeyflow.engine.local_time import next_local
from journeyflow.members import Mask
from journeyflow.plan import Wait, WaitFor, WaitUntil


def run(leg: Leg, number: int, step: Wait | WaitUntil | WaitFor, members: Mask) -> None:
    match step:
        case Wait():
            _rest(leg, number, members, leg.now + timedelta(seconds=step.seconds))
        case WaitFor():
            _rest(leg, number, members, leg.now + timedelta(seconds=step.timeout))
        case WaitUntil():
            _until(leg, number, step, members)


def _until(leg: Leg, number: int, step: WaitUntil, members: Mask) -> None:
    """Whoever has moved to another zone while waiting, waits for its hour; the others go on."""
    by_moment: dict[datetime, Mask] = defaultdict(int)
    for tz, who in leg.by_zone(members).items():
        for member in leg.chosen(who):
            moment = _moment(leg, number, step, member, tz)
            by_moment[moment] |= 1 << member.position
    for moment, who in by_moment.items():
        if moment > leg.now:
            _rest(leg, number, who, moment)
        else:
            leg.go(who, step.next)


def _moment(leg: Leg, number: int, step: WaitUntil, member: Member, tz: ZoneInfo) -> datetime:
    clock = time.fromisoformat(step.at)
    woken_at = member.rested_until if member.rested_at == number else None
    if woken_at is None:
        return next_local(leg.now, clock, step.days, tz)
    # At `woken_at` itself, if that is the right time here, or the first one after it.
    return next_local(woken_at - timedelta.resolution, clock, step.days, tz)


def _rest(leg: Leg, number: int, members: Mask, until: datetime) -> None:
    leg.rest(members, number, until)
    leg.note(number, "wait", members)
