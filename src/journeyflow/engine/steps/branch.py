"""A branch splits the members: each takes the first arm whose condition holds."""

from journeyflow.engine.leg import Leg
from journeyflow.members import Mask
from journeyflow.plan import Branch


async def run(leg: Leg, number: int, step: Branch, members: Mask) -> None:
    for index, arm in enumerate(step.arms):
        taking = await leg.holding(arm.when, members)
        leg.note(number, "arm", taking, arm=index)
        leg.go(taking, arm.to)
        members &= ~taking
    leg.note(number, "otherwise", members)
    leg.go(members, step.otherwise)
