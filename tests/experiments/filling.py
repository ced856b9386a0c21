"""A store with an experiment in it whose exposures and outcomes are made up, the same for the same seed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import insert, select

from journeyflow.store.customers import consent_log, customers, events
from journeyflow.store.database import Store
from journeyflow.store.experiments import exposures

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ArmMade:
    name: str
    share: int  # hundredths of a percent
    rate: float  # of who buys within a week
    unsubscribes: float = 0.002


async def fill(
    store: Store, experiment: str, arms: list[ArmMade], people: int, begin: datetime, days: int, seed: int = 1
) -> None:
    """As many come on each of the days; who buys does so within a week, for 10 to 500."""
    chance = np.random.default_rng(seed)
    drawn = chance.choice(len(arms), size=people, p=[arm.share / 10_000 for arm in arms])
    at = [begin + DAY * days * (number / people) for number in range(people)]
    async with store.writing() as connection:
        keys = [f"{experiment}-{number}" for number in range(people)]
        await connection.execute(insert(customers), [_customer(key, begin) for key in keys])
        query = select(customers.c.id).where(customers.c.key.startswith(f"{experiment}-"))
        ids = list((await connection.execute(query.order_by(customers.c.id))).scalars())
        rows = zip(ids, drawn, at, strict=True)
        exposed = [
            {"experiment": experiment, "generation": 1, "customer_id": id, "at": when}
            | {"arm": arms[arm].name, "share": arms[arm].share}
            for id, arm, when in rows
        ]
        await connection.execute(insert(exposures), exposed)
        bought = [
            _order(id, when + 7 * DAY * chance.random(), round(10 + float(chance.pareto(2)) * 40, 2))
            for id, arm, when in zip(ids, drawn, at, strict=True)
            if chance.random() < arms[arm].rate
        ]
        await connection.execute(insert(events), bought)
        left = [
            _denial(id, when + DAY)
            for id, arm, when in zip(ids, drawn, at, strict=True)
            if chance.random() < arms[arm].unsubscribes
        ]
        if left:
            await connection.execute(insert(consent_log), left)


def _customer(key: str, at: datetime) -> dict[str, Any]:
    return {"key": key, "attributes": {}, "created_at": at, "updated_at": at}


def _order(customer: int, at: datetime, total: float) -> dict[str, Any]:
    times = {"at": at, "received_at": at, "routed_at": at}
    key = f"order-{customer}"
    return times | {
        "key": key,
        "customer_id": customer,
        "name": "order.completed",
        "properties": {"total": total},
    }


def _denial(customer: int, at: datetime) -> dict[str, Any]:
    said = {"channel": "email", "topic": "", "state": "denied", "source": "page", "actor": "customer"}
    return said | {"customer_id": customer, "at": at}
