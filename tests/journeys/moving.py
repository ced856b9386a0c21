"""Where tests move the clock to: dates in years that are still to come."""

from datetime import date, datetime, timedelta

from journeyflow.testing.travel import Trip

YEAR = 2031


async def skip_to(trip: Trip, moment: datetime) -> None:
    await trip.skip(seconds=(moment - await trip.now()).total_seconds())


def sunday_of(month: int, number: int) -> date:
    """The first, second ... Sunday of a month."""
    first = date(YEAR, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))
