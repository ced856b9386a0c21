"""How much one customer can get from a journey or from several, and against which caps that runs."""

from collections.abc import Mapping, Sequence

from journeyflow.language.checks.handovers import hand_overs
from journeyflow.language.checks.loads import WINDOWS, Load, Most
from journeyflow.language.checks.occasions import Fits, occasions
from journeyflow.language.checks.paths import Sent
from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.checks.together import Loads, caps_of, limit_of, on_channel
from journeyflow.language.checks.ways import Place
from journeyflow.language.definition import Journey, SendStep
from journeyflow.language.problems import Mark, Report, quoted
from journeyflow.policy import DAY, Cap, Policy

_SHOWN = 6  # sends of a path, or journeys, that are named
_WAY_OUT = 'Send less, wait longer, or say with "if_capped" what becomes of the rest'


def check(
    journey: Journey, places: Sequence[Place], policy: Policy, _around: Surroundings, report: Report
) -> None:
    """Of the journey by itself."""
    channels = {cap.channel for cap in policy.caps}
    limit = limit_of(policy)
    loads = {channel: Load(journey, places, on_channel(channel), None, limit) for channel in channels}
    for cap in caps_of(policy, journey):
        found = _most(loads[cap.channel], cap)
        if _is_over(found, cap):
            totals = _totals(Load(journey, places, on_channel(None), None, limit))
            report.add(*_problem(journey, found, cap, totals))


def check_together(journeys: Sequence[tuple[Journey, Report]], around: Surroundings) -> None:
    """Of journeys that hand over, and of those that the same moment brings a customer into."""
    policy = around.policy
    if policy is None or not policy.caps:
        return
    loads = Loads({journey.name.value: journey for journey, _ in journeys}, policy)
    for journey, report in journeys:
        _check_hand_overs(journey, policy, loads, report)
    reports = {journey.name.value: report for journey, report in journeys}
    for group in occasions([journey for journey, _ in journeys]):
        fits = Fits(group)
        for cap in policy.caps:
            _check_group(group, fits, cap, loads, reports)


def most(journeys: Sequence[Journey], policy: Policy) -> dict[str, dict[str, int | None]]:
    """By name, the most messages that a customer can get in each of WINDOWS; None: without limit.

    Of one path, no more than `limit_of` are counted for certain.
    """
    loads = Loads({journey.name.value: journey for journey in journeys}, policy)
    names = (journey.name.value for journey in journeys)
    return {name: _in_windows(loads.of(name)) for name in names}


def _most(load: Load, cap: Cap) -> Most:
    """Where there is no limit, which is told as another problem, of a single passage."""
    found = load.most(cap.seconds)
    return found if found.count is not None else load.once(cap.seconds)


def _is_over(found: Most, cap: Cap) -> bool:
    over = _over(found, cap)
    waits = over is not None and _waits_long_enough(over.send, cap)
    return (found.count or 0) > cap.at_most and not waits


def _problem(journey: Journey, found: Most, cap: Cap, totals: str) -> tuple[Mark, str, str]:
    over = _over(found, cap)
    mark = (over.through or over.send).mark if over else journey.enter.mark
    again = "" if over else ", each time that somebody enters"
    others = " and those that it hands over to" if any(sent.through for sent in found.sends) else ""
    message = (
        f"a customer can get {_number(found)} messages from this journey{others} in {_window(cap)}, and "
        f"the cap for {_named(cap)} is {cap.at_most}: {_path(found.sends)}{again}; {totals}. "
    )
    return mark, "JF501", message + _WAY_OUT


def _check_hand_overs(journey: Journey, policy: Policy, loads: Loads, report: Report) -> None:
    """What a journey gets over a cap by what it hands over to."""
    name = journey.name.value
    for cap in policy.caps if hand_overs(journey) else ():
        found = _most(loads.of(name, cap), cap)
        handed = any(sent.through for sent in found.sends)
        if handed and _is_over(found, cap) and not _is_over(_most(loads.alone(name, cap), cap), cap):
            report.add(*_problem(journey, found, cap, _totals(loads.of(name))))


def _check_group(
    group: list[Journey], fits: Fits, cap: Cap, loads: Loads, reports: Mapping[str, Report]
) -> None:
    """The journey that comes last is told about the largest set that it is in."""
    counts = {number: loads.of(one.name.value, cap).at_entry(cap.seconds) for number, one in enumerate(group)}
    counts = {number: count for number, count in counts.items() if 0 < count <= cap.at_most}
    worst: dict[int, list[int]] = {}
    for members in fits.largest(counts):
        if sum(counts[each] for each in members) > cap.at_most:
            for each in members:  # whose part a change in another file may make the one that is told
                reports[group[each].name.value].concerns.add("JF502")
        last = min(members, key=lambda number: (group[number].priority, -number))
        worst[last] = max(worst.get(last, []), members, key=lambda one: sum(counts[each] for each in one))
    for last, members in worst.items():
        shares = [(group[number], counts[number]) for number in members]
        if sum(count for _, count in shares) > cap.at_most:
            report = reports[group[last].name.value]
            report.add(group[last].enter.mark, "JF502", _shared(shares, cap))


def _shared(shares: list[tuple[Journey, int]], cap: Cap) -> str:
    named = [f"{quoted(journey.name.value)} ({count})" for journey, count in shares[:_SHOWN]]
    named += [f"{len(shares) - _SHOWN} more"] if len(shares) > _SHOWN else []
    total = sum(count for _, count in shares)
    return (
        f"the same moment brings customers into {' and '.join(named)}: together {total} messages in "
        f"{_window(cap)}, and the cap for {_named(cap)} is {cap.at_most}; "
        f"this journey comes last by priority, so let it wait longer, or exclude the others' customers"
    )


def _over(found: Most, cap: Cap) -> Sent | None:
    """The send that the cap has no room for."""
    return found.sends[cap.at_most] if len(found.sends) > cap.at_most else None


def _waits_long_enough(send: SendStep, cap: Cap) -> bool:
    return send.if_capped == "wait" and (send.up_to or 0) >= cap.seconds


def _path(sends: Sequence[Sent]) -> str:
    names = [f"{sent.send.template.value} ({_place(sent)})" for sent in sends[:_SHOWN]]
    return ", ".join(names) + (", ..." if len(sends) > _SHOWN else "")


def _place(sent: Sent) -> str:
    line = f"line {sent.send.mark.line}"
    return f"{line} of {quoted(sent.journey)}" if sent.through else line


def _totals(load: Load) -> str:
    return ", ".join(f"{_number(load.most(seconds))} in {name}" for name, seconds in WINDOWS.items())


def _number(found: Most) -> str:
    if found.count is None:
        return "any number"
    return f"{found.count} or more" if found.is_least else str(found.count)


def _in_windows(load: Load) -> dict[str, int | None]:
    return {name: load.most(seconds).count for name, seconds in WINDOWS.items()}


def _named(cap: Cap) -> str:
    named = " ".join(filter(None, (cap.category, cap.topic, cap.channel))) or "all messages"
    return (
        named + (f" of {cap.journey}" if cap.journey else "") + (f" in {cap.country}" if cap.country else "")
    )


def _window(cap: Cap) -> str:
    return _length(cap.per) if isinstance(cap.per, int) else f"a calendar {cap.per}"


def _length(seconds: int) -> str:
    for size, unit in ((DAY, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds % size == 0:
            number = seconds // size
            return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
    return f"{seconds} seconds"
