"""How much one customer can get from a journey or from several, and against which caps that runs."""

from collections.abc import Sequence

from journeyflow.language.checks.loads import Chain, Load
from journeyflow.language.checks.logic import Both, Logic, can_hold_together, formula
from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.checks.ways import Place, ways
from journeyflow.language.definition import (
    DateEntry,
    EventEntry,
    Journey,
    ScheduleEntry,
    SegmentEntry,
    SendStep,
)
from journeyflow.language.problems import Report, quoted
from journeyflow.policy import DAY, Cap, Category, Policy

WINDOWS = {"24 hours": DAY, "7 days": 7 * DAY, "30 days": 30 * DAY}

_SHOWN = 6  # sends of a path, or journeys, that are named
_WAY_OUT = 'Send less, wait longer, or say with "if_capped" what becomes of the rest'


def check(
    journey: Journey, places: Sequence[Place], policy: Policy, _around: Surroundings, report: Report
) -> None:
    totals = ""
    loads = {channel: Load(journey, places, channel) for channel in {cap.channel for cap in policy.caps}}
    for cap in _caps(policy, journey):
        count, chain = loads[cap.channel].most(cap.per)
        over = _over(chain, cap) if count > cap.at_most else None
        again = "" if over else ", each time that somebody enters"
        mark = over.mark if over else journey.enter.mark
        if count > cap.at_most and not (over and _waits_long_enough(over, cap)):
            totals = totals or _totals(journey, policy)
            message = (
                f"a customer can get {count} messages from this journey in {_length(cap.per)}, and the cap "
                f"for {_named(cap)} is {cap.at_most}: {_path(chain)}{again}; {totals}. "
            )
            report.add(mark, "JF501", message + _WAY_OUT)


def check_together(journeys: Sequence[tuple[Journey, Report]], around: Surroundings) -> None:
    """Journeys that the same moment brings a customer into."""
    policy = around.policy
    if policy is None or not policy.caps:
        return
    for group in (group for group in _groups(journeys) if len(group) > 1):
        for cap in policy.caps:
            _check_group(group, cap, policy)


def most(journey: Journey, policy: Policy) -> dict[str, int]:
    """The most messages that a customer can get in each of WINDOWS."""
    load = Load(journey, ways(journey, policy), None)
    return {name: load.most(seconds)[0] for name, seconds in WINDOWS.items()}


def _caps(policy: Policy, journey: Journey) -> list[Cap]:
    category = journey.category.value
    if policy.categories.get(category, Category()).caps == "exempt":
        return []
    return [cap for cap in policy.caps if cap.category in (None, category)]


def _groups(journeys: Sequence[tuple[Journey, Report]]) -> list[list[tuple[Journey, Report]]]:
    """Journeys with one occasion to enter; for events, those that one and the same event can enter."""
    by_occasion: dict[object, list[tuple[Journey, Report]]] = {}
    for journey, report in journeys:
        by_occasion.setdefault(_occasion(journey), []).append((journey, report))
    return [_compatible(group) for group in by_occasion.values()]


def _occasion(journey: Journey) -> object:
    match journey.enter:
        case EventEntry():
            return "event", journey.enter.pattern.event.value
        case SegmentEntry():
            return "segment", journey.enter.segment.value
        case DateEntry():
            return "date", journey.enter.attribute.value, journey.enter.offset
        case ScheduleEntry():
            return "schedule", journey.enter.cron
        case _:
            return "journey", journey.name.value


def _compatible(group: list[tuple[Journey, Report]]) -> list[tuple[Journey, Report]]:
    """Those that fit the first of them in order of their names; a pair that excludes itself is no group."""
    found: list[tuple[Journey, Report]] = []
    for journey, report in group:
        if all(_can_enter_both(journey, other) for other, _ in found):
            found.append((journey, report))
    return found


def _can_enter_both(one: Journey, other: Journey) -> bool:
    """Neither the tests on the event nor what is asked of the customer excludes it."""
    asked = Both(tuple(formula(journey.when) for journey in (one, other) if journey.when))
    if Logic().is_impossible(asked):
        return False
    if isinstance(one.enter, EventEntry) and isinstance(other.enter, EventEntry):
        return can_hold_together(one.enter.pattern.where, other.enter.pattern.where)
    return True


def _check_group(group: list[tuple[Journey, Report]], cap: Cap, policy: Policy) -> None:
    shares = [
        (count, journey, report)
        for journey, report in group
        if cap in _caps(policy, journey) and (count := _at_entry(journey, policy, cap))
    ]
    total = sum(count for count, _, _ in shares)
    if len(shares) < 2 or total <= cap.at_most or any(count > cap.at_most for count, _, _ in shares):
        return
    last = min(range(len(shares)), key=lambda number: (shares[number][1].priority, -number))
    named = [f"{quoted(journey.name.value)} ({count})" for count, journey, _ in shares[:_SHOWN]]
    named += [f"{len(shares) - _SHOWN} more"] if len(shares) > _SHOWN else []
    message = (
        f"the same moment brings customers into {' and '.join(named)}: together {total} messages in "
        f"{_length(cap.per)}, and the cap for {_named(cap)} is {cap.at_most}; "
        f"this journey comes last by priority, so let it wait longer, or exclude the others' customers"
    )
    _, journey, report = shares[last]
    report.add(journey.enter.mark, "JF502", message)


def _at_entry(journey: Journey, policy: Policy, cap: Cap) -> int:
    """The most messages in the first window after entry."""
    return Load(journey, ways(journey, policy), cap.channel).at_entry(cap.per)


def _over(chain: Chain | None, cap: Cap) -> SendStep | None:
    """The send that the cap has no room for."""
    return next((link.send for number, link in enumerate(chain or ()) if number == cap.at_most), None)


def _waits_long_enough(send: SendStep, cap: Cap) -> bool:
    return send.if_capped == "wait" and (send.up_to or 0) >= cap.per


def _path(chain: Chain | None) -> str:
    names = [f"{link.send.template.value} (line {link.send.mark.line})" for link in chain or ()]
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _totals(journey: Journey, policy: Policy) -> str:
    return ", ".join(f"{count} in {name}" for name, count in most(journey, policy).items())


def _named(cap: Cap) -> str:
    return " ".join(filter(None, (cap.category, cap.channel))) or "all messages"


def _length(seconds: int) -> str:
    for size, unit in ((DAY, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds % size == 0:
            number = seconds // size
            return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
    return f"{seconds} seconds"
