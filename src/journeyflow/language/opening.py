"""When the policy lets anything through, in the minutes of a week; holidays and countries are left aside."""

from collections.abc import Iterable, Iterator

from journeyflow import countries
from journeyflow.language.steps import CHANNELS
from journeyflow.policy import Policy, QuietHours

_DAY, _WEEK = 1_440, 7 * 1_440
_ALL = (1 << _WEEK) - 1


def never_open(policy: Policy) -> Iterator[tuple[str, str]]:
    """Channels and categories for which no minute is left."""
    for channel in CHANNELS:
        for name, category in policy.categories.items():
            if category.quiet_hours == "apply" and not open_minutes(policy, channel, name):
                yield channel, name


def open_minutes(policy: Policy, channel: str, category: str) -> int:
    """A bit for each minute of the week, Monday first."""
    windows = _minutes(concerning(policy.send_windows, channel, category)) or _ALL
    return windows & ~_minutes(concerning(policy.quiet_hours, channel, category))


def concerning(
    rules: Iterable[QuietHours], channel: str, category: str, country: str | None = None
) -> list[QuietHours]:
    """Those that hold whatever the country; with one, those for it as well."""
    return [
        rule
        for rule in rules
        if rule.channel in (None, channel)
        and rule.category in (None, category)
        and countries.is_in(country, rule.country)
    ]


def _minutes(rules: Iterable[QuietHours]) -> int:
    found = 0
    for rule in rules:
        start, length = minutes(rule)
        for day in rule.days or (() if rule.holidays else range(7)):
            block = ((1 << length) - 1) << (day * _DAY + start)
            found |= (block | block >> _WEEK) & _ALL
    return found


def minutes(rule: QuietHours) -> tuple[int, int]:
    """After midnight, and how many."""
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in (rule.start, rule.end))
    return start, (end - start) % _DAY or _DAY
