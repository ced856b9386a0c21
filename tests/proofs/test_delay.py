"""The trap of timing tests, through a real store: two arms of equal effect, one of them three days later.

`tests/inference/test_delay.py` asks the formulas; this asks what is made of exposures and events.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import insert

from journeyflow.conditions import EventMatch
from journeyflow.experiments.outcomes import Run, outcomes
from journeyflow.experiments.verdict import Rules, assess
from journeyflow.plan import Metric
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.experiments import exposures
from tests.proofs.sizes import size

TESTS = size(3, 200)
DAYS, A_DAY = 60, 80  # customers, in both arms
DELAY = 3.0  # days
BEGIN = datetime(2031, 1, 6, tzinfo=UTC)
FROM_EXPOSURE, FROM_SENDING = 1, 2  # generations, whose clocks start so
ARMS = ("at-once", "later")


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    arm: str
    exposed: float  # days
    sent: float
    bought: float  # infinite: never

    def exposures(self, experiment: str) -> Iterator[dict[str, Any]]:
        yield self._exposure(experiment, FROM_EXPOSURE, self.exposed)
        if self.bought > self.sent:  # who has bought before it is sent nothing any more
            yield self._exposure(experiment, FROM_SENDING, self.sent)

    def _exposure(self, experiment: str, generation: int, at: float) -> dict[str, Any]:
        names = {"experiment": experiment, "generation": generation, "customer_id": self.id}
        return names | {"arm": self.arm, "share": 5_000, "at": moment(at)}

    def purchase(self, experiment: str) -> dict[str, Any]:
        at, key = moment(self.bought), f"{experiment}-{self.id}"
        names = {"key": key, "customer_id": self.id, "name": experiment, "properties": {}}
        return names | {"at": at, "received_at": at, "routed_at": at}


def moment(days: float) -> datetime:
    return BEGIN + timedelta(days=days)


def people(chance: np.random.Generator) -> list[Person]:
    """Interest of their own, which fades within days, and what the message brings, within five days of it."""
    found = []
    for number in range(DAYS * A_DAY):
        exposed = number / A_DAY
        sent = exposed + DELAY * (number % 2)
        by_themselves = exposed + chance.exponential(2.0) if chance.random() < 0.08 else np.inf
        by_message = sent + 5 * chance.random() if chance.random() < 0.04 else np.inf
        bought = float(min(by_themselves, by_message))
        found.append(Person(number + 1, ARMS[number % 2], exposed, sent, bought))
    return found


async def fill(store: Store) -> None:
    """An experiment each, with a kind of purchase of its own, so that all share their customers."""
    chance = np.random.default_rng(21)
    async with store.writing() as connection:
        everybody = range(1, DAYS * A_DAY + 1)
        rows = [{"id": n, "key": f"c{n}", "attributes": {}} for n in everybody]
        times = {"created_at": BEGIN, "updated_at": BEGIN}
        await connection.execute(insert(customers), [row | times for row in rows])
        for experiment in map(name, range(TESTS)):
            found = people(chance)
            given = [row for one in found for row in one.exposures(experiment)]
            await connection.execute(insert(exposures), given)
            bought = [one.purchase(experiment) for one in found if one.bought < np.inf]
            await connection.execute(insert(events), bought)


def name(number: int) -> str:
    return f"bought-{number}"


async def called_different(store: Store, generation: int) -> float:
    """The part of the experiments of which some look calls the arms different."""
    found = [await _is_called_different(store, name(number), generation) for number in range(TESTS)]
    return sum(found) / TESTS


async def _is_called_different(store: Store, experiment: str, generation: int) -> bool:
    metric = Metric(EventMatch(experiment), within=14 * 86_400)
    run = Run(experiment, generation, dict.fromkeys(ARMS, 5_000), metric)
    async with store.reading() as connection:
        for day in range(20, DAYS + 1, 4):
            counted = await outcomes(connection, run, moment(day))
            if assess(counted, Rules(metric), is_over=False).winner:
                return True
    return False


async def test_arms_that_differ_in_their_delay_alone(sqlite_store: Store) -> None:
    await fill(sqlite_store)
    assert await called_different(sqlite_store, FROM_EXPOSURE) <= 0.05
    assert await called_different(sqlite_store, FROM_SENDING) > 0.5, "what starting at the sending does"
