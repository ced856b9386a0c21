"""Which schedules a programme needs."""

from datetime import timedelta

import pytest
from temporalio.client import ScheduleOverlapPolicy

from journeyflow.conditions import ALWAYS, EventMatch
from journeyflow.engine.sweep import CATCH_UP
from journeyflow.plan import (
    End,
    EnterByDate,
    EnterByEvent,
    EnterByHand,
    EnterBySchedule,
    EnterBySegment,
    Entry,
    Metric,
    Plan,
    Split,
    Variant,
    WaitBestTime,
)
from journeyflow.policy import Defaults, Policy, Purchases
from journeyflow.schedules.drift import schedule_of
from journeyflow.schedules.wanted import Wanted, wanted

ALWAYS_THERE = {"sweeps", "segments", "purges", "reconcile-email", "reconcile-sms"}
POLICY = Policy(defaults=Defaults(timezone="Europe/Stockholm"))


def plan(enter: Entry) -> Plan:
    return Plan("mine", "Mine", "marketing", 50, enter, (End("end"),))


def of(enter: Entry, policy: Policy = POLICY) -> dict[str, Wanted]:
    return {one.id: one for one in wanted([plan(enter)], policy)}


@pytest.mark.parametrize(
    "enter", [EnterByEvent(EventMatch("joined")), EnterByHand(), EnterBySegment("lapsed", ALWAYS)]
)
def test_what_brings_people_in_by_itself_needs_no_sweep(enter: Entry) -> None:
    assert set(of(enter)) == ALWAYS_THERE


def test_a_schedule_comes_in_the_programmes_zone_and_a_run_that_must_wait_comes_after_it() -> None:
    mine = of(EnterBySchedule("0 9 * * mon"))["sweep-mine"]
    assert (mine.workflow, mine.arguments, mine.workflow_id) == ("Sweep", ("mine",), "sweep-mine")
    assert mine.spec.time_zone_name == "Europe/Stockholm"
    assert mine.overlap is ScheduleOverlapPolicy.BUFFER_ONE
    assert mine.catch_up == CATCH_UP


def test_birthdays_are_looked_for_in_every_zone_of_the_world() -> None:
    mine = of(EnterByDate("birthday", "09:05"))["sweep-mine"]
    [calendar] = mine.spec.calendars
    assert [(one.start, one.end, one.step) for one in calendar.minute] == [(5, 59, 15)]
    assert mine.spec.time_zone_name == "UTC"


def test_what_makes_up_for_the_others_does_not_start_with_them() -> None:
    [interval] = of(EnterBySchedule("0 9 * * mon"))["sweeps"].spec.intervals
    assert (interval.every, interval.offset) == (timedelta(hours=1), timedelta(minutes=7))


def test_classes_of_purchases_are_computed_where_the_policy_names_purchases() -> None:
    with_purchases = Policy(purchases=Purchases("order.completed", "total"), defaults=POLICY.defaults)
    nightly = of(EnterByHand(), with_purchases)["rfm"]
    assert (nightly.workflow, nightly.spec.time_zone_name) == ("Rfm", "Europe/Stockholm")


def test_nothing_catches_up_for_longer_than_a_day() -> None:
    everything = of(EnterBySchedule("0 9 * * mon"))
    windows = {id: schedule_of(one).policy.catchup_window for id, one in everything.items()}
    assert all(window is not None and window <= timedelta(days=1) for window in windows.values()), windows


def test_another_time_is_another_digest_and_other_words_are_not() -> None:
    monday, tuesday = (of(EnterBySchedule(f"0 9 * * {day}"))["sweep-mine"] for day in ("mon", "tue"))
    assert monday.digest != tuesday.digest


def test_experiments_and_best_times_are_seen_to_where_a_journey_has_them() -> None:
    metric = Metric(EventMatch("bought"), 3_600)
    ends = (End("end"),)
    split = Split("steps/0", "nudge", 0, (Variant("a", 10_000, 1),), metric)
    undecided = Split("steps/0", "nudge", 0, (Variant("a", 10_000, 1),))
    best = WaitBestTime("steps/0", 1, ("clicked",))
    for step, more in ((split, {"experiments"}), (undecided, set()), (best, {"best-hours"})):
        mine = Plan("mine", "Mine", "marketing", 50, EnterByHand(), (step, *ends))
        assert {one.id for one in wanted([mine], POLICY)} == ALWAYS_THERE | more
