"""Times of day in a customer's zone, right through daylight saving."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from journeyflow.errors import ConfigurationError
from journeyflow.policy import Policy

_LOOK_AHEAD = 15  # days: any set of weekdays comes round within 7, a zone may skip one


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """None when there is no such zone: callers fall back to the programme's default."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def default_zone(policy: Policy) -> ZoneInfo:
    found = zone(policy.defaults.timezone)
    if found is None:
        raise ConfigurationError(f'policy: no timezone is called "{policy.defaults.timezone}"')
    return found


def at_local(day: date, clock: time, tz: ZoneInfo) -> datetime:
    """The instant (UTC) of a local time.

    A time that does not exist moves to the first valid minute after it; one that comes twice is the
    first of the two, or the second where the clock's fold is 1.
    """
    local = datetime.combine(day, clock, tz)
    instant = local.astimezone(UTC)
    if instant.astimezone(tz).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    return _end_of_gap(local)


def next_local(after: datetime, clock: time, days: tuple[int, ...], tz: ZoneInfo) -> datetime:
    """The first instant strictly after `after` at which it is `clock` on one of `days` (empty: any).

    Where the clocks are put forward over midnight, a time that does not exist becomes the next day's 00:00.
    """
    today = after.astimezone(tz).date()
    for ahead in range(-1, _LOOK_AHEAD):
        day = today + timedelta(days=ahead)
        if days and day.weekday() not in days:
            continue
        instant = at_local(day, clock, tz)
        if instant > after and _exists(day, tz):
            return instant
    raise AssertionError(f"no {clock} on weekdays {days} within {_LOOK_AHEAD} days")


def _exists(day: date, tz: ZoneInfo) -> bool:
    """False for a day that a zone left out when it moved across the date line."""
    return at_local(day, time(0), tz).astimezone(tz).date() == day


def _end_of_gap(local: datetime) -> datetime:
    """The instant at which clocks were put forward over `local`."""
    before = (local - timedelta(days=1)).astimezone(UTC)
    after = (local + timedelta(days=1)).astimezone(UTC)
    old = before.astimezone(local.tzinfo).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(local.tzinfo).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
