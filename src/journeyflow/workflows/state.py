"""The decisions of a cohort workflow, as plain functions over its state: who sets out, who rests."""

from collections import defaultdict

from journeyflow.members import Mask, from_hex, mask_of, positions, to_hex
from journeyflow.workflows.contracts import Arrival, CohortState, Delivery, LegOutcome, Rest, WakeUp


def set_out(state: CohortState, now: int) -> list[Arrival]:
    """Take out of the state whoever is due or woken, and note when each left its stop.

    That is the time of the deadline or of the event, however late we look: events from then on find the
    member at its next stop. An event counts by its own time: one from before the deadline wakes its member
    even when the deadline has passed meanwhile (workers were down); one from the deadline on does not.
    """
    arrivals: list[Arrival] = []
    staying: list[Rest] = []
    by_step = _by_step(state)
    for rest in state.resting:
        members = from_hex(rest.members)
        woken = _woken(state, rest, members, by_step.get(rest.step, []))
        if woken:
            arrivals.append(_arrival(rest.step, woken))
            state.departed.update({m: [min(w.at, now), w.event] for m, w in woken.items()})
            members &= ~mask_of(woken)
        if members and rest.wake_at <= now:
            arrivals.append(Arrival(rest.step, to_hex(members)))
            state.departed.update({member: [rest.wake_at, 0] for member in positions(members)})
        elif members:
            staying.append(Rest(rest.step, rest.wake_at, to_hex(members)))
    state.resting = staying
    _forget(state, arrivals, now)
    return arrivals


def place(state: CohortState, outcome: LegOutcome) -> None:
    """Put the members of a leg where it left them."""
    state.resting += [Rest(stop.step, stop.wake_at, stop.members) for stop in outcome.resting]
    state.deliveries += [Delivery(state.leg, channel, outcome.priority) for channel in outcome.channels]
    state.departed.update({member: [at, event] for member, event, at in outcome.late})
    state.leg += 1


def next_wake(state: CohortState) -> int:
    return min(rest.wake_at for rest in state.resting)


def _by_step(state: CohortState) -> dict[int, list[WakeUp]]:
    by_step: dict[int, list[WakeUp]] = defaultdict(list)
    for wakeup in sorted(state.wakeups, key=lambda wakeup: (wakeup.at, wakeup.event)):
        by_step[wakeup.step].append(wakeup)
    return by_step


def _woken(state: CohortState, rest: Rest, members: Mask, wakeups: list[WakeUp]) -> dict[int, WakeUp]:
    """The first usable event of each member at this stop."""
    woken: dict[int, WakeUp] = {}
    for wakeup in wakeups:
        if members >> wakeup.member & 1 and wakeup.at < rest.wake_at and _is_new(state, wakeup):
            woken.setdefault(wakeup.member, wakeup)
    return woken


def _is_new(state: CohortState, wakeup: WakeUp) -> bool:
    """Not from before the member left its last stop, and not what woke it there."""
    left_at, woken_by = state.departed.get(wakeup.member, (0, 0))
    return wakeup.at > left_at or (wakeup.at == left_at and wakeup.event > woken_by)


def _arrival(step: int, woken: dict[int, WakeUp]) -> Arrival:
    return Arrival(step, to_hex(mask_of(woken)), [[member, w.event] for member, w in sorted(woken.items())])


def _forget(state: CohortState, arrivals: list[Arrival], now: int) -> None:
    """Drop wake-ups that can never be used: their member rests, and will set out after them.

    Those of members under way are kept, since the next stop may be the one they are for.
    """
    moving = {member for arrival in arrivals for member in positions(from_hex(arrival.members))}
    state.wakeups = [
        wakeup
        for wakeup in state.wakeups
        if (wakeup.member in moving or wakeup.at > now) and _is_new(state, wakeup)
    ]
