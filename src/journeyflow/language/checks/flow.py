"""The way through a journey: what is never reached, never woken, or follows too closely."""

from collections.abc import Sequence

from journeyflow.language.checks.hours import closed_hours, is_closed, longest_closed
from journeyflow.language.checks.loads import Load
from journeyflow.language.checks.logic import covers
from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.checks.together import on_channel
from journeyflow.language.checks.ways import Moment, Place
from journeyflow.language.definition import (
    EndStep,
    EventEntry,
    Exit,
    Journey,
    SendStep,
    Step,
    WaitForStep,
    Word,
)
from journeyflow.language.problems import Report, quoted
from journeyflow.language.walk import all_steps, step_lists
from journeyflow.policy import Category, Policy


def check_reach(journey: Journey, _around: Surroundings, report: Report) -> None:
    """Every step can be reached."""
    _reaches(journey.steps, report)


def check_waits(journey: Journey, _around: Surroundings, report: Report) -> None:
    """What a wait waits for can come while it lasts."""
    for step in all_steps(journey.steps):
        if isinstance(step, WaitForStep):
            _woken(step, journey.exits, report)


def check(
    journey: Journey, places: Sequence[Place], policy: Policy, _around: Surroundings, report: Report
) -> None:
    _at_once(places, report)
    _hasty(journey, places, policy, report)
    if policy.categories.get(journey.category.value, Category()).caps == "apply":
        _unending(journey, places, report)


def _reaches(steps: tuple[Step, ...], report: Report) -> bool:
    """Whether anybody comes out behind the last of `steps`; the first that nobody reaches is reported."""
    open_end = True
    for number, step in enumerate(steps):
        if not open_end:
            message = f"no customer ever comes here, since all have ended before; delete it or {_WAY_OUT}"
            report.add(step.mark, "JF301", message)
            return False
        open_end = _passes(step, report)
        if number == len(steps) - 1:
            return open_end
    return True


def _passes(step: Step, report: Report) -> bool:
    ways = [_reaches(inner, report) for inner in step_lists(step)]
    return any(ways) if ways else not isinstance(step, EndStep)


def _woken(step: WaitForStep, exits: tuple[Exit, ...], report: Report) -> None:
    """An event that takes customers out of the journey never wakes one in it."""
    for event in step.events:
        if any(_takes_all(rule, event, step) for rule in exits):
            message = (
                f"the event {quoted(event.value)} takes customers out of the journey, so that it never ends "
                f'this wait; take it out of "exit" or wait for another one'
            )
            report.add(event.mark, "JF306", message)


def _takes_all(rule: Exit, event: Word, step: WaitForStep) -> bool:
    pattern = rule.event
    return pattern is not None and pattern.event.value == event.value and covers(pattern.where, step.where)


def _at_once(places: Sequence[Place], report: Report) -> None:
    """Of the ways between two places without a pause, the first send on the same channel is reported."""
    sent: list[dict[str, SendStep]] = [{} for _ in places]
    for place, before in zip(places, sent, strict=True):
        step = place.step
        if isinstance(step, SendStep):
            earlier = before.get(step.channel.value)
            if earlier is not None:
                message = (
                    f"the {_NOUNS.get(step.channel.value, 'message')} of line {earlier.mark.line} goes out "
                    f"at the same time as this one; wait between them, or make one of the two"
                )
                report.add(step.mark, "JF307", message)
            before[step.channel.value] = step
        for way in place.ways:
            if not way.pauses:
                sent[way.to] = {**before, **sent[way.to]}


def _hasty(journey: Journey, places: Sequence[Place], policy: Policy, report: Report) -> None:
    """A wait that can be over before the quiet hours that hold the message before it or behind it."""
    before = _sends_before(places)
    for number, place in enumerate(places):
        wait = place.step
        if not isinstance(wait, WaitForStep):
            continue
        behind = places[place.ways[-1].to].step
        sends = [*before[number], *([(behind, None)] if isinstance(behind, SendStep) else [])]
        for send, moment in sends:
            longest = _held(send, moment, journey, policy)
            if wait.timeout < longest:
                report.add(wait.mark, "JF308", _too_short(send, longest))
                break


def _held(send: SendStep, moment: Moment | None, journey: Journey, policy: Policy) -> int:
    """The most seconds that quiet hours can hold a send which customers come to at that time of day."""
    closed = closed_hours(policy, journey.category.value, send.channel.value)
    waits = send.if_capped == "wait"  # and then goes out at any time
    if moment is not None and not waits and not is_closed(moment.minute, closed):
        return 0
    return longest_closed(closed)


def _too_short(send: SendStep, longest: int) -> str:
    return (
        f"the timeout is shorter than the {longest // 3_600} quiet hours that can hold the "
        f"{_NOUNS.get(send.channel.value, 'message')} on line {send.mark.line}; make it longer"
    )


def _sends_before(places: Sequence[Place]) -> list[list[tuple[SendStep, Moment | None]]]:
    """For each place the sends that lead straight to it, and the time of day at which they go out."""
    found: list[list[tuple[SendStep, Moment | None]]] = [[] for _ in places]
    for place in places:
        if isinstance(place.step, SendStep):
            found[place.ways[0].to].append((place.step, place.moment))
    return found


def _unending(journey: Journey, places: Sequence[Place], report: Report) -> None:
    """A journey that lets customers in again as soon as they are through, and they are through at once."""
    if isinstance(journey.enter, EventEntry) and Load(journey, places, on_channel(None)).is_endless:
        message = (
            f"each {quoted(journey.enter.pattern.event.value)} sends again within a minute, however many "
            f'come; write "again: after ..." with a longer time, or let a wait of at least a minute stand in '
            f"the journey"
        )
        report.add(journey.enter.mark, "JF309", message)


_WAY_OUT = 'take the "end" away'
_NOUNS = {"email": "e-mail", "sms": "SMS"}
