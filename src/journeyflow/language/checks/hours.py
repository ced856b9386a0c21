"""When the policy's hours can hold a message, as bits for the minutes of a week."""

from journeyflow.language.opening import DAY, WEEK, closed_minutes
from journeyflow.policy import Category, Policy


def minute_of(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def closed_hours(policy: Policy, category: str, channel: str) -> tuple[int, ...]:
    """For customers wherever they are: a bit for each minute at which a message is held, Monday first."""
    if policy.categories.get(category, Category()).quiet_hours == "exempt":
        return ()
    countries = {rule.country for rule in (*policy.quiet_hours, *policy.send_windows)} | {None}
    found = {closed_minutes(policy, channel, category, country) for country in countries}
    return tuple(found - {0})


def longest_closed(closed: tuple[int, ...]) -> int:
    """Seconds in one piece."""
    return max((_run(minutes) for minutes in closed), default=0) * 60


def is_closed(minute: int, closed: tuple[int, ...]) -> bool:
    """On any day of the week."""
    return any(minutes >> (day * DAY + minute) & 1 for minutes in closed for day in range(7))


def _run(minutes: int) -> int:
    """The most bits next to each other; Sunday goes on into Monday."""
    around = f"{minutes:0{WEEK}b}" * 2
    return min(WEEK, max(map(len, around.split("0"))))
