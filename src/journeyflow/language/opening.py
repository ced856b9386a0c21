"""When the policy lets anything through, in the minutes of a week; holidays and countries are left aside."""

from collections.abc import Iterable, Iterator

from journeyflow import countries
from journeyflow.language.steps import CHANNELS
from journeyflow.policy import Policy, QuietHours

DAY, WEEK = 1_440, 7 * 1_440  # minutes
_ALL = (1 << WEEK) - 1


def never_open(policy: Policy) -> Iterator[tuple[str, str, str | None]]:
    """Channels, categories and countries (None: everywhere) for which no minute is left."""
    named = {rule.country for rule in (*policy.quiet_hours, *policy.send_windows) if rule.country}
    for channel in CHANNELS:
        for name, category in policy.categories.items():
            for country in (None, *sorted(named)) if category.quiet_hours == "apply" else ():
                if closed_minutes(policy, channel, name, country) == _ALL:
                    yield channel, name, country
                    break


def closed_minutes(policy: Policy, channel: str, category: str, country: str | None = None) -> int:
    """A bit for each minute of the week, Monday first; without a country only the rules for everybody."""

    def concerning(rules: Iterable[QuietHours]) -> list[QuietHours]:
        return [
            rule
            for rule in rules
            if rule.channel in (None, channel)
            and rule.category in (None, category)
            and countries.is_in(country, rule.country)
        ]

    windows = concerning(policy.send_windows)
    outside = _ALL & ~_minutes(windows) if windows else 0
    return outside | _minutes(concerning(policy.quiet_hours))


def _minutes(rules: Iterable[QuietHours]) -> int:
    found = 0
    for rule in rules:
        start, length = _length(rule)
        for day in rule.days or (() if rule.holidays else range(7)):
            block = ((1 << length) - 1) << (day * DAY + start)
            found |= (block | block >> WEEK) & _ALL
    return found


def _length(rule: QuietHours) -> tuple[int, int]:
    """Minutes after midnight, and how many."""
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in (rule.start, rule.end))
    return start, (end - start) % DAY or DAY
