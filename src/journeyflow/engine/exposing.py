"""Who was exposed to which arm of an experiment, and how newcomers are shared out now.

A customer is exposed where the arms part, and keeps that arm for the whole generation of the experiment. The
legs that do this hold the lock of the customer, so nobody is exposed twice at once.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.experiments.designs import SPLIT
from journeyflow.plan import Split
from journeyflow.store.database import insert_ignoring
from journeyflow.store.experiments import experiments, exposures
from journeyflow.store.lists import among


@dataclass(frozen=True, slots=True)
class Standing:
    generation: int
    shares: tuple[int, ...]  # hundredths of a percent: the holdout's, then those of the variants
    winner: str | None  # the variant of all newcomers
    is_counted: bool = True  # False: the journey has another design now, or there is nothing left to measure


@dataclass(frozen=True, slots=True)
class Exposure:
    customer: int
    arm: str
    share: int  # hundredths of a percent that the arm had


async def standing_of(connection: AsyncConnection, split: Split) -> Standing:
    """As of now; one that was never applied since experiments are kept is in its first generation."""
    query = select(experiments).where(experiments.c.name == split.experiment)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return Standing(1, split.shares, None)
    # Who travels an earlier version of the journey may find other arms there than those that are compared.
    is_same = row.design.get(SPLIT, split.design) == split.design
    shares = tuple(row.shares) if is_same and row.shares is not None else split.shares
    return Standing(row.generation, shares, row.winner, is_same and row.winner is None)


async def arms_of(
    connection: AsyncConnection, experiment: str, generation: int, customers: Collection[int]
) -> dict[int, str]:
    """By customer, of those who have been exposed."""
    query = select(exposures.c.customer_id, exposures.c.arm).where(
        exposures.c.experiment == experiment,
        exposures.c.generation == generation,
        among(connection, exposures.c.customer_id, customers),
    )
    return {row.customer_id: row.arm for row in await connection.execute(query)}


async def expose(
    connection: AsyncConnection, experiment: str, generation: int, new: Iterable[Exposure], at: datetime
) -> None:
    rows = [
        {
            "experiment": experiment,
            "generation": generation,
            "customer_id": one.customer,
            "arm": one.arm,
            "share": one.share,
            "at": at,
        }
        for one in new
    ]
    if rows:
        await connection.execute(insert_ignoring(connection, exposures), rows)
