"""A hand-over asks for entry into another journey, in the leg's own transaction; the router does the rest."""

from journeyflow.engine.leg import Leg
from journeyflow.members import Mask
from journeyflow.plan import ENROLL, HandOver
from journeyflow.store.events import add_events


async def run(leg: Leg, number: int, step: HandOver, members: Mask) -> None:
    rows = [
        {
            "key": f"{ENROLL}/{member.enrollment}/{number}",
            "customer_id": member.customer,
            "name": ENROLL,
            "at": leg.now,
            "received_at": leg.now,
            "properties": {"journey": step.journey},
        }
        for member in leg.chosen(members)
    ]
    await add_events(leg.connection, rows)
    leg.note(number, "hand_over", members)
    leg.go(members, step.next)
