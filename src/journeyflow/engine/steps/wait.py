"""The three waits: for a duration, until a local time, for an event."""

from datetime import time, timedelta

from journeyflow.engine.leg import Leg
from journeyflow.engine.local_time import next_local
from journeyflow.members import Mask
from journeyflow.plan import Wait, WaitFor, WaitUntil


def run(leg: Leg, number: int, step: Wait | WaitUntil | WaitFor, members: Mask) -> None:
    match step:
        case Wait():
            leg.rest(members, number, leg.now + timedelta(seconds=step.seconds))
        case WaitFor():
            leg.rest(members, number, leg.now + timedelta(seconds=step.timeout))
        case WaitUntil():
            clock = time.fromisoformat(step.at)
            for tz, who in leg.by_zone(members).items():
                leg.rest(who, number, next_local(leg.now, clock, step.days, tz))
    leg.note(number, "wait", members)
