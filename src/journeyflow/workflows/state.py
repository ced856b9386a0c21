"""The decisions of a cohort workflow, as plain functions over its state: who sets out, who rests."""

from collections import defaultdict

from journeyflow.members import Mask, from_hex, mask_of, positions, to_hex
from journeyflow.workflows.contracts import Arrival, CohortState, Delivery, LegOutcome, Rest, WakeUp


def set_out(state: CohortState, now: int) -> tuple[list[Arrival], int]:
    """Take out of the state whoever is due or woken; also gives the `since` of their next stops.

    An event counts by its own time: one from before the deadline wakes its member even when the
    deadline has passed meanwhile (workers were down); one from the deadline on does not.
    """
    arrivals: list[Arrival] = []
    staying: list[Rest] = []
    moments: list[int] = []
    by_step = _by_step(state)
    for rest in state.resting:
        members = from_hex(rest.members)
        woken = _woken(state, rest, members, by_step.get(rest.step, []))
        if woken:
            arrivals.append(_arrival(rest.step, woken))
            moments.append(min(wakeup.at for wakeup in woken.values()))
            members &= ~mask_of(woken)
        if members and rest.wake_at <= now:
            arrivals.append(_timed_out(state, rest, members))
            moments.append(rest.wake_at)
        elif members:
            staying.append(Rest(rest.step, rest.wake_at, rest.since, to_hex(members)))
    state.resting = staying
    _forget(state, arrivals, now)
    return arrivals, min(moments, default=now)


def place(state: CohortState, outcome: LegOutcome, since: int) -> None:
    """Put the members of a leg where it left them."""
    state.resting += [Rest(stop.step, stop.wake_at, since, stop.members) for stop in outcome.resting]
    state.deliveries += [Delivery(state.leg, channel) for channel in outcome.channels]
    for member, event in outcome.late:
        state.used[member] = event
    state.leg += 1


def next_wake(state: CohortState) -> int:
    return min(rest.wake_at for rest in state.resting)


def _by_step(state: CohortState) -> dict[int, list[WakeUp]]:
    by_step: dict[int, list[WakeUp]] = defaultdict(list)
    for wakeup in sorted(state.wakeups, key=lambda wakeup: wakeup.event):
        by_step[wakeup.step].append(wakeup)
    return by_step


def _woken(state: CohortState, rest: Rest, members: Mask, wakeups: list[WakeUp]) -> dict[int, WakeUp]:
    """The first usable event of each member at this stop; notes it as used."""
    woken: dict[int, WakeUp] = {}
    for wakeup in wakeups:
        if (
            members >> wakeup.member & 1
            and wakeup.member not in woken
            and rest.since <= wakeup.at < rest.wake_at
            and wakeup.event > state.used.get(wakeup.member, 0)
        ):
            woken[wakeup.member] = wakeup
    state.used.update({member: wakeup.event for member, wakeup in woken.items()})
    return woken


def _arrival(step: int, woken: dict[int, WakeUp]) -> Arrival:
    return Arrival(step, to_hex(mask_of(woken)), [[member, w.event] for member, w in sorted(woken.items())])


def _timed_out(state: CohortState, rest: Rest, members: Mask) -> Arrival:
    used = [[member, state.used[member]] for member in positions(members) if member in state.used]
    return Arrival(rest.step, to_hex(members), since=rest.since, used=used)


def _forget(state: CohortState, arrivals: list[Arrival], now: int) -> None:
    """Drop wake-ups that can never be used: their member rests, and will set out after them.

    Those of members under way are kept, since the next stop may be the one they are for.
    """
    moving = {member for arrival in arrivals for member in positions(from_hex(arrival.members))}
    state.wakeups = [
        wakeup
        for wakeup in state.wakeups
        if (wakeup.member in moving or wakeup.at > now) and wakeup.event > state.used.get(wakeup.member, 0)
    ]
