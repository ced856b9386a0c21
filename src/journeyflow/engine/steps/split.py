"""A split gives each member an arm of an experiment: a variant, or the holdout, which ends here.

Who was exposed before keeps the arm. Of the others each is drawn one and is exposed by that, unless a winner
has been found: it takes them all, and nothing is left to be measured.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from journeyflow.assignment import assigned_each, salt
from journeyflow.engine.exposing import Exposure, Standing, arms_of, expose, standing_of
from journeyflow.engine.leg import Leg, Member
from journeyflow.experiments.verdict import HOLDOUT
from journeyflow.members import Mask
from journeyflow.plan import Split


@dataclass(frozen=True, slots=True)
class _Given:
    arm: str
    how: Literal["drawn", "kept", "winner"]


async def run(leg: Leg, number: int, step: Split, members: Mask) -> None:
    standing = await standing_of(leg.connection, step)
    everyone = leg.chosen(members)
    customers = [member.customer for member in everyone]
    exposed = await arms_of(leg.connection, step.experiment, standing.generation, customers)
    given = {
        one.position: _give(step, standing, exposed.get(one.customer), drawn)
        for one, drawn in zip(everyone, _draw(step, standing, everyone), strict=True)
    }
    if standing.is_counted:
        new = [one for one in everyone if one.customer not in exposed]
        exposures = _exposures(step, standing, new, given)
        await expose(leg.connection, step.experiment, standing.generation, exposures, leg.now)
    groups: dict[_Given, Mask] = defaultdict(int)
    for position, one in given.items():
        groups[one] |= 1 << position
    for one, who in groups.items():
        _go(leg, number, step, one, who)


def _draw(step: Split, standing: Standing, everyone: Iterable[Member]) -> list[str]:
    name, arms = salt(step.experiment, standing.generation), _arms(step)
    places = assigned_each(name, (one.key for one in everyone), standing.shares)
    return [arms[place] for place in places]


def _give(step: Split, standing: Standing, arm: str | None, drawn: str) -> _Given:
    """`arm`: that to which the customer was exposed; an earlier version of the journey may not have it."""
    arms = _arms(step)
    if arm in arms:
        return _Given(arm, "kept")
    if standing.winner in arms:
        return _Given(standing.winner, "winner")
    return _Given(drawn, "drawn")


def _arms(step: Split) -> list[str]:
    return [HOLDOUT, *(variant.name for variant in step.variants)]


def _exposures(
    step: Split, standing: Standing, new: Iterable[Member], given: dict[int, _Given]
) -> list[Exposure]:
    shares = dict(zip(_arms(step), standing.shares, strict=True))
    arms = ((one.customer, given[one.position].arm) for one in new)
    return [Exposure(customer, arm, shares[arm]) for customer, arm in arms]


def _go(leg: Leg, number: int, step: Split, given: _Given, who: Mask) -> None:
    kept = {"kept": True} if given.how == "kept" else {}
    if given.arm == HOLDOUT:
        leg.note(number, "holdout", who, **kept)
        leg.finish(who)
        return
    what = "winner" if given.how == "winner" else "variant"
    leg.note(number, what, who, name=given.arm, **kept)
    leg.go(who, next(variant.to for variant in step.variants if variant.name == given.arm))
