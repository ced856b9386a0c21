"""Times of day and quiet hours, as numbers of minutes since midnight."""

from journeyflow.policy import Category, Policy, QuietHours


def minute_of(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def quiet_hours_of(policy: Policy, category: str, channel: str) -> tuple[QuietHours, ...]:
    """The quiet hours that hold a message of this category on this channel."""
    if policy.categories.get(category, Category()).quiet_hours == "exempt":
        return ()
    return tuple(rule for rule in policy.quiet_hours if rule.channel in (None, channel))


def length(rule: QuietHours) -> int:
    """Seconds."""
    return (minute_of(rule.end) - minute_of(rule.start)) % 1_440 * 60


def is_quiet(minute: int, rule: QuietHours) -> bool:
    return (minute - minute_of(rule.start)) % 1_440 < length(rule) // 60
