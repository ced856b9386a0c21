"""Who sets out and who rests: the cohort's decisions without a server."""

import pytest

from journeyflow.members import first, from_hex, mask_of, positions, to_hex
from journeyflow.workflows.contracts import CohortState, Delivery, LegOutcome, Rest, Stop, WakeUp
from journeyflow.workflows.state import next_wake, place, set_out

WAIT, WAIT_FOR, LATER = 1, 2, 4


def resting(*rests: Rest, wakeups: list[WakeUp] | None = None) -> CohortState:
    return CohortState(7, 3, list(rests), wakeups=wakeups or [])


def everyone(count: int) -> str:
    return to_hex(first(count))


def test_masks_name_members_and_survive_json() -> None:
    assert list(positions(mask_of([0, 3, 499]))) == [0, 3, 499]
    assert from_hex(to_hex(mask_of([499]))) == 1 << 499


def test_nobody_sets_out_before_their_time() -> None:
    state = resting(Rest(WAIT, 100, 0, everyone(3)))
    assert set_out(state, 99) == ([], 99)
    assert state.resting == [Rest(WAIT, 100, 0, everyone(3))]


def test_those_who_are_due_set_out_from_the_deadline_on() -> None:
    state = resting(Rest(WAIT, 100, 0, "5"), Rest(LATER, 300, 0, "2"))
    arrivals, since = set_out(state, 150)
    assert [(a.step, a.members, a.events) for a in arrivals] == [(WAIT, "5", [])]
    assert since == 100  # events after the deadline find the member at its next stop, however late the leg
    assert state.resting == [Rest(LATER, 300, 0, "2")]
    assert next_wake(state) == 300


def test_an_event_wakes_its_member_and_no_other() -> None:
    state = resting(Rest(WAIT_FOR, 100, 0, everyone(3)), wakeups=[WakeUp(1, WAIT_FOR, 77, 50)])
    arrivals, since = set_out(state, 50)
    assert [(a.step, a.members, a.events) for a in arrivals] == [(WAIT_FOR, "2", [[1, 77]])]
    assert since == 50
    assert state.resting == [Rest(WAIT_FOR, 100, 0, "5")]


@pytest.mark.parametrize(
    ("event_at", "came"),
    [(9, False), (10, True), (99, True), (100, False), (101, False)],
    ids=["before the wait", "as it begins", "just in time", "at the instant of the timeout", "too late"],
)
def test_the_events_own_time_decides_between_event_and_timeout(event_at: int, came: bool) -> None:
    # The workers were down past the deadline: both the timer and the signal are there when they come back.
    state = resting(Rest(WAIT_FOR, 100, 10, "1"), wakeups=[WakeUp(0, WAIT_FOR, 77, event_at)])
    arrivals, _ = set_out(state, 5_000)
    assert [(a.step, a.members, a.events) for a in arrivals] == [(WAIT_FOR, "1", [[0, 77]] if came else [])]


def test_an_event_that_came_while_the_leg_ran_is_used_at_the_stop_it_led_to() -> None:
    state = resting(Rest(WAIT, 100, 0, "1"))
    set_out(state, 100)
    state.wakeups.append(WakeUp(0, WAIT_FOR, 77, 101))  # the leg is under way
    place(state, LegOutcome([Stop(WAIT_FOR, 900, "1")], []), 100)
    arrivals, _ = set_out(state, 120)
    assert arrivals[0].events == [[0, 77]]


def test_an_event_counts_for_one_wait_only_also_when_it_is_signalled_again() -> None:
    state = resting(Rest(WAIT_FOR, 100, 0, "1"), wakeups=[WakeUp(0, WAIT_FOR, 77, 50)])
    state.wakeups += [WakeUp(0, WAIT_FOR, 77, 50), WakeUp(0, LATER, 77, 50)]
    set_out(state, 50)
    place(state, LegOutcome([Stop(LATER, 900, "1")], []), 50)
    state.wakeups.append(WakeUp(0, LATER, 77, 50))
    assert set_out(state, 60)[0] == []
    assert state.wakeups == []


def test_two_events_satisfy_two_waits_in_order() -> None:
    wakeups = [WakeUp(0, LATER, 78, 51), WakeUp(0, WAIT_FOR, 77, 50)]
    state = resting(Rest(WAIT_FOR, 100, 0, "1"), wakeups=wakeups)
    assert set_out(state, 60)[0][0].events == [[0, 77]]
    place(state, LegOutcome([Stop(LATER, 900, "1")], []), 50)
    assert set_out(state, 60)[0][0].events == [[0, 78]]


def test_wakeups_that_nobody_can_use_are_forgotten() -> None:
    wakeups = [WakeUp(0, LATER, 77, 50), WakeUp(9, WAIT_FOR, 78, 50)]
    state = resting(Rest(WAIT_FOR, 100, 0, "1"), wakeups=wakeups)
    assert set_out(state, 60) == ([], 60)
    assert state.wakeups == []


def test_a_thousand_events_at_once_wake_each_member_once() -> None:
    wakeups = [WakeUp(number % 500, WAIT_FOR, 1 + number, 50) for number in range(1_000)]
    state = resting(Rest(WAIT_FOR, 100, 0, everyone(500)), wakeups=wakeups)
    arrivals, _ = set_out(state, 50)
    assert [arrival.members for arrival in arrivals] == [everyone(500)]
    assert arrivals[0].events == [[member, 1 + member] for member in range(500)]
    assert state.resting == []


def test_a_leg_puts_its_members_and_its_deliveries_into_the_state() -> None:
    state = resting()
    place(state, LegOutcome([Stop(WAIT, 500, "3")], ["email"]), 40)
    assert state == CohortState(7, 4, [Rest(WAIT, 500, 40, "3")], [Delivery(3, "email")])


def test_whoever_times_out_brings_along_what_a_late_event_has_to_meet() -> None:
    state = CohortState(7, 1, [Rest(WAIT_FOR, 100, 10, "3")], used={1: 55, 4: 66})
    arrivals, _ = set_out(state, 100)
    assert [(one.since, one.used) for one in arrivals] == [(10, [[1, 55]])]


def test_an_event_that_counted_late_wakes_nobody_again() -> None:
    state = CohortState(7, 1, [Rest(WAIT_FOR, 100, 0, "1")])
    set_out(state, 100)
    place(state, LegOutcome([Stop(LATER, 900, "1")], [], [[0, 77]]), 0)
    state.wakeups += [WakeUp(0, LATER, 77, 60), WakeUp(0, LATER, 78, 60)]
    assert set_out(state, 120)[0][0].events == [[0, 78]]
