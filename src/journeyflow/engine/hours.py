"""When the policy's hours let a message out: quiet hours and send windows, where the customer is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from journeyflow import countries
from journeyflow.engine.local_time import at_local, zone
from journeyflow.policy import Policy, QuietHours

_DAY = timedelta(days=1)
_LOOK_AHEAD = timedelta(days=15)  # further closed hours are asked about again when they are reached


@dataclass(frozen=True, slots=True)
class Place:
    """Where a customer is, as far as that is known."""

    timezone: str | None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    until: datetime
    rule: QuietHours | None  # the quiet hours that hold now; None: no send window is open


@dataclass(frozen=True, slots=True)
class Hours:
    """The rules for one channel and category."""

    quiet: tuple[QuietHours, ...]
    windows: tuple[QuietHours, ...]
    default: ZoneInfo

    @staticmethod
    def of(policy: Policy, channel: str, category: str, default: ZoneInfo) -> "Hours":
        def concerns(rule: QuietHours) -> bool:
            return rule.channel in (None, channel) and rule.category in (None, category)

        quiet = tuple(filter(concerns, policy.quiet_hours))
        return Hours(quiet, tuple(filter(concerns, policy.send_windows)), default)

    def closed(self, place: Place, now: datetime) -> Closed | None:
        """None when a message may go out now.

        Without a known zone it may only when every zone of the country allows it, if there is such a time.
        """
        tz = zone(place.timezone) if place.timezone else None
        country = countries.of_customer(place.country, tz.key if tz else None, self.default.key)
        local = self._in(country)
        if tz is not None:
            return local.closed((tz,), now)
        zones = countries.zones(place.country) if place.country else ()
        everywhere = local.closed(zones, now)
        if zones and (everywhere is None or everywhere.until <= now + _LOOK_AHEAD):
            return everywhere
        return local.closed((self.default,), now)

    def _in(self, country: str | None) -> "_Local":
        def concerning(rules: tuple[QuietHours, ...]) -> tuple[QuietHours, ...]:
            return tuple(rule for rule in rules if countries.is_in(country, rule.country))

        return _Local(concerning(self.quiet), concerning(self.windows), country)


@dataclass(frozen=True, slots=True)
class _Local:
    quiet: tuple[QuietHours, ...]
    windows: tuple[QuietHours, ...]
    country: str | None

    def closed(self, zones: tuple[ZoneInfo, ...], now: datetime) -> Closed | None:
        first = self._held_by(zones, now)
        held, moment = first, now
        while held is not None:
            moment = held.until
            if moment > now + _LOOK_AHEAD:
                break
            held = self._held_by(zones, moment)
        return Closed(moment, first.rule) if first else None

    def _held_by(self, zones: tuple[ZoneInfo, ...], now: datetime) -> Closed | None:
        """The first rule that holds now in one of the zones, and until when."""
        for tz in zones:
            for rule in self.quiet:
                for start, end in spans(rule, now, tz, self.country):
                    if start <= now < end:
                        return Closed(end, rule)
            opening = self._opening(now, tz)
            if opening is not None:
                return Closed(opening, None)
        return None

    def _opening(self, now: datetime, tz: ZoneInfo) -> datetime | None:
        """When the next send window opens; None where one is open, or there are none."""
        if not self.windows:
            return None
        coming = []
        for rule in self.windows:
            for start, end in spans(rule, now, tz, self.country, ahead=8):
                if start <= now < end:
                    return None
                coming += [start] if start > now else []
        return min(coming, default=now + _LOOK_AHEAD + _DAY)


def spans(
    rule: QuietHours, now: datetime, tz: ZoneInfo, country: str | None, ahead: int = 2
) -> Iterator[tuple[datetime, datetime]]:
    """From when to when the rule holds, beginning between yesterday and so many days ahead.

    A start that comes twice, as clocks are put back, counts the first time, an end the second time.
    """
    today = now.astimezone(tz).date()
    for number in range(-1, ahead + 1):
        day = today + number * _DAY
        if _is_day(rule, day, country):
            yield (
                at_local(day, time.fromisoformat(rule.start), tz),
                at_local(*_end(rule, day), tz),
            )


def _end(rule: QuietHours, day: date) -> tuple[date, time]:
    if rule.end == "24:00":
        return day + _DAY, time(0, fold=1)
    end = time.fromisoformat(rule.end).replace(fold=1)
    return (day if rule.start < rule.end else day + _DAY), end


def _is_day(rule: QuietHours, day: date, country: str | None) -> bool:
    if not rule.days and not rule.holidays:
        return True
    return day.weekday() in rule.days or (
        rule.holidays and country is not None and day in public_holidays(country, day.year)
    )


@lru_cache(maxsize=256)
def public_holidays(country: str, year: int) -> frozenset[date]:
    """None where nothing is known about the country."""
    whole, _, part = country.partition("-")
    for subdivision in dict.fromkeys((part or None, None)):  # not every part has holidays of its own
        try:
            return frozenset(holidays.country_holidays(whole, subdiv=subdivision, years=year))
        except NotImplementedError:
            continue
    return frozenset()
