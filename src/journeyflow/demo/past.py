"""Whom the shipped experiments would have drawn in the last year, if they had been in force.

An experiment takes months, and a demo a minute. So it is made up who was exposed, and when. To which arm they
came is not, nor what they bought afterwards. Nothing was sent to them, so the arms are alike.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.assignment import assigned_each
from journeyflow.demo.data import LAPSED, Customer, make_people
from journeyflow.experiments.running import Experiment, known_experiments
from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.experiments import exposures
from journeyflow.store.programme import journeys

_IN_FORCE = timedelta(days=365)
_THANKS, _LEAST = timedelta(hours=1), 10.0  # after an order of so many dollars
_GOODBYE = LAPSED + timedelta(days=14)  # after the last order


async def in_force_before(store: Store, began: datetime) -> None:
    """As if the programme had been applied long ago: else no birthday of this morning would count."""
    async with store.writing() as connection:
        await connection.execute(update(journeys).values(since=began - _IN_FORCE))


async def expose_the_past(store: Store, began: datetime) -> None:
    """For the history that was made at `began`, once it and the programme are in the store."""
    willing = [one for one in make_people(began) if one.row["consent_email"] == "granted"]
    drawn = {
        "thanks-timing": _first(willing, _thanked, began),
        "goodbye-timing": _first(willing, _left, began),
    }
    async with store.writing() as connection:
        numbers = {
            row.key: row.id for row in await connection.execute(select(customers.c.key, customers.c.id))
        }
        for one in await known_experiments(connection):
            moments = {key: at for key, at in drawn.get(one.name, {}).items() if key in numbers}
            await _expose(connection, one, moments, numbers)


def _first(
    people: Iterable[Customer], moments: Callable[[Customer], Iterator[datetime]], began: datetime
) -> dict[str, datetime]:
    """By the customer's key: the first time in the year, if there was one."""
    found = {}
    for one in people:
        at = next((at for at in moments(one) if began - _IN_FORCE < at < began), None)
        if at is not None:
            found[str(one.row["id"])] = at
    return found


def _thanked(one: Customer) -> Iterator[datetime]:
    return (order.at + _THANKS for order in one.orders if order.total >= _LEAST)


def _left(one: Customer) -> Iterator[datetime]:
    """When they had been away for so long."""
    times = [order.at for order in one.orders]
    for at, following in zip(times, [*times[1:], datetime.max.replace(tzinfo=UTC)], strict=True):
        if at + _GOODBYE < following:
            yield at + _GOODBYE


async def _expose(
    connection: AsyncConnection, one: Experiment, moments: dict[str, datetime], numbers: dict[str, int]
) -> None:
    arms = ["", *(variant.name for variant in one.split.variants)]
    places = assigned_each(one.name, moments, one.split.shares)
    rows = [
        {
            "experiment": one.name,
            "generation": one.generation,
            "customer_id": numbers[key],
            "arm": arms[place],
            "share": one.split.shares[place],
            "at": at,
        }
        for (key, at), place in zip(moments.items(), places, strict=True)
    ]
    if rows:
        await connection.execute(insert(exposures), rows)
