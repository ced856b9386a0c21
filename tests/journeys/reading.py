"""What tests ask a trip about."""

from datetime import datetime
from zoneinfo import ZoneInfo

from journeyflow.store.ledger import WAS
from journeyflow.testing.travel import Trip


async def templates(trip: Trip, customer: str) -> list[str]:
    """What the customer was sent, in the order of sending."""
    return [row.template for row in await trip.messages(customer) if row.state in WAS["sent"]]


async def ledger(trip: Trip, customer: str) -> list[tuple[str, str, str | None]]:
    """(template, state, reason) of each of the customer's messages."""
    return [(row.template, row.state, row.reason) for row in await trip.messages(customer)]


async def states(trip: Trip, customer: str) -> list[tuple[str, str | None]]:
    """(state, reason) of each of the customer's enrollments."""
    return [(row.state, row.reason) for row in await trip.enrollments(customer)]


async def wake_at(trip: Trip, customer: str) -> datetime:
    """Until when the customer rests in the last enrollment."""
    moment: datetime = (await trip.enrollments(customer))[-1].wake_at
    return moment


def local(instant: datetime, zone: str) -> str:
    return f"{instant.astimezone(ZoneInfo(zone)):%a %H:%M}"
