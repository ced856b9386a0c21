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
    state = resting(Rest(WAIT, 100, everyone(3)))
    assert set_out(state, 99) == []
    assert state.resting == [Rest(WAIT, 100, everyone(3))]


def test_those_who_are_due_set_out_from_the_deadline_on() -> None:
    state = resting(Rest(WAIT, 100, "5"), Rest(LATER, 300, "2"))
    arrivals = set_out(state, 150)
    assert [(a.step, a.members, a.events) for a in arrivals] == [(WAIT, "5", [])]
    # Events after the deadline find the member at its next stop, however late the leg.
    assert state.departed == {0: [100, 0], 2: [100, 0]}
    assert state.resting == [Rest(LATER, 300, "2")]
    assert next_wake(state) == 300


def test_an_event_wakes_its_member_and_no_other() -> None:
    state = resting(Rest(WAIT_FOR, 100, everyone(3)), wakeups=[WakeUp(1, WAIT_FOR, 77, 50)])
    arrivals = set_out(state, 50)
    assert [(a.step, a.members, a.events) for a in arrivals] == [(WAIT_FOR, "2", [[1, 77]])]
    assert state.departed == {1: [50, 77]}
    assert state.resting == [Rest(WAIT_FOR, 100, "5")]


@pytest.mark.parametrize(
    ("event_at", "came"),
    [(9, False), (10, True), (99, True), (100, False), (101, False)],
    ids=["before the wait", "as it begins", "just in time", "at the instant of the timeout", "too late"],
)
def test_the_events_own_time_decides_between_event_and_timeout(event_at: int, came: bool) -> None:
    # The workers were down past the deadline: both the timer and the signal are there when they come back.
    state = resting(Rest(WAIT_FOR, 100, "1"), wakeups=[WakeUp(0, WAIT_FOR, 77, event_at)])
    state.departed = {0: [10, 0]}
    arrivals = set_out(state, 5_000)
    assert [(a.step, a.members, a.events) for a in arrivals] == [(WAIT_FOR, "1", [[0, 77]] if came else [])]


def test_an_event_that_came_while_the_leg_ran_is_used_at_the_stop_it_led_to() -> None:
    state = resting(Rest(WAIT, 100, "1"))
    set_out(state, 100)
    state.wakeups.append(WakeUp(0, WAIT_FOR, 77, 101))  # the leg is under way
    place(state, LegOutcome([Stop(WAIT_FOR, 900, "1")], []))
    arrivals = set_out(state, 120)
    assert arrivals[0].events == [[0, 77]]


def test_an_event_counts_for_one_wait_only_also_when_it_is_signalled_again() -> None:
    state = resting(Rest(WAIT_FOR, 100, "1"), wakeups=[WakeUp(0, WAIT_FOR, 77, 50)])
    state.wakeups += [WakeUp(0, WAIT_FOR, 77, 50), WakeUp(0, LATER, 77, 50)]
    set_out(state, 50)
    place(state, LegOutcome([Stop(LATER, 900, "1")], []))
    state.wakeups.append(WakeUp(0, LATER, 77, 50))
    assert set_out(state, 60) == []
    assert state.wakeups == []


def test_two_events_satisfy_two_waits_in_order() -> None:
    wakeups = [WakeUp(0, LATER, 78, 51), WakeUp(0, WAIT_FOR, 77, 50)]
    state = resting(Rest(WAIT_FOR, 100, "1"), wakeups=wakeups)
    assert set_out(state, 60)[0].events == [[0, 77]]
    place(state, LegOutcome([Stop(LATER, 900, "1")], []))
    assert set_out(state, 60)[0].events == [[0, 78]]


def test_wakeups_that_nobody_can_use_are_forgotten() -> None:
    wakeups = [WakeUp(0, LATER, 77, 50), WakeUp(9, WAIT_FOR, 78, 50)]
    state = resting(Rest(WAIT_FOR, 100, "1"), wakeups=wakeups)
    assert set_out(state, 60) == []
    assert state.wakeups == []


def test_a_thousand_events_at_once_wake_each_member_once() -> None:
    wakeups = [WakeUp(number % 500, WAIT_FOR, 1 + number, 50) for number in range(1_000)]
    state = resting(Rest(WAIT_FOR, 100, everyone(500)), wakeups=wakeups)
    arrivals = set_out(state, 50)
    assert [arrival.members for arrival in arrivals] == [everyone(500)]
    assert arrivals[0].events == [[member, 1 + member] for member in range(500)]
    assert state.resting == []


def test_a_leg_puts_its_members_and_its_deliveries_into_the_state() -> None:
    state = resting()
    place(state, LegOutcome([Stop(WAIT, 500, "3")], ["email"]))
    assert state == CohortState(7, 4, [Rest(WAIT, 500, "3")], [Delivery(3, "email")])


def test_what_happens_to_a_member_does_not_depend_on_its_company() -> None:
    # One is woken early, the other's time is up later; both set out in one leg because the workers were down.
    early = WakeUp(0, WAIT_FOR, 77, 10)
    state = resting(Rest(WAIT_FOR, 100, "3"), wakeups=[early, WakeUp(1, LATER, 78, 50)])
    set_out(state, 200)
    place(state, LegOutcome([Stop(LATER, 900, "3")], []))
    assert set_out(state, 200) == [], "78 is from before member 1 left its stop"
    state.wakeups.append(WakeUp(0, LATER, 79, 50))
    assert set_out(state, 200)[0].events == [[0, 79]], "member 0 was there by then"


def test_an_event_with_a_lower_number_that_came_to_light_later_counts() -> None:
    state = resting(Rest(WAIT_FOR, 100, "1"), wakeups=[WakeUp(0, WAIT_FOR, 10, 50)])
    set_out(state, 50)
    place(state, LegOutcome([Stop(LATER, 900, "1")], []))
    state.wakeups.append(WakeUp(0, LATER, 9, 51))
    assert set_out(state, 60)[0].events == [[0, 9]]


def test_an_event_from_the_future_does_not_close_the_stops_after_it() -> None:
    state = resting(Rest(WAIT_FOR, 9_000, "1"), wakeups=[WakeUp(0, WAIT_FOR, 10, 5_000)])
    set_out(state, 50)
    place(state, LegOutcome([Stop(LATER, 9_000, "1")], []))
    state.wakeups.append(WakeUp(0, LATER, 11, 60))
    assert set_out(state, 60)[0].events == [[0, 11]]


def test_an_event_that_counted_late_wakes_nobody_again() -> None:
    state = CohortState(7, 1, [Rest(WAIT_FOR, 100, "1")])
    set_out(state, 100)
    place(state, LegOutcome([Stop(LATER, 900, "1")], [], [[0, 77, 60]]))
    state.wakeups += [WakeUp(0, LATER, 77, 60), WakeUp(0, LATER, 78, 60)]
    assert set_out(state, 120)[0].events == [[0, 78]]
