"""A split assigns each member a variant of an experiment, or the holdout, which ends here."""

from collections import defaultdict

from sqlalchemy import select

from journeyflow.assignment import assigned
from journeyflow.engine.leg import Leg
from journeyflow.members import Mask
from journeyflow.plan import Split
from journeyflow.store.customers import customers


async def run(leg: Leg, number: int, step: Split, members: Mask) -> None:
    keys = await _keys(leg, members)
    parts: dict[int, Mask] = defaultdict(int)
    for member in leg.chosen(members):
        parts[assigned(step.experiment, keys[member.customer], step.shares)] |= 1 << member.position
    leg.note(number, "holdout", parts[0])
    leg.finish(parts[0])
    for place, variant in enumerate(step.variants, start=1):
        leg.note(number, "variant", parts[place], name=variant.name)
        leg.go(parts[place], variant.to)


async def _keys(leg: Leg, members: Mask) -> dict[int, str]:
    """The users' own ids, which are the same in every store."""
    ids = [member.customer for member in leg.chosen(members)]
    rows = await leg.connection.execute(
        select(customers.c.id, customers.c.key).where(customers.c.id.in_(ids))
    )
    return {row.id: row.key for row in rows}
